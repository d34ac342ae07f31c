// Attention between the pixels of an image.
import {
  arithmetic,
  formatShape,
  ShapeError,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import { images, type Apply } from "./scope.ts";

export interface SelfAttention2d {
  readonly kind: "selfAttention2d";
  /** 1 unless given; the channels divide into them. */
  readonly heads?: number;
}
/**
 * Every pixel asks all pixels of its image: softmax(qᵀk/√d)·v for each head, from one projection of
 * the channels to q, k and v and through another one; [N,C,H,W] stays. For each head of each image
 * there are (H·W)² weights: for small images, up to 64×64. Put it into a `residual`. Source:
 * Vaswani et al. 2017, PyTorch's MultiheadAttention over pixels.
 */
export const selfAttention2d = (options: Omit<SelfAttention2d, "kind"> = {}): SelfAttention2d => ({
  kind: "selfAttention2d",
  ...options,
});

/** Weights of one head are as many as its square. */
const MOST_PIXELS = 4096;

/**
 * a·b for each of B matrices, [B,m,k]·[B,k,n]: a grouped convolution, one group a matrix, whose
 * image is b and whose kernels of one cell are a's rows.
 */
function products(b: GraphBuilder, left: Value, right: Value): Value {
  const [B, m, k] = left.shape;
  const n = right.shape[2];
  const { reshape } = arithmetic(b);
  const attrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: B } as const;
  // one row of n pixels: kernels take neighbours of a row together
  const [x, w] = [reshape(right, [1, B * k, 1, n]), reshape(left, [B * m, k, 1, 1])];
  return reshape(b.emit("conv2d", { x, w }, attrs), [B, m, n]);
}

export const applySelfAttention2d: Apply<SelfAttention2d> = (
  { b, parameter },
  name,
  x,
  { heads = 1 },
) => {
  const [N, C, H, W] = images(name, x);
  const P = H * W;
  if (C % heads !== 0 || P > MOST_PIXELS)
    throw new ShapeError(
      `layer ${name}: its input is ${formatShape(x.shape)}; it takes channels that divide into ${heads} heads, and at most ${MOST_PIXELS} pixels`,
      { name, shape: x.shape },
    );
  const { add, mul, reshape, slice } = arithmetic(b);
  const project = (from: Value, path: string, channels: number): Value => {
    const w = parameter(`${name}.${path}.weight`, [channels, C], C);
    const attrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
    const y = b.emit("conv2d", { x: from, w: reshape(w, [channels, C, 1, 1]) }, attrs);
    return add(y, reshape(parameter(`${name}.${path}.bias`, [channels], C), [channels, 1, 1]));
  };
  const all = project(x, "inProjection", 3 * C);
  const part = (i: number): Value =>
    reshape(slice(all, 1, i * C, (i + 1) * C), [N * heads, C / heads, P]);
  const turned = (v: Value): Value => b.emit("transpose", { x: v }, { permutation: [0, 2, 1] });
  const asked = turned(mul(part(0), 1 / Math.sqrt(C / heads)));
  const weights = b.emit("softmax", { x: products(b, asked, part(1)) }, {});
  const seen = turned(products(b, weights, turned(part(2))));
  return project(reshape(seen, [N, C, H, W]), "outProjection", C);
};
