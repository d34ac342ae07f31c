// Weights transformed for Winograd's form, once for all images.
import type { Shape } from "../../../../core/shape.ts";
import type { FunctionBuilder } from "../../encoder/function.ts";
import { address, i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { up, type KernelContext, type Pass } from "../../kernel.ts";
import { spread, weightAxis, windowOf } from "./transforms.ts";

/** Bytes from one position's weights to the next: eight outputs of every input. */
export const weightsPosition = (inputs: number): number => spread(up(inputs, 4) * 32);
/** Bytes of transformed weights for eight outputs. */
export const weightsOfEight = (inputs: number, kernel: number): number =>
  windowOf(kernel) ** 2 * weightsPosition(inputs);
/** Floats of transformed weights for `inputs` and `outputs` channels. */
export const winogradWeightsSize = (inputs: number, outputs: number, kernel: number): number =>
  (Math.ceil(outputs / 8) * weightsOfEight(inputs, kernel)) / 4;

/** Weights [K,C,R,R] as they are read: the outputs' and the inputs' strides in bytes. */
interface Layout {
  readonly inputs: number;
  readonly R: number;
  readonly flipped: boolean;
  readonly outputStride: number;
  readonly inputStride: number;
}

/**
 * u[outputs/8][position][input][8] of w [K,C,R,R]; with `flipped` the roles of K and C are
 * exchanged and the kernels turned, as the input's gradient needs them.
 */
export const winogradWeights =
  (w: Shape, flipped: boolean) =>
  (k: KernelContext<"w">): void => {
    const [outputs, inputs] = flipped ? [w[1], w[0]] : [w[0], w[1]];
    const R = w[2];
    const area = R * R * 4;
    const [outputStride, inputStride] = flipped ? [area, w[1] * area] : [w[1] * area, area];
    const layout = { inputs, R, flipped, outputStride, inputStride };
    const eights = Math.ceil(outputs / 8);
    k.pass(eights, (p) => {
      const { f } = p;
      const block = f.i32(address(p.y, [p.chunk, weightsOfEight(inputs, R)]));
      const rest = outputs % 8;
      if (rest === 0) {
        transformEight(p, layout, block, 8);
        return;
      }
      if (eights > 1) f.if(i32.ltU(p.chunk, eights - 1), () => transformEight(p, layout, block, 8));
      f.if(i32.geU(p.chunk, eights - 1), () => {
        f.zero(block, weightsOfEight(inputs, R));
        transformEight(p, layout, block, rest);
      });
    });
  };

/** A call's `outputs` channels, at most eight, with every input. */
function transformEight(p: Pass<"w">, layout: Layout, block: Local, outputs: number): void {
  const { f } = p;
  const { inputs, R, flipped, outputStride, inputStride } = layout;
  const half = p.scratch(windowOf(R) * R * 16);
  const source = f.i32(address(p.input.w, [p.chunk, 8 * outputStride]));
  for (let lane = 0; lane < outputs; lane += 4) {
    const lanes = Math.min(4, outputs - lane);
    const call = p.common(`winograd weights ${R} ${flipped} ${lanes}`, 7, (g) =>
      transformFour(g, { R, flipped, lanes }),
    );
    const [from, to] = [i32.add(source, lane * outputStride), i32.add(block, lane * 4)];
    call([from, to, half, inputs, inputStride, outputStride, weightsPosition(inputs)]);
  }
}

/** Kernels of every input, for `lanes` outputs. */
function transformFour(
  f: FunctionBuilder,
  { R, flipped, lanes }: { R: number; flipped: boolean; lanes: number },
): void {
  const [from, to, half, inputs, inputStride, outputStride, position] = f.params;
  const window = windowOf(R);
  const row = f.i32(i32.mul(position, window));
  const kernel = f.i32(flipped ? i32.add(from, (R - 1) * R * 4) : from);
  const target = f.i32(to);
  f.range(0, inputs, 1, () => {
    transformRows(f, { R, flipped, lanes, kernel, outputStride, half });
    const line = f.i32(half);
    const places = [f.i32(target)];
    for (let i = 1; i < window; i++) places.push(f.i32(i32.add(places[i - 1], row)));
    f.for(window, () => {
      const g = f.loads(R, line, 16);
      weightAxis(f, g).forEach((x, i) => f.do(v.store(places[i], x)));
      f.advance(line, R * 16);
      for (const place of places) f.set(place, i32.add(place, position));
    });
    f.set(kernel, i32.add(kernel, inputStride));
    f.advance(target, 32);
  });
}
/** g·Gᵀ of one input's kernels, its columns behind each other. */
function transformRows(
  f: FunctionBuilder,
  kernels: {
    R: number;
    flipped: boolean;
    lanes: number;
    kernel: Local;
    outputStride: Local;
    half: Local;
  },
): void {
  const { R, flipped, lanes, kernel, outputStride, half } = kernels;
  const lines = [f.i32(kernel)];
  for (let lane = 1; lane < lanes; lane++)
    lines.push(f.i32(i32.add(lines[lane - 1], outputStride)));
  const column = f.i32(half);
  f.for(R, () => {
    const g = Array.from({ length: R }, (_, s) => {
      const tap = (flipped ? R - 1 - s : s) * 4;
      return f.v128(lines.reduce<Operand>((x, line, lane) => v.loadLane(line, x, lane, tap), 0));
    });
    weightAxis(f, g).forEach((x, j) => f.do(v.store(column, x, j * R * 16)));
    for (const line of lines) f.advance(line, flipped ? -R * 4 : R * 4);
    f.advance(column, 16);
  });
}
