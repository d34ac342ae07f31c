// The gradient of normalize, and its own gradient, so that gradients of gradients work.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sameShape, sizeOf } from "../core/shape.ts";
import type { OpDef } from "../graph/ir.ts";
import { checkNormalize, groupsOf, normalizeCases, statistics } from "./normalization.ts";

/**
 * g = s·(dy − m(dy) − y·m(dy·y)), with y = normalize(x), s = 1/√(variance + ε) and m the group's
 * mean. dy has x's shape, or it throws ShapeError.
 */
export const normalize_grad: OpDef<"normalize_grad"> = {
  infer: ({ dy, x }, attrs) => {
    if (!sameShape(dy, x))
      throw new ShapeError(
        `normalize_grad: dy ${formatShape(dy)} must have x's shape ${formatShape(x)}`,
        { dy, x },
      );
    checkNormalize("normalize_grad", x, attrs);
    return x;
  },
  // With L = ⟨u, g⟩: ∂L/∂dy is g's own form, since that is self-adjoint; ∂L/∂x runs through s,
  // which gives −s²·y·q,
  // and through y, which gives normalize_grad of −s·(u·m(dy·y) + dy·m(u·y)); q = m(u·dy) −
  // m(u)·m(dy) − m(u·y)·m(dy·y).
  gradient: (b, u, { dy, x }, attrs) => {
    const kept = x.shape.map((d, i) => (attrs.axes.includes(i) ? 1 : d));
    const count = sizeOf(x.shape) / sizeOf(kept);
    const mul = (a: typeof u, c: typeof u): typeof u => b.emit("mul", { a, b: c }, {});
    const sub = (a: typeof u, c: typeof u): typeof u => b.emit("sub", { a, b: c }, {});
    const mean = (v: typeof u): typeof u =>
      mul(
        b.emit("reshape", { x: b.emit("sum", { x: v }, { axes: attrs.axes }) }, { shape: kept }),
        b.scalar(1 / count),
      );
    const y = b.emit("normalize", { x }, attrs);
    const centred = sub(x, mean(x));
    const variance = b.emit(
      "add",
      { a: mean(mul(centred, centred)), b: b.scalar(attrs.epsilon) },
      {},
    );
    const s = b.emit("div", { a: b.scalar(1), b: b.emit("sqrt", { x: variance }, {}) }, {});
    const uy = mean(mul(u, y));
    const dyy = mean(mul(dy, y));
    const q = sub(sub(mean(mul(u, dy)), mul(mean(u), mean(dy))), mul(uy, dyy));
    const throughScale = mul(mul(mul(s, s), q), y);
    const throughY = b.emit(
      "normalize_grad",
      { dy: mul(s, b.emit("add", { a: mul(u, dyy), b: mul(dy, uy) }, {})), x },
      attrs,
    );
    return {
      dy: b.emit("normalize_grad", { dy: u, x }, attrs),
      x: b.emit("neg", { x: b.emit("add", { a: throughScale, b: throughY }, {}) }, {}),
    };
  },
  reference: ({ dy, x }, { axes, epsilon }, out) => {
    for (const group of groupsOf(x.shape, axes)) {
      const [mean, scale] = statistics(x, group, epsilon);
      let sum = 0;
      let product = 0;
      for (const i of group) {
        sum += dy.data[i];
        product += dy.data[i] * (x.data[i] - mean) * scale;
      }
      for (const i of group)
        out[i] =
          scale *
          (dy.data[i] - sum / group.length - ((x.data[i] - mean) * scale * product) / group.length);
    }
  },
  flops: (_shapes, _attrs, out) => 10 * sizeOf(out),
  samples: normalizeCases.map(({ x, attrs }) => ({ shapes: { dy: x, x }, attrs })),
};
