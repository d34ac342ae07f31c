// The adjoint of a strided convolution as a matrix product whose columns are scattered into the
// image: for what neither paired.ts nor phased.ts does, dilated kernels and large strides.
import type { ConvAttributes } from "../../../../graph/catalogue.ts";
import { address, i32, s32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import type { KernelContext, Pass } from "../../kernel.ts";
import { gemm } from "../matmul.ts";

/** A block of columns should stay in the second-level cache. */
const BLOCK_BYTES = 384 * 1024;

type AdjointPass = Pass<"x" | "w">;
/**
 * x [N, K·groups, P, Q] and w [K·groups, C, R, S] → y [N, C·groups, H, W]; K and C are a group's.
 */
interface Geometry {
  readonly attrs: ConvAttributes;
  readonly N: number;
  readonly K: number;
  readonly P: number;
  readonly Q: number;
  readonly C: number;
  readonly R: number;
  readonly S: number;
  readonly H: number;
  readonly W: number;
  /** Where kernels do not overlap, blocks of rows do not either, and can be shared out. */
  readonly apart: boolean;
  /** Where they cover the image too, nothing needs to be added to. */
  readonly covering: boolean;
  /** Rows of x that a block takes, and floats between its columns. */
  readonly rows: number;
  readonly pitch: number;
}
function geometryOf(
  { shapes: { x, w }, out }: KernelContext<"x" | "w">,
  attrs: ConvAttributes,
): Geometry {
  const { stride, padding, dilation, groups } = attrs;
  const [N, , P, Q] = x;
  const [, C, R, S] = w;
  const [, , H, W] = out;
  const K = w[0] / groups;
  const taps = C * R * S;
  const apart = R <= stride[0] && dilation[0] === 1 && padding[0] === 0;
  const tiling = R === stride[0] && S === stride[1] && dilation[1] === 1 && padding[1] === 0;
  const covering = apart && tiling && H === P * R && W === Q * S;
  const wanted = Math.max(1, Math.min(P, Math.floor(BLOCK_BYTES / (4 * taps * Q))));
  const isCut = apart && N * groups < 8 && 2 * K * taps * P * Q > 1e6;
  const rows = isCut ? Math.min(wanted, Math.ceil(P / 8)) : wanted;
  const pitch = (Math.ceil((rows * Q) / 16) | 1) * 16;
  return { attrs, N, K, P, Q, C, R, S, H, W, apart, covering, rows, pitch };
}

/** y [N,C,H,W], the adjoint of a strided convolution, of x [N,K,P,Q] and w [K,C/groups,R,S]. */
export const scatteredTranspose =
  (attrs: ConvAttributes) =>
  (k: KernelContext<"x" | "w">): void => {
    const g = geometryOf(k, attrs);
    const { N, P, rows, apart } = g;
    const { groups } = attrs;
    const bytes = k.out.reduce((a, b) => a * b, 4);
    if (!g.covering) k.pass(1, ({ f, y }) => f.zero(y, bytes));
    const strips = Math.ceil(P / rows);
    const whole = P - (P % rows);
    k.pass(apart ? N * groups * strips : N * groups, (p) => {
      const { f } = p;
      const picture = f.i32(apart ? i32.divU(p.chunk, strips) : p.chunk);
      const group = f.i32(i32.remU(picture, groups));
      const block = (first: Local, count: number): void =>
        scatterBlock(p, g, { picture, group, first, count });
      if (!apart) {
        f.for(whole, (first) => block(first, rows), rows);
        if (whole < P) block(f.i32(whole), P - whole);
        return;
      }
      const first = f.i32(i32.mul(i32.remU(p.chunk, strips), rows));
      if (whole > 0) f.if(i32.ltU(first, whole), () => block(first, rows));
      if (whole < P) f.if(i32.geU(first, whole), () => block(first, P - whole));
    });
  };

/** The columns of `count` rows of x from `first` on, row by row of the kernel into the image. */
function scatterBlock(
  p: AdjointPass,
  g: Geometry,
  block: { picture: Local; group: Local; first: Local; count: number },
): void {
  const { f } = p;
  const { K, P, Q, C, R, S, H, W, pitch } = g;
  const { picture, group, first, count } = block;
  const taps = C * R * S;
  const columns = p.scratch(taps * pitch * 4);
  const map = f.i32(
    i32.add(p.input.x, i32.add(i32.mul(picture, K * P * Q * 4), i32.mul(first, Q * 4))),
  );
  const weights = f.i32(address(p.input.w, [group, K * taps * 4]));
  const image = f.i32(address(p.y, [picture, C * H * W * 4]));
  gemm(
    f,
    [taps, count * Q, K],
    { at: weights, row: 1, inner: taps },
    { at: map, inner: P * Q },
    { at: columns, row: pitch },
  );
  const plane = f.i32(image);
  const line = f.i32(columns);
  f.for(C, () => {
    f.for(R, (r) => {
      for (let s = 0; s < S; s++) {
        scatterTap(p, g, { plane, line, first, count, r, s });
        f.advance(line, pitch * 4);
      }
    });
    f.advance(plane, H * W * 4);
  });
}

/** One tap's columns into the image's rows. */
function scatterTap(
  { f }: AdjointPass,
  { attrs: { stride, padding, dilation }, Q, H, W, covering }: Geometry,
  tap: { plane: Local; line: Local; first: Local; count: number; r: Local; s: number },
): void {
  const left = tap.s * dilation[1] - padding[1];
  // q with 0 <= q·stride + left < W
  const from = Math.min(Q, Math.max(0, Math.ceil(-left / stride[1])));
  const end = Math.max(from, Math.min(Q, Math.ceil((W - left) / stride[1])));
  const whole = end - from - ((end - from) % 4);
  const step = stride[1] * 4;
  const source = f.i32(tap.line);
  const top = i32.sub(i32.mul(tap.first, stride[0]), padding[0]);
  const h = f.i32(i32.add(top, i32.mul(tap.r, dilation[0])));
  const put = (target: Local, value: Operand, offset = 0): void =>
    f.do(s32.store(target, covering ? value : s32.add(s32.load(target, offset), value), offset));
  const row = (): void => {
    const column = i32.add(i32.mul(h, W * 4), (from * stride[1] + left) * 4);
    const target = f.i32(i32.add(tap.plane, column));
    const value = f.i32(i32.add(source, from * 4));
    const four = (): void => {
      if (stride[1] === 1 && !covering) f.do(v.store(target, v.add(v.load(target), v.load(value))));
      else for (let lane = 0; lane < 4; lane++) put(target, s32.load(value, lane * 4), lane * step);
      f.advance(target, step * 4);
      f.advance(value, 16);
    };
    f.for(whole, four, 4);
    f.for(end - from - whole, () => {
      put(target, s32.load(value));
      f.advance(target, step);
      f.advance(value, 4);
    });
  };
  f.for(tap.count, () => {
    f.if(i32.ltU(h, H), row);
    f.advance(source, Q * 4);
    f.advance(h, stride[0]);
  });
}
