// How the axes of a foreign graph's inputs and outputs are ordered, where a recipe does not say it:
// the first order that their declared sizes allow.
import { quoted, type Shape } from "../../engine/index.ts";
import {
  declaredShape,
  type Feed,
  type OnnxRecipe,
  type Parts,
  type Port,
  type RecipeInput,
} from "../../learning/index.ts";

type Size = readonly [height: number, width: number];
/** What is known of the sizes of axes, by their letters. */
export type Sizes = Readonly<Partial<Record<string, number>>>;

export const partsCount = (parts: Parts = "complex"): number | undefined =>
  parts === "channels" ? undefined : parts === "complex" || parts === "imaginaryFirst" ? 2 : 1;
/** Orders by kind of array and number of axes, the likeliest first. */
const orders: Readonly<Record<Feed["is"], readonly string[]>> = {
  image: ["NCHW", "NHWC", "NHW", "CHW", "HWC", "HW"],
  measurement: ["NCHW", "NHWC", "NKHWC", "NKCHW", "NCKHW", "CHW", "HWC"],
  mask: ["N1HW", "NHW1", "N11W", "N1HW1", "N11W1", "NHW", "N1W", "HW", "NW", "W"],
  coilMaps: ["NKHWC", "NKCHW", "NCKHW", "KCHW", "KHWC"],
  noiseLevel: ["", "N", "N1", "N11", "N111", "N1HW", "NHW1"],
};

/** Why the declared shape is not of that order, as a sentence's end; undefined where it may be. */
function orderFault({ shape }: Port, layout: string, sizes: Sizes): string | undefined {
  if (shape === undefined) return undefined;
  if (shape.length !== layout.length)
    return `has ${shape.length} axes, its layout ${quoted(layout)} ${layout.length}`;
  for (const [i, letter] of [...layout].entries()) {
    const [size, wanted] = [shape[i], letter === "1" ? 1 : sizes[letter]];
    if (typeof size === "number" && wanted !== undefined && size !== wanted)
      return `has ${size} cells along its axis ${i}, ${letter} of its layout ${quoted(layout)}, which should be ${wanted}`;
  }
  return undefined;
}

export interface Laid {
  readonly layout?: string;
  readonly fault?: string;
}
/** The order that is said, or the first that fits. */
function laid(is: Feed["is"], port: Port, said: string | undefined, sizes: Sizes): Laid {
  if (said !== undefined) {
    const fault = orderFault(port, said, sizes);
    return fault === undefined ? { layout: said } : { fault };
  }
  const found = firstOrder(is, port, sizes);
  if (found !== undefined) return { layout: found };
  const { H, W, ...others } = sizes;
  if (firstOrder(is, port, others) !== undefined)
    return {
      fault: `is ${declaredShape(port.shape)} for images of ${H}×${W}: the export fixed its size; export it for this one`,
    };
  const wanted = Object.entries(others).map(([letter, n]) => `${letter} ${n}`);
  const known = wanted.length > 0 ? `, with ${wanted.join(", ")}` : "";
  return {
    fault: `is ${declaredShape(port.shape)}, which no order of axes of ${is} fits${known}; say its layout`,
  };
}
function firstOrder(is: Feed["is"], port: Port, sizes: Sizes): string | undefined {
  const rank = port.shape?.length;
  const needsC = sizes.C !== undefined && sizes.C > 1;
  return orders[is].find(
    (layout) =>
      (rank === undefined || layout.length === rank) &&
      (!needsC || layout.includes("C")) &&
      orderFault(port, layout, sizes) === undefined,
  );
}

/** The order of an input's axes. */
export function layoutOfInput(
  port: Port,
  input: Exclude<RecipeInput, { is: "constant" }>,
  sizes: Sizes,
): Laid {
  const hasParts = input.is !== "mask" && input.is !== "noiseLevel";
  const C = hasParts ? partsCount(input.parts) : undefined;
  return laid(input.is, port, input.layout, C === undefined ? sizes : { ...sizes, C });
}
/** Of an output of that shape, an image of such parts. */
export function layoutOfOutput(
  name: string,
  shape: Shape,
  said: string | undefined,
  sizes: Sizes,
): Laid {
  return laid("image", { name, shape }, said, { ...sizes, N: 1 });
}

/** Rows and columns as the inputs declare them, where they do. */
export function declaredSize(
  ports: readonly (readonly [Port, string])[],
): Partial<{ H: number; W: number }> {
  const found: Partial<Record<string, number>> = {};
  for (const [{ shape = [] }, layout] of ports)
    for (const [i, letter] of [...layout].entries()) {
      const size = shape[i];
      if ("HW".includes(letter) && typeof size === "number") found[letter] ??= size;
    }
  return found;
}
export const shapeOf = (layout: string, sizes: Readonly<Record<string, number>>): Shape =>
  [...layout].map((letter) => sizes[letter] ?? 1);

/** What arrays of an image's size are, by their names. */
export const likelyOf = (name: string): "measurement" | "image" =>
  /measure|k_?space/i.test(name) ? "measurement" : "image";
/** One image in, one like it out: the recipe that this leaves, or undefined. */
export function guessed(
  inputs: readonly Port[],
  output: Shape,
  size: Size,
): OnnxRecipe | undefined {
  const [port, ...more] = inputs;
  if (port === undefined || more.length > 0 || (port.type ?? "float32") !== "float32")
    return undefined;
  const [H, W] = size;
  for (const parts of ["complex", "magnitude"] as const)
    for (const layout of ["NCHW", "NHWC"]) {
      const sizes = { N: 1, C: partsCount(parts)!, H, W };
      const isLike = shapeOf(layout, sizes).join() === output.join();
      if (
        port.shape?.length !== 4 ||
        !isLike ||
        orderFault(port, layout, { C: sizes.C }) !== undefined
      )
        continue;
      const phase = parts === "magnitude" ? { phase: "kept" as const } : {};
      return {
        size,
        inputs: {
          [port.name]: { is: parts === "complex" ? likelyOf(port.name) : "image", layout, parts },
        },
        output: { layout, parts, residual: false, ...phase },
        scale: "peak",
        standardized: false,
      };
    }
  return undefined;
}
/** A recipe in one line. */
export function describeRecipe({
  inputs,
  output = {},
  scale = "rms",
  standardized,
}: OnnxRecipe): string {
  const given = Object.entries(inputs).map(([name, input]) => {
    if (input.is === "constant") return `${quoted(name)} a constant`;
    const { is, layout = "?", parts, lowestFrequency = "centre" } = input as Feed;
    const where =
      is === "measurement" || is === "mask" ? `, lowest frequency at the ${lowestFrequency}` : "";
    return `${quoted(name)} the ${is}${parts ? `, ${parts}` : ""}${where} (${layout})`;
  });
  const phase =
    output.parts === "magnitude" && output.phase !== "none"
      ? ", the zero-filled image's phase kept"
      : "";
  const taken = `output ${output.parts ?? "complex"}${output.residual ? ", added to the image" : ""}${phase}`;
  return [...given, taken, `scale ${scale}`, ...(standardized ? ["standardised"] : [])].join("; ");
}
export const listPorts = (ports: readonly Port[]): string =>
  ports.map((port) => `${quoted(port.name)} ${declaredShape(port.shape)}`).join(", ");
