// What a parameter is called in PyTorch: by a map of layers, or as nn.Sequential numbers them.
import type { Shape } from "../../engine/index.ts";
import { filledIn, fitted } from "../recipe/names.ts";

/**
 * Ours → theirs: of whole parameters or, without their last word, of layers, whose weight, bias,
 * runningMean and runningVariance follow as weight, bias, running_mean and running_var. <…> holds a
 * whole number on the left and a sum of them on the right: `"<i>.conv2d": "features.<2*i>"`.
 */
export type NameMap = Readonly<Record<string, string>>;
/** A map, or a function; undefined for a parameter that they have not. */
export type TorchNames = NameMap | ((name: string) => string | undefined);

const words: readonly (readonly [string, string])[] = [
  ["inProjection.weight", "in_proj_weight"],
  ["inProjection.bias", "in_proj_bias"],
  ["outProjection.weight", "out_proj.weight"],
  ["outProjection.bias", "out_proj.bias"],
  ["runningMean", "running_mean"],
  ["runningVariance", "running_var"],
];
/** The end of a name in their words. */
function inTheirWords(name: string): string {
  const found = words.find(([ours]) => name === ours || name.endsWith(`.${ours}`));
  return found ? name.slice(0, name.length - found[0].length) + found[1] : name;
}

/** As nn.Sequential of the same layers has it: places without kinds, "4.body.0.weight". */
function asSequential(name: string): string {
  const parts = inTheirWords(name).split(".");
  const isPlace = (part: string | undefined): boolean => part !== undefined && /^\d+$/.test(part);
  const isKind = (part: string, i: number): boolean =>
    i > 0 && i < parts.length - 1 && isPlace(parts[i - 1]) && !isPlace(part);
  return parts.filter((part, i) => !isKind(part, i)).join(".");
}
/** By the map's entry for the name, or for the longest beginning of it that has one. */
function byMap(map: NameMap, name: string): string | undefined {
  const parts = name.split(".");
  for (let length = parts.length; length > 0; length--) {
    const [layer, rest] = [parts.slice(0, length).join("."), parts.slice(length).join(".")];
    for (const [pattern, theirs] of Object.entries(map)) {
      const variables = fitted(pattern, layer);
      if (!variables) continue;
      const prefix = filledIn(theirs, variables, "names");
      return rest === "" ? prefix : `${prefix === "" ? "" : `${prefix}.`}${inTheirWords(rest)}`;
    }
  }
  return undefined;
}
export function torchName(name: string, names: TorchNames | undefined): string | undefined {
  if (typeof names === "function") return names(name);
  return names ? byMap(names, name) : asSequential(name);
}

/** The kind of the layer that a parameter belongs to: what stands before its last word. */
const kindOf = (name: string): string => name.split(".").at(-2) ?? "";
/** PyTorch has numbers by channel in one axis; a layer norm's keep the image's. */
export function torchShape(name: string, shape: Shape): Shape {
  const kind = kindOf(name);
  const byChannel =
    /(bias|runningMean|runningVariance)$/.test(name) || /^(batch|instance|group)Norm/.test(kind);
  return byChannel && kind !== "layerNorm" ? shape.slice(0, 1) : shape;
}

/** torchvision's ResNet-18, beside `nn.resnet18`. */
export const resnet18Names: NameMap = {
  "0.conv2d": "conv1",
  "1.batchNorm2d": "bn1",
  "<i>.residual.body.0.conv2d": "layer<(i-4)/4+1>.<(i-4)/2%2>.conv1",
  "<i>.residual.body.1.batchNorm2d": "layer<(i-4)/4+1>.<(i-4)/2%2>.bn1",
  "<i>.residual.body.3.conv2d": "layer<(i-4)/4+1>.<(i-4)/2%2>.conv2",
  "<i>.residual.body.4.batchNorm2d": "layer<(i-4)/4+1>.<(i-4)/2%2>.bn2",
  "<i>.residual.shortcut.0.conv2d": "layer<(i-4)/4+1>.<(i-4)/2%2>.downsample.0",
  "<i>.residual.shortcut.1.batchNorm2d": "layer<(i-4)/4+1>.<(i-4)/2%2>.downsample.1",
  "22.linear": "fc",
};
