// A graph of another maker inside a reconstruction network: what each of its inputs is given, and
// what its output is taken for. Recipes say it: ../recipe/onnx-recipe.ts.
import {
  arithmetic,
  ConfigError,
  quoted,
  type GraphBuilder,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import { clamp } from "../nn/activations.ts";
import { images, type Apply, type CartesianSampling, type Scope } from "../nn/scope.ts";
import { arranged, layoutFault, type Layout } from "./arrange.ts";
import { applyKept, portsOf, type KeptGraph } from "./layer.ts";

/**
 * What stands along the axis of parts: real and imaginary part in this order or the other, the
 * magnitude or the real part alone, or every channel as it is.
 */
export type Parts = "complex" | "imaginaryFirst" | "magnitude" | "real" | "channels";
export interface Feed {
  /** The layer's input, y, which cells of k-space are measured, the coils' maps, or a number. */
  readonly is: "image" | "measurement" | "mask" | "coilMaps" | "noiseLevel";
  readonly layout: Layout;
  readonly parts?: Parts;
  /** Of measurement and mask: the centre unless it is said. */
  readonly lowestFrequency?: "centre" | "corner";
  /** Of the measurement: orthonormal unless it is said. */
  readonly normalization?: "orthonormal" | "unnormalised";
  /** The noise level, wherever it is asked for. */
  readonly value?: number;
}
export interface Taken {
  /** Left out where it is no image: the graph's output is the layer's. */
  readonly layout?: Layout;
  readonly parts?: Parts;
  /** It is added to the image. */
  readonly residual?: boolean;
  /** Of a magnitude: that of the layer's input, or none. */
  readonly phase?: "kept" | "none";
}
export interface OnnxBlock extends KeptGraph {
  readonly kind: "onnxBlock";
  /** SHA-256 of the file. */
  readonly sha256?: string;
  readonly inputs: Readonly<Record<string, Feed>>;
  readonly output: Taken;
  /** Coils, where the graph is for so many. */
  readonly coils?: number;
  /** Images less their mean over their deviation, and back. Source: Zbontar et al. 2018. */
  readonly standardized?: boolean;
  /** Deviations beyond which they are cut off. */
  readonly clamp?: number;
}

/** Beside the square of the magnitude, as a share of its mean: where there is no phase. */
const NO_PHASE = 1e-12;

function magnitudeOf({ b }: Scope, x: Value): Value {
  const { add, mean, mul, reshape, sqrt, square, sum } = arithmetic(b);
  const [N, , H, W] = x.shape;
  const power = reshape(sum(square(x), [1]), [N, 1, H, W]);
  const least = add(mul(reshape(mean(power, [1, 2, 3]), [N, 1, 1, 1]), NO_PHASE), 1e-30);
  return sqrt(add(power, least));
}
function swapped({ b }: Scope, x: Value): Value {
  return b.emit("take", { x }, { axis: 1, indices: [1, 0] });
}
/** Of complex values [N,2,…]. */
function partsOf(scope: Scope, x: Value, parts: Parts): Value {
  if (parts === "imaginaryFirst") return swapped(scope, x);
  if (parts === "magnitude") return magnitudeOf(scope, x);
  return parts === "real" ? arithmetic(scope.b).slice(x, 1, 0, 1) : x;
}
/** A complex image again; `like` has the phase. */
function complexOf(
  scope: Scope,
  y: Value,
  { parts = "complex", phase = "kept" }: Taken,
  like: Value,
): Value {
  if (parts === "imaginaryFirst") return swapped(scope, y);
  const { div, mul } = arithmetic(scope.b);
  if (parts === "magnitude" && phase === "kept") return mul(y, div(like, magnitudeOf(scope, like)));
  if (parts === "magnitude" || parts === "real")
    return scope.b.emit("pad", { x: y }, { before: [0, 0, 0, 0], after: [0, 1, 0, 0] });
  return y;
}

/** For shapes alone: all is measured, by coils that see the same. */
function anySampling(b: GraphBuilder, x: Value, coils: number): CartesianSampling {
  const [, , H, W] = x.shape;
  return {
    mask: { shape: [H, W], data: new Float32Array(H * W).fill(1) },
    maps: { shape: [coils, 2, H, W], data: new Float32Array(2 * coils * H * W).fill(1) },
    kspace: (y) => arranged(b, y, "NCHW", "NKCHW", { K: coils }),
  };
}
/** Throws ConfigError where the measurement is no k-space, or of another number of coils. */
function samplingOf(
  { b, physics }: Scope,
  name: string,
  x: Value,
  coils: number | undefined,
): CartesianSampling {
  const { sampling, y } = physics ?? { y: x };
  // who asks for shapes alone measures the image itself
  if (sampling === undefined && y.shape.length === 4 && physics?.forward(x) === x)
    return anySampling(b, x, coils ?? 1);
  if (sampling === undefined)
    throw new ConfigError(
      `layer ${name}: it needs k-space on a grid and its mask, which nothing measures here`,
      { name },
    );
  const given = sampling.maps.shape[0];
  if (coils !== undefined && given !== coils)
    throw new ConfigError(
      `layer ${name}: its graph is for ${coils} coils, the measurement has ${given}`,
      { name },
    );
  return sampling;
}
/** The cells that are measured, in the layout's own rows: lines have one. */
function maskOf(
  { mask: { shape, data } }: CartesianSampling,
  { layout, lowestFrequency = "centre" }: Feed,
): { data: Float32Array; shape: Shape; layout: Layout } {
  const [H, W] = shape;
  const moved = (i: number, n: number): number =>
    lowestFrequency === "corner" ? (i + Math.floor(n / 2)) % n : i;
  const at = (i: number, j: number): number => data[moved(i, H) * W + moved(j, W)];
  const rows = layout.includes("H") ? H : 1;
  const all = Float32Array.from({ length: rows * W }, (_, k) => at(Math.floor(k / W), k % W));
  if (rows === 1 && data.some((v, k) => v !== data[k % W]))
    throw new ConfigError(
      `its layout ${quoted(layout)} is for masks of whole columns, and this mask has none`,
      {},
    );
  return rows === 1
    ? { data: all, shape: [W], layout: "W" }
    : { data: all, shape: [H, W], layout: "HW" };
}

/** What one input is given; `image` are the parts of the layer's input that it may take. */
function fed(
  scope: Scope,
  feed: Feed,
  image: Value,
  y: Value,
  samplingThere: () => CartesianSampling,
): Value {
  const { b } = scope;
  const [N, , H, W] = image.shape;
  const { is, layout, parts = "complex" } = feed;
  if (is === "image") return arranged(b, image, "NCHW", layout);
  if (is === "noiseLevel") return arranged(b, b.scalar(feed.value ?? 0), "", layout, { N, H, W });
  const sampling = samplingThere();
  const sizes = { N, H, W, K: sampling.maps.shape[0] };
  if (is === "mask") {
    const mask = maskOf(sampling, feed);
    return arranged(b, b.constant(mask.data, mask.shape), mask.layout, layout, sizes);
  }
  const planes =
    is === "measurement"
      ? sampling.kspace(y, feed)
      : b.constant(sampling.maps.data, [1, ...sampling.maps.shape]);
  const [count, coils, ...rest] = planes.shape;
  const { reshape } = arithmetic(b);
  const taken = partsOf(scope, reshape(planes, [count * coils, ...rest]), parts);
  return arranged(
    b,
    reshape(taken, [count, coils, ...taken.shape.slice(1)]),
    "NKCHW",
    layout,
    sizes,
  );
}

interface Normal {
  readonly x: Value;
  back(y: Value): Value;
}
/** Less its mean, over its standard deviation, within ±limit. */
function standardized({ b }: Scope, x: Value, limit: number | undefined): Normal {
  const { add, div, mean, mul, reshape, sqrt, square, sub, sum } = arithmetic(b);
  const [N, C, H, W] = x.shape;
  const middle = reshape(mean(x, [2, 3]), [N, C, 1, 1]);
  const centred = sub(x, middle);
  const variance = mul(
    reshape(sum(square(centred), [2, 3]), [N, C, 1, 1]),
    1 / Math.max(1, H * W - 1),
  );
  const constant = sub(1, b.emit("greater", { a: variance, b: b.scalar(0) }, {}));
  const deviation = sqrt(add(variance, constant));
  const even = div(centred, deviation);
  const within = limit === undefined ? even : clamp(b, even, -limit, limit);
  return { x: within, back: (y) => add(mul(y, deviation), middle) };
}

const isImage = (x: Value, y: Value): boolean =>
  [0, 2, 3].every((axis) => x.shape[axis] === y.shape[axis]);
/** Throws ConfigError for an output that is no image of the input's size, or of other parts. */
function checkImage(name: string, x: Value, y: Value, parts: Parts): void {
  const wanted =
    parts === "complex" || parts === "imaginaryFirst" ? 2 : parts === "channels" ? y.shape[1] : 1;
  if (isImage(x, y) && y.shape[1] === wanted) return;
  throw new ConfigError(
    `layer ${name}: its graph's output is an image [${y.shape.join("×")}], and ${parts} images of [${x.shape.join("×")}] are [${[x.shape[0], wanted, ...x.shape.slice(2)].join("×")}]`,
    { name },
  );
}

const kinds: readonly unknown[] = ["image", "measurement", "mask", "coilMaps", "noiseLevel"];
/** Throws ConfigError for plain data that is no feed. */
function checkFeeds(name: string, { inputs, output }: OnnxBlock): void {
  const fail = (what: string): never => {
    throw new ConfigError(`layer ${name}: ${what}`, { name });
  };
  for (const [port, feed] of Object.entries(inputs)) {
    const fault = kinds.includes(feed?.is)
      ? layoutFault(feed.layout)
      : `one of ${kinds.join(", ")}`;
    if (fault !== undefined)
      fail(`what its graph's input ${quoted(port)} is given must be ${fault}`);
  }
  const fault = output.layout === undefined ? undefined : layoutFault(output.layout);
  if (fault !== undefined) fail(`its output's layout must be ${fault}`);
}

export const onnxBlock: Apply<OnnxBlock> = (scope, name, x, layer) => {
  const { inputs, output } = layer;
  images(name, x);
  checkFeeds(name, layer);
  const { inputs: wanted, outputs } = portsOf(layer, name);
  if (outputs.length !== 1)
    throw new ConfigError(
      `layer ${name}: its graph has ${outputs.length} outputs; a block gives one`,
      { name },
    );
  const missing = wanted.find((port) => !Object.hasOwn(inputs, port));
  if (missing !== undefined)
    throw new ConfigError(
      `layer ${name}: it does not say what its graph's input ${quoted(missing)} is given`,
      { name },
    );
  const y = scope.physics?.y ?? x;
  const sampling = (): CartesianSampling => samplingOf(scope, name, x, layer.coils);
  const imageParts = Object.values(inputs).find(({ is }) => is === "image")?.parts ?? "complex";
  const own = partsOf(scope, x, imageParts);
  const normal = layer.standardized
    ? standardized(scope, own, layer.clamp)
    : { x: own, back: (v: Value) => v };
  const given = wanted.map(
    (port) => [port, fed(scope, inputs[port], normal.x, y, sampling)] as const,
  );
  const [raw] = applyKept(scope, name, layer, Object.fromEntries(given));
  if (output.layout === undefined) return raw;
  const image = arranged(scope.b, raw, output.layout, "NCHW");
  checkImage(name, x, image, output.parts ?? "complex");
  const whole = output.residual ? arithmetic(scope.b).add(normal.x, image) : image;
  return complexOf(scope, normal.back(whole), output, x);
};
