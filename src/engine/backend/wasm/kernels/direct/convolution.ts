// The direct form of a convolution: strips of the image, whose taps are summed for all maps.
import type { Shape } from "../../../../core/shape.ts";
import type { ConvAttributes } from "../../../../graph/catalogue.ts";
import { address, i32, type Local } from "../../encoder/instructions.ts";
import { countOf, up, type KernelContext, type Pass } from "../../kernel.ts";
import { multiplyStrip, roomOf } from "./products.ts";
import {
  ALONE,
  copyStrip,
  geometryOf,
  pieceOf,
  productsOf,
  sharesOf,
  stripOf,
  tapsOf,
  type Geometry,
  type Strip,
} from "./strips.ts";

type DirectPass = Pass<"x" | "u">;
/** Strips of all images, and shares of the maps that each is summed for. */
interface Cut {
  readonly strip: Strip;
  readonly shares: number;
  /** Address of the taps' offsets. */
  readonly table: number;
}

/** y of x and packed weights. */
export const directConvolution =
  (x: Shape, w: Shape, attrs: ConvAttributes) =>
  (k: KernelContext<"x" | "u">): void => {
    const g = geometryOf(x, w, k.out, attrs);
    const isAlone = productsOf(g) <= ALONE;
    const strip = stripOf(g, isAlone ? 1 : 16);
    const strips = g.N * attrs.groups * strip.count;
    const shares = isAlone ? 1 : sharesOf(g, strips);
    k.pass(isAlone ? 1 : strips * shares, (p) => {
      const cut = { strip, shares, table: p.table(strip.taps) };
      if (isAlone) p.f.for(strips, (number) => convolveStrip(p, g, cut, number));
      else convolveStrip(p, g, cut, p.chunk);
    });
  };

function convolveStrip(p: DirectPass, g: Geometry, cut: Cut, number: Local): void {
  const { f } = p;
  const { strip, shares, table } = cut;
  const { share, picture, group, first } = pieceOf(f, g, cut, number);
  const image = f.i32(address(p.input.x, [picture, g.C * g.H * g.W * 4]));
  const room = p.scratch(roomOf(g) + strip.bytes);
  const copy = f.i32(i32.add(room, roomOf(g)));
  const base = copyStrip(f, g, strip, image, first, () => copy);
  const channel0 = f.i32(i32.mul(group, g.K * 4));
  const products = {
    ...{ g, table, room, maps: { first: share, count: g.K / shares } },
    weights: f.i32(address(p.input.u, [group, up(g.K, 4) * tapsOf(g) * 4])),
    row: g.Q * 4,
    plane: g.P * g.Q * 4,
    write: (value: Local, place: Parameters<DirectPass["store"]>[1]) =>
      p.store(value, { ...place, channel: i32.add(channel0, place.channel!) }),
  };
  const rows = countOf(f, first, strip.rows, g.P);
  const map = f.i32(i32.add(i32.mul(picture, g.K * g.P * g.Q * 4), i32.mul(first, g.Q * 4)));
  multiplyStrip(p, products, { base, map, rows, pitch: strip.row });
}
