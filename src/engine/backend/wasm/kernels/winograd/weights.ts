// Weights transformed for Winograd's form, once for all images.
import type { Shape } from "../../../../core/shape.ts";
import { address, i32, v, type Local } from "../../encoder/instructions.ts";
import { up, type KernelContext, type Pass } from "../../kernel.ts";
import { gatherLanes } from "../vectors.ts";
import { weightAxis, windowOf } from "./transforms.ts";

/** Floats of transformed weights for `inputs` and `outputs` channels. */
export const winogradWeightsSize = (inputs: number, outputs: number, kernel: number): number =>
  (up(outputs, 8) / 8) * windowOf(kernel) ** 2 * up(inputs, 4) * 8;

/** Weights [K,C,R,R] as they are read: the outputs' and the inputs' strides in bytes. */
interface Layout {
  readonly inputs: number;
  readonly R: number;
  readonly flipped: boolean;
  readonly outputStride: number;
  readonly inputStride: number;
  /** Inputs, rounded up to whole vectors. */
  readonly Cp: number;
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
    const Cp = up(inputs, 4);
    const layout = { inputs, R, flipped, outputStride, inputStride, Cp };
    const eights = up(outputs, 8) / 8;
    const window = windowOf(R);
    const positions = window * window;
    k.pass(eights, (p) => {
      const { f } = p;
      const block = f.i32(address(p.y, [p.chunk, positions * Cp * 32]));
      if (Cp > inputs)
        f.for(positions, (i) =>
          f.zero(i32.add(block, i32.add(i32.mul(i, Cp * 32), inputs * 32)), (Cp - inputs) * 32),
        );
      const half = p.scratch(window * R * 16);
      for (const lane0 of [0, 4]) {
        const first = f.i32(i32.add(i32.mul(p.chunk, 8), lane0));
        const four = (lanes: number): void =>
          transformFour(p, layout, { first, block, half, lane0, lanes });
        const nothing = (): void =>
          f.for(positions * Cp, (i) => f.do(v.store(address(block, [i, 32]), 0, lane0 * 4)));
        // blocks that have four channels here, and what the last one has
        const full = Math.floor((outputs - lane0 - 4) / 8) + 1;
        const left = Math.max(0, outputs - (eights - 1) * 8 - lane0);
        if (full >= eights) {
          four(4);
          continue;
        }
        if (full > 0) f.if(i32.ltU(p.chunk, full), () => four(4));
        f.if(i32.geU(p.chunk, Math.max(0, full)), () => (left > 0 ? four(left) : nothing()));
      }
    });
  };

/** `lanes` output channels from `first` on, with every input. */
function transformFour(
  { f, input }: Pass<"w">,
  { inputs, R, flipped, outputStride, inputStride, Cp }: Layout,
  {
    first,
    block,
    half,
    lane0,
    lanes,
  }: { first: Local; block: Local; half: Local; lane0: number; lanes: number },
): void {
  const source = f.i32(address(input.w, [first, outputStride]));
  const target = f.i32(i32.add(block, lane0 * 4));
  const window = windowOf(R);
  f.for(inputs, () => {
    const row = f.i32(half);
    // columns of g·Gᵀ lie behind each other
    for (let r = 0; r < R; r++) {
      const g = Array.from({ length: R }, (_, s) => {
        const tap = (flipped ? R * R - 1 - (r * R + s) : r * R + s) * 4;
        return f.v128(gatherLanes(source, lanes, outputStride, tap));
      });
      weightAxis(f, g).forEach((x, j) => f.do(v.store(row, x, (j * R + r) * 16)));
    }
    const out = f.i32(target);
    f.for(window, () => {
      const g = f.loads(R, row, 16);
      weightAxis(f, g).forEach((x, i) => f.do(v.store(out, x, i * window * Cp * 32)));
      f.advance(row, R * 16);
      f.advance(out, Cp * 32);
    });
    f.advance(source, inputStride);
    f.advance(target, 32);
  });
}
