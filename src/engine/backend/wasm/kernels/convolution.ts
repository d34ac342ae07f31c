// The convolutions' forms: Winograd's for 3 × 3, direct for the rest, and for the strided adjoint a
// matrix product scattered into the image.
import type { Shape } from "../../../core/shape.ts";
import type { ConvAttributes } from "../../../graph/catalogue.ts";
import { i32, s32, v, type Local, type Operand } from "../encoder/instructions.ts";
import type { KernelContext, Pass } from "../kernel.ts";
import { storeLanes } from "./vectors.ts";
import { gemm } from "./matmul.ts";

/** A block of columns should stay in the second-level cache. */
const BLOCK_BYTES = 384 * 1024;

/** y [N,C,H,W], the adjoint of a strided convolution, of x [N,K,P,Q] and w [K,C/groups,R,S]. */
export const scatteredTranspose =
  (attrs: ConvAttributes) =>
  (k: KernelContext<"x" | "w">): void => {
    const { stride, padding, dilation, groups } = attrs;
    const [N, , P, Q] = k.shapes.x;
    const [, Cg, R, S] = k.shapes.w;
    const Kg = k.shapes.w[0] / groups;
    const [, , H, W] = k.out;
    const taps = Cg * R * S;
    // where kernels do not overlap, blocks of rows do not either, and can be shared out
    const apart = R <= stride[0] && dilation[0] === 1 && padding[0] === 0;
    const wanted = Math.max(1, Math.min(P, Math.floor(BLOCK_BYTES / (4 * taps * Q))));
    const rows = apart && N * groups < 8 && 2 * Kg * taps * P * Q > 1e6 ? Math.min(wanted, Math.ceil(P / 8)) : wanted;
    const pitch = (Math.ceil((rows * Q) / 16) | 1) * 16;
    const strips = Math.ceil(P / rows);
    // where they cover the image too, nothing needs to be added to
    const covering =
      apart &&
      R === stride[0] &&
      S === stride[1] &&
      dilation[1] === 1 &&
      padding[1] === 0 &&
      H === P * R &&
      W === Q * S;
    if (!covering)
      k.pass(1, ({ f, y }) =>
        f.zero(
          y,
          k.out.reduce((a, b) => a * b, 4),
        ),
      );
    const plus = (target: Local, x: Operand, offset = 0): Operand =>
      covering ? x : s32.add(s32.load(target, offset), x);
    const block = (p: Pass<"x" | "w">, picture: Local, group: Local, first: Local, count: number): void => {
      const { f } = p;
      const columns = p.scratch(taps * pitch * 4);
      const map = f.i32(i32.add(p.input.x, i32.add(i32.mul(picture, Kg * P * Q * 4), i32.mul(first, Q * 4))));
      const weights = f.i32(i32.add(p.input.w, i32.mul(group, Kg * taps * 4)));
      const image = f.i32(i32.add(p.y, i32.mul(picture, Cg * H * W * 4)));
      gemm(
        f,
        [taps, count * Q, Kg],
        { at: weights, row: 1, inner: taps },
        { at: map, inner: P * Q },
        { at: columns, row: pitch },
      );
      const plane = f.i32(image);
      const line = f.i32(columns);
      f.for(Cg, () => {
        f.for(R, (r) => {
          for (let s = 0; s < S; s++) {
            const left = s * dilation[1] - padding[1];
            // q with 0 <= q·stride + left < W
            const from = Math.min(Q, Math.max(0, Math.ceil(-left / stride[1])));
            const end = Math.max(from, Math.min(Q, Math.ceil((W - left) / stride[1])));
            const source = f.i32(line);
            const h = f.i32(i32.add(i32.sub(i32.mul(first, stride[0]), padding[0]), i32.mul(r, dilation[0])));
            f.for(count, () => {
              f.if(i32.ltU(h, H), () => {
                const target = f.i32(i32.add(plane, i32.add(i32.mul(h, W * 4), (from * stride[1] + left) * 4)));
                const value = f.i32(i32.add(source, from * 4));
                const whole = end - from - ((end - from) % 4);
                f.for(
                  whole,
                  () => {
                    if (stride[1] === 1 && !covering) f.do(v.store(target, v.add(v.load(target), v.load(value))));
                    else
                      for (let lane = 0; lane < 4; lane++)
                        f.do(
                          s32.store(
                            target,
                            plus(target, s32.load(value, lane * 4), lane * stride[1] * 4),
                            lane * stride[1] * 4,
                          ),
                        );
                    f.advance(target, stride[1] * 16);
                    f.advance(value, 16);
                  },
                  4,
                );
                f.for(end - from - whole, () => {
                  f.do(s32.store(target, plus(target, s32.load(value))));
                  f.advance(target, stride[1] * 4);
                  f.advance(value, 4);
                });
              });
              f.advance(source, Q * 4);
              f.advance(h, stride[0]);
            });
            f.advance(line, pitch * 4);
          }
        });
        f.advance(plane, H * W * 4);
      });
    };
    k.pass(apart ? N * groups * strips : N * groups, (p) => {
      const { f } = p;
      const picture = f.i32(apart ? i32.divU(p.chunk, strips) : p.chunk);
      const group = f.i32(i32.remU(picture, groups));
      const whole = P - (P % rows);
      if (!apart) {
        f.for(whole, (first) => block(p, picture, group, first, rows), rows);
        if (whole < P) block(p, picture, group, f.i32(whole), P - whole);
        return;
      }
      const first = f.i32(i32.mul(i32.remU(p.chunk, strips), rows));
      if (whole > 0) f.if(i32.ltU(first, whole), () => block(p, picture, group, first, rows));
      if (whole < P) f.if(i32.geU(first, whole), () => block(p, picture, group, first, P - whole));
    });
  };

