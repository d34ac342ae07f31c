// The adjoint of a strided convolution by its outputs' remainders modulo the stride: those of one
// remainder are a convolution of step 1 with a part of the kernel, turned.
import { sizeOf, type Shape } from "../../../../core/shape.ts";
import type { ConvAttributes } from "../../../../graph/catalogue.ts";
import { i32, v, type Operand } from "../../encoder/instructions.ts";
import { up, type KernelContext } from "../../kernel.ts";
import { gatherLanes } from "../vectors.ts";

/** One axis of one remainder. */
export interface Phase {
  readonly remainder: number;
  /** Taps of the kernel, in the order of the inputs' cells that they meet. */
  readonly taps: readonly number[];
  /** The cell, before the first output's own, that the first tap meets. */
  readonly first: number;
}
/** More than these, of both axes, would be too much code. */
const MOST_PHASES = 16;

/** The remainders of an axis: kernels whose taps lie side by side. */
export function phasesOf(kernel: number, stride: number, padding: number): Phase[] {
  return Array.from({ length: stride }, (_, remainder) => {
    const least = (remainder + padding) % stride;
    const taps = Array.from({ length: kernel }, (_, tap) => kernel - 1 - tap).filter(
      (tap) => tap % stride === least,
    );
    // output i·stride + remainder meets cell i + (remainder + padding − tap)/stride
    const first = taps.length > 0 ? (remainder + padding - taps[0]) / stride : 0;
    return { remainder, taps, first };
  });
}
export const isPhased = ({ stride, dilation }: ConvAttributes): boolean =>
  dilation.every((n) => n === 1) && stride[0] * stride[1] <= MOST_PHASES;

/** A part of the kernel, and where its packed weights begin, in floats. */
export interface Part {
  readonly rows: Phase;
  readonly columns: Phase;
  readonly taps: number;
  readonly weights: number;
}
/** Of w [K·groups, C, R, S]. */
export function partsOf(w: Shape, { stride, padding, groups }: ConvAttributes): Part[] {
  const [K, C, R, S] = w;
  const columns = phasesOf(S, stride[1], padding[1]);
  const pairs = phasesOf(R, stride[0], padding[0]).flatMap((rows) =>
    columns.map((column) => ({ rows, columns: column })),
  );
  let weights = 0;
  return pairs.map((pair) => {
    const taps = (K / groups) * pair.rows.taps.length * pair.columns.taps.length;
    const part = { ...pair, taps, weights };
    weights += groups * up(C, 4) * taps;
    return part;
  });
}
/** Floats of packed weights. */
export const phasedWeightsSize = (w: Shape, attrs: ConvAttributes): number =>
  sizeOf([attrs.groups, up(w[1], 4), w[0] / attrs.groups, w[2], w[3]]);

/** u[part][group][C/4][K, taps][4] of w. */
export const phasedWeights =
  (w: Shape, attrs: ConvAttributes) =>
  (k: KernelContext<"w">): void => {
    const { groups } = attrs;
    const [, C, R, S] = w;
    const K = w[0] / groups;
    k.pass(1, ({ f, input, y }) => {
      const to = f.i32(y);
      for (const { rows, columns } of partsOf(w, attrs)) {
        const group = f.i32(input.w);
        const block = (first: Operand, lanes: number): void => {
          const source = f.i32(i32.add(group, i32.mul(first, R * S * 4)));
          f.for(K, () => {
            for (const r of rows.taps)
              for (const s of columns.taps) {
                f.do(v.store(to, gatherLanes(source, lanes, R * S * 4, (r * S + s) * 4)));
                f.advance(to, 16);
              }
            f.advance(source, C * R * S * 4);
          });
        };
        f.for(groups, () => {
          f.for(C - (C % 4), (first) => block(first, 4), 4);
          if (C % 4 > 0) block(C - (C % 4), C % 4);
          f.advance(group, K * C * R * S * 4);
        });
      }
    });
  };
