// Weights transformed for Winograd's form, once for all images.
import type { Shape } from "../../../../core/shape.ts";
import { address, i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { up, type KernelContext, type Pass } from "../../kernel.ts";
import { gatherLanes } from "../vectors.ts";
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
  const { inputs, R, outputStride, inputStride } = layout;
  const half = p.scratch(windowOf(R) * R * 16);
  const source = f.i32(address(p.input.w, [p.chunk, 8 * outputStride]));
  const target = f.i32(block);
  f.for(inputs, () => {
    const four = (lane: Operand, lanes: number): void =>
      transformFour(p, layout, {
        from: f.i32(address(source, [lane, outputStride])),
        ...{ to: f.i32(address(target, [lane, 4])), half, lanes },
      });
    const rest = outputs % 4;
    f.for(outputs - rest, (lane) => four(lane, 4), 4);
    if (rest > 0) four(outputs - rest, rest);
    f.advance(source, inputStride);
    f.advance(target, 32);
  });
}

/** One input's kernels for `lanes` outputs. */
function transformFour(
  { f }: Pass<"w">,
  { inputs, R, flipped, outputStride }: Layout,
  { from, to, half, lanes }: { from: Local; to: Local; half: Local; lanes: number },
): void {
  const window = windowOf(R);
  const line = f.i32(flipped ? i32.add(from, (R - 1) * R * 4) : from);
  const column = f.i32(half);
  // columns of g·Gᵀ lie behind each other
  f.for(R, () => {
    const g = Array.from({ length: R }, (_, s) => {
      const tap = (flipped ? R - 1 - s : s) * 4;
      return f.v128(gatherLanes(line, lanes, outputStride, tap));
    });
    weightAxis(f, g).forEach((x, j) => f.do(v.store(column, x, j * R * 16)));
    f.advance(line, flipped ? -R * 4 : R * 4);
    f.advance(column, 16);
  });
  const row = f.i32(half);
  const position = weightsPosition(inputs);
  f.for(window, () => {
    const g = f.loads(R, row, 16);
    weightAxis(f, g).forEach((x, i) => f.do(v.store(to, x, i * window * position)));
    f.advance(row, R * 16);
    f.advance(to, position);
  });
}
