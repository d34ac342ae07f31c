// Blocks: layers made of layers.
import { arithmetic, ConfigError, formatShape, ShapeError, type Value } from "../../engine/index.ts";
import type { Branches, EachChannel, GraphBlock, GraphNode, Layer, Residual, Unet } from "./layers.ts";
import { images, type Apply, type Scope } from "./scope.ts";

/** Layers one after another, each told of. */
export function stack(scope: Scope, name: string, layers: readonly Layer[], x: Value): Value {
  return layers.reduce((value, layer, i) => {
    const path = `${name}.${i}.${layer.kind}`;
    const y = scope.apply(path, value, layer);
    scope.onLayer?.(path, layer.kind, y);
    return y;
  }, x);
}
function sameShapes(name: string, values: readonly Value[], what: string): void {
  const other = values.find((v) => v.shape.join() !== values[0].shape.join());
  if (other)
    throw new ShapeError(
      `layer ${name}: ${what} have shapes ${formatShape(values[0].shape)} and ${formatShape(other.shape)}; make them equal, for example with a 1×1 convolution`,
      { name },
    );
}

export const residual: Apply<Residual> = (scope, name, x, { body, shortcut }) => {
  const y = stack(scope, `${name}.body`, body, x);
  const around = shortcut ? stack(scope, `${name}.shortcut`, shortcut, x) : x;
  sameShapes(name, [y, around], "its body and its shortcut");
  return arithmetic(scope.b).add(y, around);
};

export const branches: Apply<Branches> = (scope, name, x, { branches: all }) => {
  if (all.length === 0) throw new ConfigError(`layer ${name}: it has no branches`, { name });
  return joined(
    scope,
    name,
    all.map((layers, i) => stack(scope, `${name}.${i}`, layers, x)),
    "concatenate",
  );
};

export const eachChannel: Apply<EachChannel> = (scope, name, x, { layers }) => {
  const [N, C, H, W] = images(name, x);
  const { reshape } = arithmetic(scope.b);
  const y = stack(scope, name, layers, reshape(x, [N * C, 1, H, W]));
  const [, made, ...size] = images(name, y);
  return reshape(y, [N, C * made, ...size]);
};

function joined({ b }: Scope, name: string, values: readonly Value[], join: NonNullable<GraphNode["join"]>): Value {
  const { concat } = arithmetic(b);
  if (values.length === 1) return values[0];
  if (join !== "concatenate") {
    sameShapes(name, values, "its inputs");
    const { add, mul, sub } = arithmetic(b);
    const two = { add, subtract: sub, multiply: mul }[join];
    return values.reduce((p, q) => two(p, q));
  }
  const bare = (v: Value): string => v.shape.map((n, i) => (i === 1 ? "" : n)).join();
  const other = values.find((v) => bare(v) !== bare(values[0]));
  if (other)
    throw new ShapeError(
      `layer ${name}: ${formatShape(values[0].shape)} and ${formatShape(other.shape)} cannot be joined along the channels; make their other sizes equal`,
      { name },
    );
  return concat(values, 1);
}

export const graph: Apply<GraphBlock> = (scope, name, x, { nodes }) => {
  const values = new Map<string, Value>([["x", x]]);
  let y = x;
  for (const node of nodes) {
    if (values.has(node.name))
      throw new ConfigError(
        `layer ${name}: two nodes are called "${node.name}"; give each its own name ("x" is the input's)`,
        { name },
      );
    const from = node.from.map((key) => {
      const value = values.get(key);
      if (value === undefined)
        throw new ConfigError(
          `layer ${name}: node "${node.name}" comes from "${key}", which is not before it; there are ${[...values.keys()].join(", ")}`,
          { name },
        );
      return value;
    });
    if (from.length === 0 || (from.length > 1 && node.join === undefined))
      throw new ConfigError(
        `layer ${name}: node "${node.name}" has ${from.length} inputs; name one, or say how they join: add, subtract, multiply or concatenate`,
        { name },
      );
    y = stack(
      scope,
      `${name}.${node.name}`,
      node.layers ?? [],
      joined(scope, `${name}.${node.name}`, from, node.join ?? "add"),
    );
    values.set(node.name, y);
  }
  return y;
};

export const unet: Apply<Unet> = (
  scope,
  name,
  x,
  { outChannels, baseChannels, depth, residual = false, norm = "instance" },
) => {
  const [, C, H, W] = images(name, x);
  if (!(depth >= 1) || H % 2 ** depth !== 0 || W % 2 ** depth !== 0) {
    throw new ShapeError(
      `layer ${name}: a U-Net of depth ${depth} halves its image ${depth} times, ${H}×${W} are not multiples of ${2 ** depth}; crop or pad the image, or use a smaller depth`,
      { name, shape: x.shape },
    );
  }
  if (residual && C !== outChannels)
    throw new ShapeError(`layer ${name}: residual adds the input's ${C} channels to ${outChannels}; make them equal`, {
      name,
    });
  const { b } = scope;
  const part = (path: string, kind: string, value: Value): Value => {
    scope.onLayer?.(`${name}.${path}`, kind, value);
    return value;
  };
  const normalized = norm === "instance";
  const standard = (value: Value): Value => b.emit("normalize", { x: value }, { axes: [2, 3], epsilon: 1e-5 });
  const double = (path: string, value: Value, channels: number): Value => {
    let y = value;
    for (const i of [0, 1]) {
      y = scope.apply(`${name}.${path}.${i}`, y, {
        kind: "conv2d",
        outChannels: channels,
        kernelSize: 3,
        padding: "same",
        bias: !normalized,
      });
      const kind = normalized ? "conv2d, instanceNorm2d, relu" : "conv2d, relu";
      y = part(`${path}.${i}`, kind, b.emit("relu", { x: normalized ? standard(y) : y }, {}));
    }
    return y;
  };
  const skips: Value[] = [];
  let y = x;
  for (let level = 0; level < depth; level++) {
    y = double(`down${level}`, y, baseChannels * 2 ** level);
    skips.push(y);
    y = part(
      `pool${level}`,
      "maxPool2d",
      b.emit("max_pool2d", { x: y }, { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }),
    );
  }
  y = double("bottom", y, baseChannels * 2 ** depth);
  for (let level = depth - 1; level >= 0; level--) {
    const channels = baseChannels * 2 ** level;
    y = part(
      `up${level}.transposed`,
      "convTranspose2d",
      scope.apply(`${name}.up${level}.transposed`, y, {
        kind: "convTranspose2d",
        outChannels: channels,
        kernelSize: 2,
        stride: 2,
        bias: false,
      }),
    );
    y = double(
      `up${level}`,
      part(`up${level}.skip`, "concat", b.emit("concat", { a: skips[level], b: y }, { axis: 1 })),
      channels,
    );
  }
  y = part("out", "conv2d", scope.apply(`${name}.out`, y, { kind: "conv2d", outChannels, kernelSize: 1 }));
  return residual ? arithmetic(b).add(x, y) : y;
};
