// E2E-VarNet as it was published: the maps of the coils found by a network of its own, k-space of
// all coils refined, the root of the sum of squares. With maps that are given: data-consistency.ts.
import {
  arithmetic,
  formatShape,
  ShapeError,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import { stack } from "./blocks.ts";
import type { Layer } from "./layers.ts";
import type { KSpaceCascades } from "./reconstruction-layers.ts";
import type { Scope } from "./scope.ts";

/** Of every coil, [N,coils,2,H,W]: k-space, images, or maps. */
type Coils = Value;

/** y [N,2,coils,H,W], or of one coil [N,2,H,W]. */
function byCoils(b: GraphBuilder, name: string, y: Value): Coils {
  const { reshape } = arithmetic(b);
  const [N, parts, ...rest] = y.shape;
  if (parts !== 2 || rest.length < 2 || rest.length > 3)
    throw new ShapeError(
      `layer ${name}: what was measured is ${formatShape(y.shape)}; it takes k-space of coils, [N×2×coils×H×W]`,
      { shape: y.shape },
    );
  const [C, H, W] = rest.length === 3 ? rest : [1, ...rest];
  return b.emit("transpose", { x: reshape(y, [N, 2, C, H, W]) }, { permutation: [0, 2, 1, 3, 4] });
}
const transform = (b: GraphBuilder, x: Coils, inverse: boolean): Coils =>
  b.emit("fft2", { x }, { inverse });
/** Real and imaginary parts, [N,coils,H,W]. */
function partsOf(b: GraphBuilder, v: Coils): [Value, Value] {
  const { reshape, slice } = arithmetic(b);
  const [N, C, , H, W] = v.shape;
  const part = (which: number): Value => reshape(slice(v, 2, which, which + 1), [N, C, H, W]);
  return [part(0), part(1)];
}
/** Σ|v|² over coils and parts, as [N,1,1,H,W]. */
function powerOf(b: GraphBuilder, v: Coils): Value {
  const { reshape, square, sum } = arithmetic(b);
  const [N, , , H, W] = v.shape;
  return reshape(sum(square(v), [1, 2]), [N, 1, 1, H, W]);
}

/** What every coil sees of an image [N,2,H,W], in k-space. */
function expand(b: GraphBuilder, image: Value, maps: Coils): Coils {
  const { add, concat, mul, reshape, slice, sub } = arithmetic(b);
  const [N, C, , H, W] = maps.shape;
  const [re, im] = [slice(image, 1, 0, 1), slice(image, 1, 1, 2)];
  const [sr, si] = partsOf(b, maps);
  const seen = [sub(mul(re, sr), mul(im, si)), add(mul(re, si), mul(im, sr))];
  const planes = seen.map((v) => reshape(v, [N, C, 1, H, W]));
  return transform(b, concat(planes, 2), false);
}
/** The coils' images put together by their maps, [N,2,H,W]. */
function reduce(b: GraphBuilder, kspace: Coils, maps: Coils): Value {
  const { add, concat, mul, reshape, sub, sum } = arithmetic(b);
  const [N, , , H, W] = maps.shape;
  const [re, im] = partsOf(b, transform(b, kspace, true));
  const [sr, si] = partsOf(b, maps);
  const joined = [add(mul(re, sr), mul(im, si)), sub(mul(im, sr), mul(re, si))];
  return concat(
    joined.map((v) => reshape(sum(v, [1]), [N, 1, H, W])),
    1,
  );
}

/** The maps from the middle columns of k-space, coil by coil, their squares adding up to 1. */
function sensitivitiesOf(
  scope: Scope,
  name: string,
  kspace: Coils,
  { columns, body }: { readonly columns: number; readonly body: readonly Layer[] },
): Coils {
  const { b } = scope;
  const { add, div, mul, reshape, sqrt } = arithmetic(b);
  const [N, C, , H, W] = kspace.shape;
  const first = Math.floor((W - columns + 1) / 2);
  const middle = Float32Array.from({ length: W }, (_, j) =>
    j >= first && j < first + columns ? 1 : 0,
  );
  const images = transform(b, mul(kspace, b.constant(middle, [W])), true);
  const found = stack(scope, `${name}.sensitivities`, body, reshape(images, [N * C, 2, H, W]));
  if (found.shape.join() !== [N * C, 2, H, W].join())
    throw new ShapeError(
      `layer ${name}: its sensitivities change their image's shape; make their channels 2`,
      { name },
    );
  const maps = reshape(found, kspace.shape);
  return div(maps, sqrt(add(powerOf(b, maps), 1e-12)));
}

/**
 * |x| of the refined k-space as a complex image [N,2,H,W]; cells where y is exactly 0 in every coil
 * count as not measured.
 */
export function cascadesOfCoils(
  scope: Scope,
  name: string,
  y: Value,
  options: KSpaceCascades,
): Value {
  const { cascades, step = 1, sensitivities: body = [], calibrationColumns: columns = 1 } = options;
  const { b } = scope;
  const { add, concat, mul, reshape, sqrt, sub } = arithmetic(b);
  const given = byCoils(b, name, y);
  const [N, , , H, W] = given.shape;
  const measured = b.emit("greater", { a: powerOf(b, given), b: b.scalar(0) }, {});
  const maps = sensitivitiesOf(scope, name, given, { columns, body });
  let kspace = given;
  for (const [k, layers] of cascades.entries()) {
    const refined = stack(scope, `${name}.${k}`, layers, reduce(b, kspace, maps));
    if (refined.shape.join() !== [N, 2, H, W].join())
      throw new ShapeError(
        `layer ${name}: cascade ${k} changes its image's shape; make its last layer's channels 2`,
        { name },
      );
    const weight = scope.parameter(`${name}.${k}.step`, [], 1, step);
    const away = mul(mul(sub(kspace, given), measured), weight);
    kspace = sub(sub(kspace, away), expand(b, refined, maps));
  }
  const size = reshape(sqrt(add(powerOf(b, transform(b, kspace, true)), 1e-20)), [N, 1, H, W]);
  return concat([size, mul(size, 0)], 1);
}
