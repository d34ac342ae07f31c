// The teachers' sheet: exercises with numbers drawn by a seed, and their answers by the engine.
import { random, type Random } from "fiducial/engine";
import { nn, summarize } from "fiducial/learning";
import { backpropagate } from "./backprop.ts";
import { channelSums } from "./channels.ts";
import { costsOf } from "./cost.ts";
import { oneNode, softmaxOf } from "./node.ts";
import { poolShift } from "./pool.ts";
import { slideKernels } from "./slide.ts";

/** Numbers in squares, row after row. */
export interface Square {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly values: readonly number[];
}
export interface Exercise {
  /** Of the section that it belongs to. */
  readonly section: string;
  readonly text: string;
  readonly given: readonly Square[];
  readonly answer: string;
  readonly solution: readonly Square[];
}
const square = (name: string, side: number, values: ArrayLike<number>): Square => ({
  name,
  rows: side,
  columns: side,
  values: Array.from(values),
});
const exercise = (
  section: string,
  text: string,
  given: readonly Square[],
  answer: string,
  solution: readonly Square[] = [],
): Exercise => ({
  section,
  text,
  given,
  answer,
  solution,
});
const drawn = (rng: Random, n: number, from: number, to: number): number[] =>
  Array.from({ length: n }, () => from + rng.integer(to - from + 1));
/** As a person writes it by hand. */
const shown = (v: number, digits = 3): string =>
  String(Number(v.toFixed(digits))).replace("-", "−");

async function slides(rng: Random): Promise<Exercise[]> {
  const [image, kernel] = [drawn(rng, 16, 0, 9), drawn(rng, 9, -1, 1)];
  const asked = {
    image,
    side: 4,
    kernels: kernel,
    size: 3,
    count: 1,
    padding: 0,
    chosen: 0,
    row: 0,
    column: 0,
  };
  const { output } = await slideKernels({ ...asked, stride: 1 });
  const grey = 2 + rng.integer(7);
  const plain = await slideKernels({
    ...asked,
    image: new Array<number>(16).fill(grey),
    stride: 1,
  });
  const [n, k, s, m] = [
    20 + rng.integer(20),
    3 + 2 * rng.integer(2),
    1 + rng.integer(2),
    rng.integer(3),
  ];
  const [, , side] = summarize(
    nn.sequential({
      input: [1, n, n],
      seed: 1,
      layers: [nn.conv2d({ outChannels: 1, kernelSize: k, stride: s, padding: m })],
    }),
  ).layers[0].shape;
  return [
    exercise(
      "slide",
      "Slide the kernel over the image, without padding. What are the four numbers of the output?",
      [square("image", 4, image), square("kernel", 3, kernel)],
      "By nine products at each of four places:",
      [square("output", 2, output.data)],
    ),
    exercise(
      "slide",
      `A kernel of ${k}×${k} slides over ${n}×${n} pixels with stride ${s} and a padding of ${m}. How large is the output?`,
      [],
      `${side}×${side}`,
    ),
    exercise(
      "kernels",
      `What does the kernel of exercise 1 answer where the picture is a plain grey of ${grey}?`,
      [],
      shown(plain.sum),
    ),
  ];
}
async function filters(rng: Random): Promise<Exercise> {
  const [channels, count] = [3, 4 + rng.integer(29)];
  const image = new Array<number>(channels * 25).fill(0);
  const filter = new Array<number>(channels * 9).fill(0);
  const { parameters, shape } = await channelSums({
    image,
    side: 5,
    filter,
    bias: 0,
    count,
    row: 0,
    column: 0,
  });
  return exercise(
    "channels",
    `A layer has ${count} filters of 3×3 over an image of 3 channels and 5×5 pixels. How many parameters does it have, biases included, and what is the shape of its output?`,
    [],
    `${parameters} parameters; ${shape.slice(-3).join("×")}`,
  );
}
async function pools(rng: Random): Promise<Exercise> {
  const image = drawn(rng, 16, 0, 9);
  const asked = { image, side: 4, size: 2, shift: 0, row: 0, column: 0 };
  const largest = await poolShift({ ...asked, kind: "max" });
  const mean = await poolShift({ ...asked, kind: "average" });
  return exercise(
    "pool",
    "Pool the image by windows of 2×2: by the largest, then by the mean. Where does the derivative of the first largest go?",
    [square("image", 4, image)],
    "",
    [
      square("largest", 2, largest.still),
      square("mean", 2, mean.still),
      square("derivative", 4, largest.gradient),
    ],
  );
}
async function nodes(rng: Random): Promise<Exercise[]> {
  const [inputs, weights] = [drawn(rng, 3, -3, 3), drawn(rng, 3, -2, 2)];
  const bias = rng.integer(5) - 2;
  const { z, a, slope } = await oneNode({ inputs, weights, bias, activation: "relu" });
  const scores = drawn(rng, 3, -1, 3);
  const shares = await softmaxOf({ scores, temperature: 1 });
  return [
    exercise(
      "node",
      `A node has the inputs ${inputs.map((v) => shown(v)).join(", ")}, the weights ${weights.map((v) => shown(v)).join(", ")} and the bias ${shown(bias)}. What are z, ReLU(z) and its slope?`,
      [],
      `z = ${shown(z)}, a = ${shown(a)}, slope ${shown(slope)}`,
    ),
    exercise(
      "node",
      `What probabilities does softmax make of the scores ${scores.map((v) => shown(v)).join(", ")}?`,
      [],
      shares.map((p) => shown(p)).join(", "),
    ),
  ];
}
async function costs(rng: Random): Promise<Exercise> {
  const predictions = drawn(rng, 4, -5, 15).map((v) => v / 10);
  const targets = drawn(rng, 4, 0, 1);
  const { each, mean } = await costsOf({
    loss: "squared",
    predictions,
    targets,
    chosen: 0,
    from: -1,
    to: 2,
  });
  return exercise(
    "cost",
    `Four predictions are ${predictions.map((v) => shown(v)).join(", ")}, and should be ${targets.join(", ")}. What are the squared costs, and their mean?`,
    [],
    `${each.map((c) => shown(c)).join(", ")}; mean ${shown(mean, 4)}`,
  );
}
async function derivatives(rng: Random): Promise<Exercise> {
  const image = drawn(rng, 16, 0, 3);
  const kernel = drawn(rng, 4, -1, 1);
  const seed = 1 + rng.integer(50);
  const asked = {
    image,
    kernel,
    seed,
    target: 0,
    loss: "squared",
    rate: 0.5,
    updates: 0,
    chosen: 0,
  } as const;
  const { derivatives: by, shares, total } = await backpropagate({ ...asked, activation: "relu" });
  const rounded = Array.from(by.z.data, (v) => Number(v.toFixed(2)));
  return exercise(
    "backprop",
    "A 2×2 kernel slid over this image, and ∂C/∂z is known at its nine places. What is ∂C/∂w for the kernel's upper left weight?",
    [square("image", 4, image), square("∂C/∂z", 3, rounded)],
    `${shares.map((s) => `${shown(s.dzdw)}·${shown(s.dadz * s.dCda, 2)}`).join(" + ")} = ${shown(total, 2)}, by digits that were not rounded`,
  );
}

/** The same sheet for the same seed. */
export async function exerciseSheet({ seed }: { seed: number }): Promise<Exercise[]> {
  const rng = random(seed);
  return [
    ...(await slides(rng.fork("slide"))),
    await filters(rng.fork("channels")),
    await pools(rng.fork("pool")),
    ...(await nodes(rng.fork("node"))),
    await costs(rng.fork("cost")),
    await derivatives(rng.fork("backprop")),
  ];
}
