// The centred orthonormal Fourier transform: as products with constant matrices, or as nodes DFT.
import { cos, PI, sin, type Shape } from "../../../../engine/index.ts";
import type { Mapping } from "../mapping.ts";
import { written } from "../mapping.ts";
import type { OpNode, View } from "../view.ts";
import type { GraphWriter } from "../writer.ts";

/**
 * The transform of an axis of n as a real matrix of 2n: [C S; −S C] on real parts above imaginary
 * ones, C and S being cos and sin of 2π(j − ⌊n/2⌋)(k − ⌊n/2⌋)/n over √n. It is orthogonal, and its
 * transpose is the inverse's.
 */
function blocks(n: number, inverse: boolean): Float32Array {
  const half = Math.floor(n / 2);
  const matrix = new Float32Array(4 * n * n);
  for (let k = 0; k < n; k++)
    for (let j = 0; j < n; j++) {
      const turns = ((((j - half) * (k - half)) % n) + n) % n;
      const [c, s] = [cos((2 * PI * turns) / n), sin((2 * PI * turns) / n)].map(
        (v) => v / Math.sqrt(n),
      );
      const sine = inverse ? -s : s;
      matrix[k * 2 * n + j] = c;
      matrix[(n + k) * 2 * n + n + j] = c;
      matrix[k * 2 * n + n + j] = sine;
      matrix[(n + k) * 2 * n + j] = -sine;
    }
  return matrix;
}
function matrixOf(w: GraphWriter, n: number, inverse: boolean): string {
  const name = `dft_${n}${inverse ? "_inverse" : ""}`;
  return w.made(name, name, [2 * n, 2 * n], () => blocks(n, inverse));
}

/**
 * Along H from the left, real above imaginary rows as they lie; along W from the right, for which
 * every row's imaginary part is put behind its real one: M·x = x·Mᵀ, and Mᵀ is the inverse's.
 */
function byMatrices(
  w: GraphWriter,
  x: string,
  { id, shape, attrs }: OpNode<"fft2">,
  view: View,
): string {
  const [H, W] = shape.slice(-2);
  const lead = view.target(id).slice(0, -3);
  const { inverse } = attrs;
  const stacked = w.reshape(x, [...lead, 2 * H, W]);
  const columns = w.node("MatMul", [matrixOf(w, H, inverse), stacked]);
  const apart = w.reshape(columns, [...lead, 2, H, W]);
  const swap = [...lead.keys(), ...[1, 0, 2].map((i) => lead.length + i)];
  const beside = w.reshape(w.node("Transpose", [apart], { perm: swap }), [...lead, H, 2 * W]);
  const rows = w.node("MatMul", [beside, matrixOf(w, W, !inverse)]);
  return w.node("Transpose", [w.reshape(rows, [...lead, H, 2, W])], { perm: swap });
}

/** Rolled by a gather: the lowest frequency from the middle to the corner, or back. */
function rolled(w: GraphWriter, x: string, shape: Shape, from: "centre" | "corner"): string {
  return [1, 2].reduce((value, axis) => {
    const n = shape[axis];
    const shift = from === "centre" ? Math.floor(n / 2) : Math.ceil(n / 2);
    const indices = Array.from({ length: n }, (_, i) => (i + shift) % n);
    return n === 1 ? value : w.node("Gather", [value, w.indices(indices, "shifted")], { axis });
  }, x);
}
/** DFT wants [batch, …, 2]; its inverse divides by n, and neither is centred. */
function byNodes(
  w: GraphWriter,
  x: string,
  { id, shape, attrs }: OpNode<"fft2">,
  view: View,
): string {
  const [H, W] = shape.slice(-2);
  const inverse = attrs.inverse ? 1 : 0;
  const complexLast = w.node("Transpose", [w.reshape(x, [-1, 2, H, W])], { perm: [0, 2, 3, 1] });
  const corner = rolled(w, complexLast, [1, H, W], "centre");
  const rows = w.node("DFT", [corner], { axis: 2, inverse });
  const both = w.node("DFT", [rows], { axis: 1, inverse });
  const scale = inverse ? Math.sqrt(H * W) : 1 / Math.sqrt(H * W);
  const scaled = w.node("Mul", [both, w.floats([scale], [])]);
  const centred = w.node("Transpose", [rolled(w, scaled, [1, H, W], "corner")], {
    perm: [0, 3, 1, 2],
  });
  return w.reshape(centred, view.target(id));
}

export const fft2: Mapping<"fft2"> = (node, view) =>
  written(node, (w, x) =>
    w.dft === "op" ? byNodes(w, x, node, view) : byMatrices(w, x, node, view),
  );
