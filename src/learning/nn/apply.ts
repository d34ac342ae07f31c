// How each layer becomes graph nodes. A wrong stack fails here, naming the layer, its input and the mend.
import { arithmetic, ConfigError, formatShape, ShapeError, sizeOf, type GraphBuilder, type Shape, type Value } from "../../engine/index.ts";
import type { Conv2d, ConvTranspose2d, Layer, Unet } from "./layers.ts";

/** What a layer writes to: the graph, and where its parameters come from. `fanIn` is the number of terms in one weighted sum. */
export interface Scope {
  readonly b: GraphBuilder;
  parameter(name: string, shape: Shape, fanIn: number): Value;
  /** Told of every layer, and of every part of a block, in the order of computation. */
  readonly onLayer?: OnLayer;
}
export type OnLayer = (name: string, kind: string, y: Value) => void;
type Apply<L extends Layer> = (scope: Scope, name: string, x: Value, layer: L) => Value;

function images(name: string, x: Value): readonly number[] {
  if (x.shape.length !== 4) throw new ShapeError(`layer ${name}: its input is ${formatShape(x.shape)}, it takes images [N×C×H×W]`, { name, shape: x.shape });
  return x.shape;
}

const conv2d: Apply<Conv2d> = ({ b, parameter }, name, x, { outChannels, kernelSize: k, stride = 1, padding = 0, dilation = 1, groups = 1, bias = true }) => {
  const C = images(name, x)[1];
  if (padding === "same" && (stride !== 1 || ((k - 1) * dilation) % 2 !== 0)) throw new ConfigError(`layer ${name}: padding "same" needs stride 1 and an odd kernel, got kernel ${k}, stride ${stride}; give the padding as a number`, { name });
  if (C % groups !== 0) throw new ShapeError(`layer ${name}: ${C} channels of its input ${formatShape(x.shape)} do not divide into ${groups} groups`, { name, shape: x.shape });
  const p = padding === "same" ? ((k - 1) * dilation) / 2 : padding === "valid" ? 0 : padding;
  const fanIn = (C / groups) * k * k;
  const w = parameter(`${name}.weight`, [outChannels, C / groups, k, k], fanIn);
  const y = b.emit("conv2d", { x, w }, { stride: [stride, stride], padding: [p, p], dilation: [dilation, dilation], groups });
  return bias ? arithmetic(b).add(y, parameter(`${name}.bias`, [outChannels, 1, 1], fanIn)) : y;
};

const convTranspose2d: Apply<ConvTranspose2d> = ({ b, parameter }, name, x, { outChannels, kernelSize: k, stride = 1, padding = 0, bias = true }) => {
  const C = images(name, x)[1];
  const w = parameter(`${name}.weight`, [C, outChannels, k, k], outChannels * k * k);
  const y = b.emit("conv_transpose2d", { x, w }, { stride: [stride, stride], padding: [padding, padding], dilation: [1, 1], groups: 1, outputPadding: [0, 0] });
  return bias ? arithmetic(b).add(y, parameter(`${name}.bias`, [outChannels, 1, 1], outChannels * k * k)) : y;
};

/** The matrix [to × from] that enlarges one axis. */
function enlarging(from: number, scale: number, mode: "nearest" | "bilinear"): Float32Array {
  const to = from * scale;
  const m = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    if (mode === "nearest") { m[i * from + Math.floor(i / scale)] = 1; continue; }
    const at = Math.max(0, (i + 0.5) / scale - 0.5);
    const low = Math.min(from - 1, Math.floor(at));
    const high = Math.min(from - 1, low + 1);
    m[i * from + low] += 1 - (at - low);
    m[i * from + high] += at - low;
  }
  return m;
}

