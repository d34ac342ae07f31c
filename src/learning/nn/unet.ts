// The U-Net as graph nodes; fastMRI's own is fastmri-unet.ts.
import { arithmetic, ShapeError, type Value } from "../../engine/index.ts";
import type { Unet } from "./block-layers.ts";
import { images, type Apply, type Scope } from "./scope.ts";

function checkShape(name: string, x: Value, { depth, residual, outChannels }: Unet): void {
  const [, C, H, W] = images(name, x);
  const { shape } = x;
  const unit = 2 ** depth;
  if (!(depth >= 1) || H % unit !== 0 || W % unit !== 0)
    throw new ShapeError(
      `layer ${name}: a U-Net of depth ${depth} halves its image ${depth} times, ${H}×${W} are not multiples of ${unit}; crop or pad the image, or use a smaller depth`,
      { name, shape },
    );
  if (residual && C !== outChannels)
    throw new ShapeError(
      `layer ${name}: residual adds the input's ${C} channels to ${outChannels}; make them equal`,
      { name },
    );
}

/** Twice: a 3×3 convolution, instance norm or none, and ReLU. */
function twoConvolutions(
  scope: Scope,
  name: string,
  x: Value,
  { channels, norm = "instance" }: { readonly channels: number; readonly norm: Unet["norm"] },
): Value {
  const { b } = scope;
  const normalized = norm === "instance";
  const kind = normalized ? "conv2d, instanceNorm2d, relu" : "conv2d, relu";
  const convolution = {
    kind: "conv2d",
    outChannels: channels,
    kernelSize: 3,
    padding: "same",
    bias: !normalized,
  } as const;
  let y = x;
  for (const path of [`${name}.0`, `${name}.1`]) {
    y = scope.apply(path, y, convolution);
    if (normalized) y = b.emit("normalize", { x: y }, { axes: [2, 3], epsilon: 1e-5 });
    y = b.emit("relu", { x: y }, {});
    scope.onLayer?.(path, kind, y);
  }
  return y;
}

export const unet: Apply<Unet> = (scope, name, x, layer) => {
  checkShape(name, x, layer);
  const { outChannels, baseChannels, depth, residual = false, norm } = layer;
  const { b } = scope;
  const told = (path: string, kind: string, value: Value): Value => {
    scope.onLayer?.(`${name}.${path}`, kind, value);
    return value;
  };
  const level = (path: string, value: Value, channels: number): Value =>
    twoConvolutions(scope, `${name}.${path}`, value, { channels, norm });
  const halves = { kernel: [2, 2], stride: [2, 2], padding: [0, 0] } as const;
  const twice = { kind: "convTranspose2d", kernelSize: 2, stride: 2, bias: false } as const;
  const skips: Value[] = [];
  let y = x;
  for (let i = 0; i < depth; i++) {
    y = level(`down${i}`, y, baseChannels * 2 ** i);
    skips.push(y);
    y = told(`pool${i}`, "maxPool2d", b.emit("max_pool2d", { x: y }, halves));
  }
  y = level("bottom", y, baseChannels * 2 ** depth);
  for (let i = depth - 1; i >= 0; i--) {
    const channels = baseChannels * 2 ** i;
    const path = `up${i}.transposed`;
    y = scope.apply(`${name}.${path}`, y, { ...twice, outChannels: channels });
    told(path, "convTranspose2d", y);
    y = told(`up${i}.skip`, "concat", b.emit("concat", { a: skips[i], b: y }, { axis: 1 }));
    y = level(`up${i}`, y, channels);
  }
  y = scope.apply(`${name}.out`, y, { kind: "conv2d", outChannels, kernelSize: 1 });
  told("out", "conv2d", y);
  return residual ? arithmetic(b).add(x, y) : y;
};
