// The adjoint of a convolution whose kernels of two columns tile the image, as a U-Net's way up has
// them: the two columns' sums are interleaved in registers. Others: phased.ts.
import type { Shape } from "../../../../core/shape.ts";
import type { ConvAttributes } from "../../../../graph/catalogue.ts";
import { address, i32, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { countOf, type KernelContext, type Pass } from "../../kernel.ts";
import { storeLanes } from "../vectors.ts";

/** A strip of the small image should stay in the second-level cache. */
const STRIP_BYTES = 256 * 1024;
/** Channels whose weights are packed together: with two rows of kernels, a line of the cache. */
const PACKED = 4;

type AdjointPass = Pass<"x" | "w">;

/** Whether `pairedTranspose` does it: kernels two columns wide that tile the image. */
export function isPaired([, , R, S]: Shape, x: Shape, y: Shape, attrs: ConvAttributes): boolean {
  const { stride, padding, dilation } = attrs;
  const isPlain = [...padding, dilation[0] - 1, dilation[1] - 1].every((n) => n === 0);
  return (
    isPlain &&
    S === 2 &&
    stride[1] === 2 &&
    R === stride[0] &&
    y[2] === x[2] * R &&
    y[3] === x[3] * 2
  );
}

/** x [N, K·groups, P, Q] and w [K·groups, C, R, 2] → y [N, C·groups, P·R, 2Q]. */
interface Geometry {
  readonly K: number;
  readonly P: number;
  readonly Q: number;
  readonly C: number;
  readonly R: number;
  /** Rows of a strip of x. */
  readonly rows: number;
  /** Whether it is copied first; few channels read it too seldom to pay for that. */
  readonly copied: boolean;
  /** Bytes of a row of the strip, from a column to the next, and from a map to the next. */
  readonly rowBytes: number;
  readonly columnBytes: number;
  readonly mapBytes: number;
}
/** Rows of the image that a strip's row is read for, over all channels. */
const FEW = 4;
/** Bytes of the packed weights of a few channels. */
const blockBytes = ({ K, R }: Geometry): number => K * R * PACKED * 8;
/** Where a call's strip, its group's packed weights and its part of the image lie. */
interface Places {
  readonly strip: Local;
  readonly packed: Local;
  readonly image: Local;
  /** Rows of the strip. */
  readonly count: Local;
}

export const pairedTranspose =
  ({ groups }: ConvAttributes) =>
  (k: KernelContext<"x" | "w">): void => {
    const [N, , P, Q] = k.shapes.x;
    const [, C, R] = k.shapes.w;
    const K = k.shapes.w[0] / groups;
    const least = 2 * N * K * groups * C * R * 2 * P * Q > 1e6 ? 8 : 1;
    const even = Math.ceil(P / Math.ceil(least / (N * groups)));
    const rows = Math.max(1, Math.min(Math.floor(STRIP_BYTES / (K * Q * 4)), even));
    const strips = Math.ceil(P / rows);
    const copied = C * R > FEW;
    const places = copied
      ? { rowBytes: Math.ceil(Q / 8) * K * 32, columnBytes: K * 4, mapBytes: 32 }
      : { rowBytes: Q * 4, columnBytes: 4, mapBytes: P * Q * 4 };
    const g = { K, P, Q, C, R, rows, copied, ...places };
    const blocks = Math.ceil(C / PACKED);
    k.shared(groups * blocks * blockBytes(g));
    k.pass(groups * blocks, (p) => packWeights(p, g, blocks));
    k.pass(N * groups * strips, (p) => {
      const { f } = p;
      const picture = f.i32(i32.divU(p.chunk, strips));
      const group = f.i32(i32.remU(picture, groups));
      const first = f.i32(i32.mul(i32.remU(p.chunk, strips), rows));
      const count = countOf(f, first, rows, P);
      const source = address(p.input.x, [i32.add(i32.mul(picture, K * P), first), Q * 4]);
      const strip = copied ? p.scratch(rows * g.rowBytes) : f.i32(source);
      if (copied) copyStrip(p, g, f.i32(source), { count, strip });
      const packed = f.i32(address(p.shared, [group, blocks * blockBytes(g)]));
      const image = f.i32(address(p.y, [i32.add(i32.mul(picture, C * P), first), R * Q * 8]));
      const channels = (channel: Operand, number: number): void => {
        writeChannels(p, g, { strip, packed, image, count }, channel, number);
        f.advance(packed, blockBytes(g));
      };
      const rest = C % PACKED;
      f.for(C - rest, (channel) => channels(channel, PACKED), PACKED);
      if (rest > 0) channels(C - rest, rest);
    });
  };

/** The strip's rows, eight columns of every map side by side. */
function copyStrip(
  { f }: AdjointPass,
  { K, P, Q }: Geometry,
  row: Local,
  { count, strip }: { count: Local; strip: Local },
): void {
  const to = f.i32(strip);
  f.range(0, count, 1, () => {
    f.for(
      Q * 4,
      (column) => {
        const from = f.i32(i32.add(row, column));
        f.for(K, () => {
          f.loads(2, from, 16).forEach((x, j) => f.do(v.store(to, x, j * 16)));
          f.advance(from, P * Q * 4);
          f.advance(to, 32);
        });
      },
      32,
    );
    f.advance(row, Q * 4);
  });
}

/**
 * The weights of a few channels, [kernel's row, pair of channels, K, 4]: they lie far apart, and
 * each line of the cache that they lie in is read once.
 */
function packWeights(p: AdjointPass, { K, C, R }: Geometry, blocks: number): void {
  const { f, input, chunk, shared } = p;
  const group = f.i32(i32.divU(chunk, blocks));
  const block = f.i32(i32.remU(chunk, blocks));
  const weight = f.i32(address(input.w, [group, K * C * R * 8], [block, PACKED * R * 8]));
  const place = f.i32(address(shared, [chunk, K * R * PACKED * 8]));
  const pack = (channels: number): void => {
    const pairs = Math.ceil(channels / 2);
    f.for(K, () => {
      for (let r = 0; r < R; r++)
        for (let pair = 0; pair < pairs; pair++) {
          const [one, other] = [2 * pair, 2 * pair + 1].map((c) => (c * R + r) * 8);
          const two = f.v128(v.loadPair(weight, one));
          const four =
            2 * pair + 1 < channels ? v.shuffle(two, v.loadPair(weight, other), [0, 1, 4, 5]) : two;
          f.do(v.store(place, four, (r * pairs + pair) * K * 16));
        }
      f.advance(weight, C * R * 8);
      f.advance(place, 16);
    });
  };
  const rest = C % PACKED;
  if (rest === 0) {
    pack(PACKED);
    return;
  }
  if (blocks > 1) f.if(i32.ltU(block, blocks - 1), () => pack(PACKED));
  f.if(i32.geU(block, blocks - 1), () => pack(rest));
}

/** A few channels of the strip's part of the image, two at a time. */
function writeChannels(
  p: AdjointPass,
  g: Geometry,
  places: Places,
  first: Operand,
  channels: number,
): void {
  const { f } = p;
  const { K, Q, R } = g;
  const lanes = Q % 8;
  const pairs = Math.ceil(channels / 2);
  f.for(R, (r) => {
    for (let pair = 0; pair < pairs; pair++) {
      const packed = f.i32(address(places.packed, [i32.add(i32.mul(r, pairs), pair), K * 16]));
      const channel = f.i32(i32.add(first, 2 * pair));
      const tile = { channel, channels: Math.min(2, channels - 2 * pair), r, packed };
      f.range(0, places.count, 1, (row) => {
        f.for(
          (Q - lanes) * 4,
          (column) => writeTile(p, g, places, { ...tile, row, column, lanes: 8 }),
          32,
        );
        if (lanes > 0) writeTile(p, g, places, { ...tile, row, column: (Q - lanes) * 4, lanes });
      });
    }
  });
}

/** `lanes` columns from `column` (bytes) of row `row`, for `channels` channels from `channel`. */
interface Tile {
  readonly row: Local;
  readonly column: Operand;
  readonly lanes: number;
  readonly channel: Operand;
  readonly channels: number;
  /** The kernel's row. */
  readonly r: Local;
  /** Their weights. */
  readonly packed: Local;
}
function writeTile({ f }: AdjointPass, g: Geometry, { strip, image }: Places, tile: Tile): void {
  const { K, P, Q, R, rowBytes, columnBytes, mapBytes } = g;
  const { row, column, lanes, channel, channels, r, packed } = tile;
  const vectors = Math.ceil(lanes / 4);
  const plane = P * R * Q * 8;
  const pixel = f.i32(i32.add(address(strip, [row, rowBytes]), i32.mul(column, columnBytes / 4)));
  const weight = f.i32(packed);
  const sums = Array.from({ length: channels }, () => [f.zeros(vectors), f.zeros(vectors)]);
  f.for(K, () => {
    const right = f.loads(vectors, pixel, 16);
    sums.forEach((pair, c) =>
      pair.forEach((sum, s) => {
        const splat = f.v128(v.loadSplat(weight, c * 8 + s * 4));
        sum.forEach((x, j) => f.mulAdd(x, splat, right[j]));
      }),
    );
    f.advance(pixel, mapBytes);
    f.advance(weight, 16);
  });
  const inside = i32.add(i32.mul(i32.add(i32.mul(row, R), r), Q * 8), i32.mul(column, 2));
  const at = f.i32(i32.add(address(image, [channel, plane]), inside));
  sums.forEach(([even, odd], c) =>
    even.forEach((e, j) => {
      const here = Math.min(4, lanes - 4 * j) * 2;
      const offset = c * plane + j * 32;
      storeLanes(f, at, f.v128(v.shuffle(e, odd[j], [0, 4, 1, 5])), Math.min(4, here), offset);
      if (here > 4)
        storeLanes(f, at, f.v128(v.shuffle(e, odd[j], [2, 6, 3, 7])), here - 4, offset + 16);
    }),
  );
}
