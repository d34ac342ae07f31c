// The convolutions' forms: Winograd's for 3 × 3, direct for the rest, and for the strided adjoint a
// matrix product scattered into the image.
import type { Shape } from "../../../core/shape.ts";
import type { ConvAttributes } from "../../../graph/catalogue.ts";
import { get, i32, int, s32, v, type Code, type Local } from "../encoder.ts";
import type { KernelContext, Pass } from "../kernel.ts";
import { storeLanes } from "./elementwise.ts";
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
          get(y),
          k.out.reduce((a, b) => a * b, 4),
        ),
      );
    const plus = (target: Local, x: Code, offset = 0): Code =>
      covering ? x : s32.add(s32.load(get(target), offset), x);
    const block = (p: Pass<"x" | "w">, picture: Local, group: Local, first: Local, count: number): void => {
      const { f } = p;
      const columns = p.scratch(taps * pitch * 4);
      const map = f.local(
        "i32",
        i32.add(get(p.input.x), i32.add(i32.mul(get(picture), int(Kg * P * Q * 4)), i32.mul(get(first), int(Q * 4)))),
      );
      const weights = f.local("i32", i32.add(get(p.input.w), i32.mul(get(group), int(Kg * taps * 4))));
      const image = f.local("i32", i32.add(get(p.y), i32.mul(get(picture), int(Cg * H * W * 4))));
      gemm(
        f,
        [taps, count * Q, Kg],
        { at: get(weights), row: 1, inner: taps },
        { at: get(map), inner: P * Q },
        { at: get(columns), row: pitch },
      );
      const plane = f.local("i32", get(image));
      const line = f.local("i32", get(columns));
      f.for(Cg, () => {
        f.for(R, (r) => {
          for (let s = 0; s < S; s++) {
            const left = s * dilation[1] - padding[1];
            // q with 0 <= q·stride + left < W
            const from = Math.min(Q, Math.max(0, Math.ceil(-left / stride[1])));
            const end = Math.max(from, Math.min(Q, Math.ceil((W - left) / stride[1])));
            const source = f.local("i32", get(line));
            const h = f.local(
              "i32",
              i32.add(i32.sub(i32.mul(get(first), int(stride[0])), int(padding[0])), i32.mul(get(r), int(dilation[0]))),
            );
            f.for(count, () => {
              f.if(i32.ltU(get(h), int(H)), () => {
                const target = f.local(
                  "i32",
                  i32.add(get(plane), i32.add(i32.mul(get(h), int(W * 4)), int((from * stride[1] + left) * 4))),
                );
                const value = f.local("i32", i32.add(get(source), int(from * 4)));
                const whole = end - from - ((end - from) % 4);
                f.for(
                  whole,
                  () => {
                    if (stride[1] === 1 && !covering)
                      f.do(v.store(get(target), v.add(v.load(get(target)), v.load(get(value)))));
                    else
                      for (let lane = 0; lane < 4; lane++)
                        f.do(
                          s32.store(
                            get(target),
                            plus(target, s32.load(get(value), lane * 4), lane * stride[1] * 4),
                            lane * stride[1] * 4,
                          ),
                        );
                    f.advance(target, stride[1] * 16);
                    f.advance(value, 16);
                  },
                  4,
                );
                f.for(end - from - whole, () => {
                  f.do(s32.store(get(target), plus(target, s32.load(get(value)))));
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
      const picture = f.local("i32", apart ? i32.divU(get(p.chunk), int(strips)) : get(p.chunk));
      const group = f.local("i32", i32.remU(get(picture), int(groups)));
      const whole = P - (P % rows);
      if (!apart) {
        f.for(whole, (first) => block(p, picture, group, first, rows), rows);
        if (whole < P) block(p, picture, group, f.local("i32", int(whole)), P - whole);
        return;
      }
      const first = f.local("i32", i32.mul(i32.remU(get(p.chunk), int(strips)), int(rows)));
      if (whole > 0) f.if(i32.ltU(get(first), int(whole)), () => block(p, picture, group, first, rows));
      if (whole < P) f.if(i32.geU(get(first), int(whole)), () => block(p, picture, group, first, P - whole));
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
      const picture = f.local("i32", i32.divU(get(p.chunk), int(strips)));
      const group = f.local("i32", i32.remU(get(picture), int(groups)));
      const first = f.local("i32", i32.mul(i32.remU(get(p.chunk), int(strips)), int(rows)));
      const count = f.local("i32", int(rows));
      if (P % rows > 0)
        f.if(i32.geU(i32.add(get(first), int(rows)), int(P)), () => f.set(count, i32.sub(int(P), get(first))));
      const strip = p.scratch(K * (pitch + 16));
      const packed = f.local("i32", i32.add(get(strip), int(K * pitch)));
      const [from, to] = [
        f.local(
          "i32",
          i32.add(get(p.input.x), i32.mul(i32.add(i32.mul(get(picture), int(K * P)), get(first)), int(Q * 4))),
        ),
        f.local("i32", get(strip)),
      ];
      f.for(K, () => {
        f.copy(get(to), get(from), i32.mul(get(count), int(Q * 4)));
        f.advance(from, P * Q * 4);
        f.advance(to, pitch);
      });
      const weights = f.local("i32", i32.add(get(p.input.w), i32.mul(get(group), int(K * C * R * 8))));
      const image = f.local(
        "i32",
        i32.add(get(p.y), i32.mul(i32.add(i32.mul(get(picture), int(C * P)), get(first)), int(R * Q * 8))),
      );
      /** Columns from `column` (bytes) of row `row`, for `channels` channels from `channel`. */
      const tile = (row: Local, column: Code, lanes: number, channel: Code, channels: number, r: Local): void => {
        const vectors = Math.ceil(lanes / 4);
        const pixel = f.local("i32", i32.add(i32.add(get(strip), i32.mul(get(row), int(Q * 4))), column));
        const weight = f.local("i32", get(packed));
        const sums = Array.from({ length: channels }, () =>
          [0, 1].map(() => Array.from({ length: vectors }, () => f.local("v128", v.constant(0)))),
        );
        f.for(K, () => {
          const right = Array.from({ length: vectors }, (_, j) => f.local("v128", v.load(get(pixel), j * 16)));
          sums.forEach((pair, c) =>
            pair.forEach((row, s) => {
              const splat = f.local("v128", v.loadSplat(get(weight), c * 8 + s * 4));
              row.forEach((sum, j) => f.mulAdd(sum, get(splat), get(right[j])));
            }),
          );
          f.advance(pixel, pitch);
          f.advance(weight, 16);
        });
        const at = f.local(
          "i32",
          i32.add(
            i32.add(get(image), i32.mul(channel, int(P * R * Q * 8))),
            i32.add(i32.mul(i32.add(i32.mul(get(row), int(R)), get(r)), int(Q * 8)), i32.mul(column, int(2))),
          ),
        );
        sums.forEach(([even, odd], c) =>
          even.forEach((e, j) => {
            const here = Math.min(4, lanes - 4 * j) * 2;
            storeLanes(
              f,
              get(at),
              f.local("v128", v.shuffle(get(e), get(odd[j]), [0, 4, 1, 5])),
              Math.min(4, here),
              c * P * R * Q * 8 + j * 32,
            );
            if (here > 4)
              storeLanes(
                f,
                get(at),
                f.local("v128", v.shuffle(get(e), get(odd[j]), [2, 6, 3, 7])),
                here - 4,
                c * P * R * Q * 8 + j * 32 + 16,
              );
          }),
        );
      };
      const maps = (channel: Code, channels: number): void =>
        f.for(R, (r) => {
          // the weights of these channels and this row, one behind the other
          const [weight, place] = [
            f.local("i32", i32.add(get(weights), i32.mul(i32.add(i32.mul(channel, int(R)), get(r)), int(8)))),
            f.local("i32", get(packed)),
          ];
          f.for(K, () => {
            const two = f.local("v128", v.loadPair(get(weight)));
            f.do(
              v.store(
                get(place),
                channels === 1 ? get(two) : v.shuffle(get(two), v.loadPair(get(weight), R * 8), [0, 1, 4, 5]),
              ),
            );
            f.advance(weight, C * R * 8);
            f.advance(place, 16);
          });
          f.range(int(0), get(count), 1, (row) => {
            f.for((Q - (Q % 8)) * 4, (column) => tile(row, get(column), 8, channel, channels, r), 32);
            if (Q % 8 > 0) tile(row, int((Q - (Q % 8)) * 4), Q % 8, channel, channels, r);
          });
        });
      f.for(C - (C % 2), (channel) => maps(get(channel), 2), 2);
      if (C % 2 > 0) maps(int(C - 1), 1);
    });
  };

/**
 * The adjoint's padding where it is itself a convolution of stride 1, with turned kernels;
 * undefined where it is not.
 */
export function adjointPadding(
  [, , R, S]: Shape,
  { stride, padding, dilation }: ConvAttributes,
): readonly [number, number] | undefined {
  const inverse = [dilation[0] * (R - 1) - padding[0], dilation[1] * (S - 1) - padding[1]] as const;
  return stride[0] === 1 && stride[1] === 1 && inverse[0] >= 0 && inverse[1] >= 0 ? inverse : undefined;
}
