// fastMRI's U-Net, which differs from nn's own in its pools, its slopes and its odd sizes.
import type { Value } from "../../engine/index.ts";
import { arithmetic } from "../../engine/index.ts";
import { stack } from "./blocks.ts";
import { pad2d } from "./image-parts.ts";
import type { Layer } from "./layers.ts";
import type { FastMriUnet } from "./reconstruction-layers.ts";
import { images, type Apply, type Scope } from "./scope.ts";

const normalised: readonly Layer[] = [
  { kind: "instanceNorm2d" },
  { kind: "leakyRelu", slope: 0.2 },
];
const convolution = (outChannels: number): readonly Layer[] => [
  { kind: "conv2d", outChannels, kernelSize: 3, padding: 1, bias: false },
  ...normalised,
];
const double = (channels: number): readonly Layer[] => [
  ...convolution(channels),
  ...convolution(channels),
];
const enlarging = (outChannels: number): readonly Layer[] => [
  { kind: "convTranspose2d", outChannels, kernelSize: 2, stride: 2, bias: false },
  ...normalised,
];

/** A row and a column, where x lacks them, reflected. */
function asLarge(scope: Scope, name: string, x: Value, other: Value): Value {
  const [rows, columns] = [2, 3].map((axis) => other.shape[axis] - x.shape[axis]);
  if (rows === 0 && columns === 0) return x;
  return pad2d(scope, name, x, {
    kind: "pad2d",
    before: [0, 0],
    after: [rows, columns],
    mode: "reflect",
  });
}

export const fastMriUnet: Apply<FastMriUnet> = (
  scope,
  name,
  x,
  { outChannels, baseChannels, pools },
) => {
  images(name, x);
  const { concat } = arithmetic(scope.b);
  const skips: Value[] = [];
  let y = x;
  for (let level = 0; level < pools; level++) {
    y = stack(scope, `${name}.down${level}`, double(baseChannels * 2 ** level), y);
    skips.push(y);
    y = stack(scope, `${name}.pool${level}`, [{ kind: "avgPool2d", kernelSize: 2 }], y);
  }
  y = stack(scope, `${name}.bottom`, double(baseChannels * 2 ** pools), y);
  for (let level = pools - 1; level >= 0; level--) {
    const channels = baseChannels * 2 ** level;
    const up = stack(scope, `${name}.up${level}.transposed`, enlarging(channels), y);
    const joined = concat([asLarge(scope, name, up, skips[level]), skips[level]], 1);
    y = stack(scope, `${name}.up${level}`, double(channels), joined);
  }
  return stack(scope, `${name}.out`, [{ kind: "conv2d", outChannels, kernelSize: 1 }], y);
};