const unet: Apply<Unet> = (scope, name, x, { outChannels, baseChannels, depth, residual = false }) => {
  const [, C, H, W] = images(name, x);
  if (!(depth >= 1) || H % 2 ** depth !== 0 || W % 2 ** depth !== 0) {
    throw new ShapeError(`layer ${name}: a U-Net of depth ${depth} halves its image ${depth} times, ${H}×${W} are not multiples of ${2 ** depth}; crop or pad the image, or use a smaller depth`, { name, shape: x.shape });
  }
  if (residual && C !== outChannels) throw new ShapeError(`layer ${name}: residual adds the input's ${C} channels to ${outChannels}; make them equal`, { name });
  const { b } = scope;
  const part = (path: string, kind: string, value: Value): Value => { scope.onLayer?.(`${name}.${path}`, kind, value); return value; };
  const double = (path: string, value: Value, channels: number): Value => {
    let y = value;
    for (const i of [0, 1]) {
      y = conv2d(scope, `${name}.${path}.${i}`, y, { kind: "conv2d", outChannels: channels, kernelSize: 3, padding: "same", bias: false });
      y = part(`${path}.${i}`, "conv2d, instanceNorm2d, relu", b.emit("relu", { x: b.emit("normalize", { x: y }, { axes: [2, 3], epsilon: 1e-5 }) }, {}));
    }
    return y;
  };
  const skips: Value[] = [];
  let y = x;
  for (let level = 0; level < depth; level++) {
    y = double(`down${level}`, y, baseChannels * 2 ** level);
    skips.push(y);
    y = part(`pool${level}`, "maxPool2d", b.emit("max_pool2d", { x: y }, { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }));
  }
  y = double("bottom", y, baseChannels * 2 ** depth);
  for (let level = depth - 1; level >= 0; level--) {
    const channels = baseChannels * 2 ** level;
    y = part(`up${level}.transposed`, "convTranspose2d", convTranspose2d(scope, `${name}.up${level}.transposed`, y, { kind: "convTranspose2d", outChannels: channels, kernelSize: 2, stride: 2, bias: false }));
    y = double(`up${level}`, part(`up${level}.skip`, "concat", b.emit("concat", { a: skips[level], b: y }, { axis: 1 })), channels);
  }
  y = part("out", "conv2d", conv2d(scope, `${name}.out`, y, { kind: "conv2d", outChannels, kernelSize: 1 }));
  return residual ? arithmetic(b).add(x, y) : y;
};

const appliers: { readonly [K in Layer["kind"]]: Apply<Extract<Layer, { kind: K }>> } = {
  conv2d,
  convTranspose2d,
  unet,
  linear: ({ b, parameter }, name, x, { outFeatures, bias = true }) => {
    if (x.shape.length !== 2) throw new ShapeError(`layer ${name}: its input is ${formatShape(x.shape)}, linear takes [N×features]; put flatten() before it`, { name, shape: x.shape });
    const w = parameter(`${name}.weight`, [outFeatures, x.shape[1]], x.shape[1]);
    const y = b.emit("matmul", { a: x, b: w }, { transposeA: false, transposeB: true });
    return bias ? arithmetic(b).add(y, parameter(`${name}.bias`, [outFeatures], x.shape[1])) : y;
  },
  maxPool2d: ({ b }, name, x, { kernelSize: k, stride = k, padding = 0 }) => {
    images(name, x);
    return b.emit("max_pool2d", { x }, { kernel: [k, k], stride: [stride, stride], padding: [padding, padding] });
  },
  avgPool2d: ({ b }, name, x, { kernelSize: k, stride = k, padding = 0 }) => {
    images(name, x);
    return b.emit("avg_pool2d", { x }, { kernel: [k, k], stride: [stride, stride], padding: [padding, padding] });
  },
  instanceNorm2d: ({ b }, name, x, { epsilon = 1e-5 }) => {
    images(name, x);
    return b.emit("normalize", { x }, { axes: [2, 3], epsilon });
  },
  upsample: ({ b }, name, x, { scale, mode }) => {
    const [N, C, H, W] = images(name, x);
    if (!Number.isInteger(scale) || scale < 1) throw new ConfigError(`layer ${name}: the scale ${scale} must be a whole number from 1 up`, { name, scale });
    const { reshape } = arithmetic(b);
    const wide = b.emit("matmul", { a: reshape(x, [N * C * H, W]), b: b.constant(enlarging(W, scale, mode), [W * scale, W]) }, { transposeA: false, transposeB: true });
    const turned = b.emit("transpose", { x: reshape(wide, [N * C, H, W * scale]) }, { permutation: [0, 2, 1] });
    const tall = b.emit("matmul", { a: reshape(turned, [N * C * W * scale, H]), b: b.constant(enlarging(H, scale, mode), [H * scale, H]) }, { transposeA: false, transposeB: true });
    const back = b.emit("transpose", { x: reshape(tall, [N * C, W * scale, H * scale]) }, { permutation: [0, 2, 1] });
    return reshape(back, [N, C, H * scale, W * scale]);
  },
  relu: ({ b }, _name, x) => b.emit("relu", { x }, {}),
  sigmoid: ({ b }, _name, x) => b.emit("sigmoid", { x }, {}),
  flatten: ({ b }, _name, x) => arithmetic(b).reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]),
  softmax: ({ b }, _name, x) => b.emit("softmax", { x }, {}),
};

export const layerKinds: readonly string[] = Object.keys(appliers);

/** Adds one layer to the graph. Throws ShapeError or ConfigError naming the layer, or what the op itself says, with the layer's name before it. */
export function applyLayer(scope: Scope, name: string, x: Value, layer: Layer): Value {
  const apply = appliers[layer.kind] as Apply<Layer>;
  try {
    return apply(scope, name, x, layer);
  } catch (error) {
    if (error instanceof ShapeError && !error.message.startsWith("layer ")) throw new ShapeError(`layer ${name} (${layer.kind}): ${error.message}`, { ...error.data, name });
    throw error;
  }
}
