// One piece of work that two backends are given, to see whether they agree and which is faster.
import { sizeOf, type Shape } from "../core/shape.ts";
import { random } from "../core/random.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { ConvAttributes } from "../graph/catalogue.ts";
import { ops } from "../ops/index.ts";
import type { Backend, HostData } from "./backend.ts";

export interface Trial {
  readonly outputs: Readonly<Record<string, HostData>>;
  /** The quickest of some runs. */
  readonly ms: number;
}

/** Largest error over the largest value: rounding of sums of some hundred terms. */
const TOLERANCE = 1e-5;
const RUNS = 5;
const attrs: ConvAttributes = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };

/** A convolution with its gradients, normalisation, a transform and functions: a network's work. */
function work(): GraphBuilder {
  const b = new GraphBuilder(ops);
  const kept = (name: string, shape: Shape, seed: number): ReturnType<typeof b.parameter> => {
    const rng = random(seed);
    return b.parameter(
      name,
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => rng.uniform() - 0.5),
    );
  };
  const [x, w] = [kept("x", [2, 32, 64, 64], 1), kept("w", [32, 32, 3, 3], 2)];
  const y = b.emit("conv2d", { x, w }, attrs);
  const normalized = b.emit("normalize", { x: y }, { axes: [2, 3], epsilon: 1e-5 });
  const waves = b.emit("sin", { x: b.emit("exp", { x: normalized }, {}) }, {});
  const pairs = b.emit("reshape", { x: waves }, { shape: [32, 2, 64, 64] });
  b.output(
    "transform",
    b.emit("sum", { x: b.emit("fft2", { x: pairs }, { inverse: false }) }, { axes: [0] }),
  );
  b.output("image", b.emit("conv_transpose2d", { x: y, w }, { ...attrs, outputPadding: [0, 0] }));
  b.output("weights", b.emit("conv2d_weight_grad", { x, dy: y }, { ...attrs, kernel: [3, 3] }));
  return b;
}

export async function trial(backend: Backend): Promise<Trial> {
  const plan = await backend.compile(work());
  const outputs = await plan.execute();
  let ms = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const begun = performance.now();
    await plan.execute({}, { outputs: ["weights"] });
    ms = Math.min(ms, performance.now() - begun);
  }
  return { outputs, ms };
}

/** Whether two trials have the same numbers but for rounding. */
export function agree(a: Trial, b: Trial): boolean {
  return Object.entries(a.outputs).every(([name, wanted]) => {
    const got = b.outputs[name];
    let top = 0;
    for (const v of wanted) top = Math.max(top, Math.abs(v));
    const isNear = (v: number, i: number): boolean => Math.abs(v - wanted[i]) <= TOLERANCE * top;
    return got?.length === wanted.length && Float32Array.from(got).every(isNear);
  });
}
