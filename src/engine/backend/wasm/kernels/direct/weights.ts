// Weights packed for the direct form: four outputs side by side for every tap.
import type { Shape } from "../../../../core/shape.ts";
import { i32, v, type Operand } from "../../encoder/instructions.ts";
import { up, type KernelContext } from "../../kernel.ts";
import { gatherLanes } from "../vectors.ts";

/** Floats of packed weights. */
export const directWeightsSize = ([K, C, R, S]: Shape, groups: number): number =>
  groups * up(K / groups, 4) * C * R * S;

/**
 * u[group][K/4][tap][4] of w; with `flipped` the roles of a group's inputs and outputs are
 * exchanged and the kernels turned.
 */
export const directWeights =
  (w: Shape, groups: number, flipped: boolean) =>
  (k: KernelContext<"w">): void => {
    const [K, C] = flipped ? [w[1], w[0] / groups] : [w[0] / groups, w[1]];
    const area = w[2] * w[3];
    const [outputStride, inputStride] = flipped ? [area, w[1] * area] : [w[1] * area, area];
    k.pass(1, ({ f, input, y }) => {
      const group = f.i32(input.w);
      const to = f.i32(y);
      const block = (first: Operand, lanes: number): void => {
        const channel = f.i32(i32.add(group, i32.mul(first, outputStride * 4)));
        f.for(C, () => {
          const source = f.i32(flipped ? i32.add(channel, (area - 1) * 4) : channel);
          f.for(area, () => {
            f.do(v.store(to, gatherLanes(source, lanes, outputStride * 4)));
            f.advance(to, 16);
            f.advance(source, flipped ? -4 : 4);
          });
          f.advance(channel, inputStride * 4);
        });
      };
      f.for(groups, () => {
        f.for(K - (K % 4), (first) => block(first, 4), 4);
        if (K % 4 > 0) block(K - (K % 4), K % 4);
        f.advance(group, K * C * area * 4);
      });
    });
  };