/** A strip of the small image should stay in the second-level cache. */
const STRIP_BYTES = 256 * 1024;
/** Whether `pairedTranspose` does it: kernels two columns wide that tile the image. */
export function isPaired(
  [, , R, S]: Shape,
  x: Shape,
  y: Shape,
  { stride, padding, dilation }: ConvAttributes,
): boolean {
  return (
    S === 2 &&
    stride[1] === 2 &&
    R === stride[0] &&
    dilation[0] === 1 &&
    dilation[1] === 1 &&
    padding[0] === 0 &&
    padding[1] === 0 &&
    y[2] === x[2] * R &&
    y[3] === x[3] * 2
  );
}
/**
 * The same where kernels of two columns tile the image, as a U-Net's way up has them: the two
 * columns' sums are interleaved in registers.
 */
export const pairedTranspose =
  ({ groups }: ConvAttributes) =>
  (k: KernelContext<"x" | "w">): void => {
    const [N, , P, Q] = k.shapes.x;
    const [, C, R] = k.shapes.w;
    const K = k.shapes.w[0] / groups;
    const least = 2 * N * K * groups * C * R * 2 * P * Q > 1e6 ? 16 : 1;
    const rows = Math.max(
      1,
      Math.min(Math.floor(STRIP_BYTES / (K * Q * 4)), Math.ceil(P / Math.ceil(least / (N * groups)))),
    );
    const strips = Math.ceil(P / rows);
    // an odd number of cache lines between the maps, so that they do not fall into one set
    const pitch = (Math.ceil((rows * Q + 4) / 16) | 1) * 64;
    k.pass(N * groups * strips, (p) => {
      const { f } = p;
      const picture = f.i32(i32.divU(p.chunk, strips));
      const group = f.i32(i32.remU(picture, groups));
      const first = f.i32(i32.mul(i32.remU(p.chunk, strips), rows));
      const count = f.i32(rows);
      if (P % rows > 0) f.if(i32.geU(i32.add(first, rows), P), () => f.set(count, i32.sub(P, first)));
      const strip = p.scratch(K * (pitch + 16));
      const packed = f.i32(i32.add(strip, K * pitch));
      const [from, to] = [
        f.i32(i32.add(p.input.x, i32.mul(i32.add(i32.mul(picture, K * P), first), Q * 4))),
        f.i32(strip),
      ];
      f.for(K, () => {
        f.copy(to, from, i32.mul(count, Q * 4));
        f.advance(from, P * Q * 4);
        f.advance(to, pitch);
      });
      const weights = f.i32(i32.add(p.input.w, i32.mul(group, K * C * R * 8)));
      const image = f.i32(i32.add(p.y, i32.mul(i32.add(i32.mul(picture, C * P), first), R * Q * 8)));
      /** Columns from `column` (bytes) of row `row`, for `channels` channels from `channel`. */
      const tile = (row: Local, column: Operand, lanes: number, channel: Operand, channels: number, r: Local): void => {
        const vectors = Math.ceil(lanes / 4);
        const pixel = f.i32(i32.add(i32.add(strip, i32.mul(row, Q * 4)), column));
        const weight = f.i32(packed);
        const sums = Array.from({ length: channels }, () =>
          [0, 1].map(() => Array.from({ length: vectors }, () => f.v128(0))),
        );
        f.for(K, () => {
          const right = Array.from({ length: vectors }, (_, j) => f.v128(v.load(pixel, j * 16)));
          sums.forEach((pair, c) =>
            pair.forEach((row, s) => {
              const splat = f.v128(v.loadSplat(weight, c * 8 + s * 4));
              row.forEach((sum, j) => f.mulAdd(sum, splat, right[j]));
            }),
          );
          f.advance(pixel, pitch);
          f.advance(weight, 16);
        });
        const at = f.i32(
          i32.add(
            i32.add(image, i32.mul(channel, P * R * Q * 8)),
            i32.add(i32.mul(i32.add(i32.mul(row, R), r), Q * 8), i32.mul(column, 2)),
          ),
        );
        sums.forEach(([even, odd], c) =>
          even.forEach((e, j) => {
            const here = Math.min(4, lanes - 4 * j) * 2;
            storeLanes(
              f,
              at,
              f.v128(v.shuffle(e, odd[j], [0, 4, 1, 5])),
              Math.min(4, here),
              c * P * R * Q * 8 + j * 32,
            );
            if (here > 4)
              storeLanes(f, at, f.v128(v.shuffle(e, odd[j], [2, 6, 3, 7])), here - 4, c * P * R * Q * 8 + j * 32 + 16);
          }),
        );
      };
      const maps = (channel: Operand, channels: number): void =>
        f.for(R, (r) => {
          // the weights of these channels and this row, one behind the other
          const [weight, place] = [f.i32(i32.add(weights, i32.mul(i32.add(i32.mul(channel, R), r), 8))), f.i32(packed)];
          f.for(K, () => {
            const two = f.v128(v.loadPair(weight));
            f.do(v.store(place, channels === 1 ? two : v.shuffle(two, v.loadPair(weight, R * 8), [0, 1, 4, 5])));
            f.advance(weight, C * R * 8);
            f.advance(place, 16);
          });
          f.range(0, count, 1, (row) => {
            f.for((Q - (Q % 8)) * 4, (column) => tile(row, column, 8, channel, channels, r), 32);
            if (Q % 8 > 0) tile(row, (Q - (Q % 8)) * 4, Q % 8, channel, channels, r);
          });
        });
      f.for(C - (C % 2), (channel) => maps(channel, 2), 2);
      if (C % 2 > 0) maps(C - 1, 1);
    });
  };
