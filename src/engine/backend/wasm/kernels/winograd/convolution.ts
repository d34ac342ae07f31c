// Winograd's form of a convolution of stride 1: a block of tiles is transformed, multiplied with
// the transformed weights position by position, eight channels at a time, and transformed back.
import type { Shape } from "../../../../core/shape.ts";
import type { FunctionBuilder } from "../../encoder/function.ts";
import { address, i32, offsetOf, v, type Local, type Operand } from "../../encoder/instructions.ts";
import { countOf, unitsOf, up, type KernelContext, type Pass } from "../../kernel.ts";
import { keep, transpose4 } from "../vectors.ts";
import {
  frame,
  framed,
  placeOf,
  tilesOf,
  transformBytes,
  transformTiles,
  type Pair,
  type Tiles,
} from "./tiles.ts";
import { inputAxis, outputAxis, spread, TILE, windowOf } from "./transforms.ts";
import { weightsOfEight, weightsPosition } from "./weights.ts";

/** Bytes of transformed tiles that a block may take: about half of a second-level cache. */
const BLOCK_BYTES = 640 * 1024;
/** Room for half of the way back: a tile's columns transformed. */
const halfBytes = (window: number): number => TILE * window * 16;
/** Channels that are summed at once. */
const EIGHT = 8;

type Inputs = "x" | "u";
interface Sizes {
  readonly tiles: Tiles;
  readonly window: number;
  /** Numbers in a window. */
  readonly positions: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Inputs, rounded up to whole vectors. */
  readonly Cp: number;
  /** Tiles of a block. */
  readonly most: number;
  /** Bytes between two positions: of the transformed tiles, and of the sums. */
  readonly position: number;
  readonly products: number;
}
/** Where a call's block lies. */
interface Block {
  /** Transformed tiles, sums, and room for half of the way back. */
  readonly room: Local;
  readonly m: Local;
  readonly half: Local;
  /** Tiles from … from + count − 1. */
  readonly from: Local;
  readonly count: Local;
  /** Weights of the channels that are summed now, walked along. */
  readonly u: Local;
}

/** y[N,K,P,Q] of x [N,C,H,W] and transformed weights; stride 1. */
export const winogradConvolution =
  ({
    image,
    outputs,
    kernel,
    padding,
  }: {
    image: Shape;
    outputs: number;
    kernel: number;
    padding: Pair;
  }) =>
  (k: KernelContext<Inputs>): void => {
    const inputs = image[1];
    const window = windowOf(kernel);
    const positions = window * window;
    const tiles = tilesOf(k.out);
    const Cp = up(inputs, 4);
    const source = framed(image, { tiles, window, padding });
    if (source.copied) {
      k.shared(source.bytes);
      frame(k, image, source, padding);
    }
    const fitting = Math.floor(BLOCK_BYTES / (positions * Cp * 4) / 4) * 4;
    const most = Math.max(8, Math.min(32, fitting, up(tiles.total, 4)));
    const blocks = Math.ceil(tiles.total / most);
    const [position, products] = [spread(most * Cp * 4), spread(most * 4 * EIGHT)];
    const sizes = { tiles, window, positions, inputs, outputs, Cp, most, position, products };
    // few tiles: the outputs are shared out as well, and every share transforms the image for
    // itself
    const eights = Math.ceil(outputs / EIGHT);
    const share = Math.ceil(
      eights / Math.max(1, Math.min(Math.ceil(8 / blocks), Math.floor(eights / 8))),
    );
    k.pass(blocks * Math.ceil(eights / share), (p) => {
      const { f } = p;
      const bytes = halfBytes(window);
      const matrices = positions * (position + products);
      const room = p.scratch(matrices + bytes + transformBytes(most, window));
      const m = f.i32(i32.add(room, positions * position));
      const half = f.i32(i32.add(m, positions * products));
      const from = f.i32(i32.mul(i32.remU(p.chunk, blocks), most));
      const [first, last] = unitsOf(f, f.i32(i32.divU(p.chunk, blocks)), eights, share);
      const count = countOf(f, from, most, tiles.total);
      transformTiles(f, {
        ...{ tiles, source, size: window, window, axis: inputAxis, from, count, most },
        image: source.copied ? p.shared : p.input.x,
        room: i32.add(half, bytes),
        ...{ to: room, pitch: Cp * 4, channel: 4, position },
      });
      const u = f.i32(address(p.input.u, [first, weightsOfEight(inputs, kernel)]));
      const block = { room, m, half, from, count, u };
      const channels = (channel: Operand, number: number): void => {
        const k0 = f.i32(channel);
        multiply(p, sizes, block);
        transformBack(p, sizes, block, k0, number);
        f.advance(u, weightsOfEight(inputs, kernel));
      };
      f.range(first, last, 1, (eight) => {
        if (outputs % EIGHT === 0) return channels(i32.mul(eight, EIGHT), EIGHT);
        f.if(i32.ltU(eight, eights - 1), () => channels(i32.mul(eight, EIGHT), EIGHT));
        f.if(i32.geU(eight, eights - 1), () =>
          channels(outputs - (outputs % EIGHT), outputs % EIGHT),
        );
      });
    });
  };

/** At every position, sums over the inputs of tiles × weights, for four tiles at a time. */
function multiply(p: Pass<Inputs>, sizes: Sizes, block: Block): void {
  const { positions, inputs, position, products } = sizes;
  const call = p.common(`winograd products ${positions} ${inputs}`, 6, (f) =>
    writeProducts(f, sizes),
  );
  call([block.room, block.u, block.m, block.count, position, products]);
}
function writeProducts(
  f: FunctionBuilder,
  { positions, inputs, Cp }: Pick<Sizes, "positions" | "inputs" | "Cp">,
): void {
  const [room, u, m, count, position, products] = f.params;
  f.for(positions, (i) => {
    const weights = f.i32(address(u, [i, weightsPosition(inputs)]));
    const [tiles, sumsAt] = [
      f.i32(i32.add(room, i32.mul(i, position))),
      f.i32(i32.add(m, i32.mul(i, products))),
    ];
    f.range(0, count, 4, (t) => {
      const left = f.i32(address(tiles, [t, Cp * 4]));
      const right = f.i32(weights);
      const sums = [0, 1, 2, 3].map(() => f.zeros(2));
      f.for(inputs, () => {
        const columns = f.loads(2, right, 16);
        sums.forEach((row, r) => {
          const splat = f.v128(v.loadSplat(left, r * Cp * 4));
          row.forEach((sum, j) => f.mulAdd(sum, splat, columns[j]));
        });
        f.advance(left, 4);
        f.advance(right, 32);
      });
      const to = f.i32(address(sumsAt, [t, 32]));
      sums.forEach((row, r) => row.forEach((sum, j) => f.do(v.store(to, sum, r * 32 + j * 16))));
    });
  });
}

/** From the sums to outputs, `channels` of them from channel `k0` on. */
function transformBack(
  p: Pass<Inputs>,
  sizes: Sizes,
  block: Block,
  k0: Local,
  channels: number,
): void {
  const { f } = p;
  const { tiles, window, products } = sizes;
  f.range(0, block.count, 1, (t) => {
    const place = placeOf(f, i32.add(block.from, t), tiles);
    const four = (lane: Operand, count: number): void => {
      const column = f.i32(address(block.m, [t, 32], [lane, 4]));
      const line = f.i32(block.half);
      f.for(window, () => {
        const numbers = f.loads(window, column, window * products);
        outputAxis(f, numbers).forEach((o, i) => f.do(v.store(line, o, i * window * 16)));
        f.advance(column, products);
        f.advance(line, 16);
      });
      const first = f.i32(i32.add(k0, lane));
      writeTile(p, sizes, { half: block.half, place, first, channels: count });
    };
    const rest = channels % 4;
    f.for(channels - rest, (lane) => four(lane, 4), 4);
    if (rest > 0) four(channels - rest, rest);
  });
}

/**
 * Transforms a tile's rows back and writes those that lie inside the map, of up to four channels.
 */
function writeTile(
  p: Pass<Inputs>,
  { tiles, window, outputs }: Sizes,
  tile: {
    half: Local;
    place: ReturnType<typeof placeOf>;
    /** The first channel, and how many. */
    first: Local;
    channels: number;
  },
): void {
  const { f } = p;
  const [, , P, Q] = p.out;
  const { across } = tiles;
  const { place, first } = tile;
  const row = f.i32(tile.half);
  const channel = f.i32(i32.mul(first, 4));
  const h = f.i32(i32.mul(place.row, TILE));
  const w = f.i32(i32.mul(place.column, TILE));
  const offset = f.i32(
    offsetOf({ at: [place.image, first, h, w], sizes: [outputs, P, Q], bytes: 4 }),
  );
  const columns = (): void => {
    const planes = transpose4(f, keep(f, outputAxis(f, f.loads(window, row, 16))));
    const write = (lanes: number): void =>
      planes.slice(0, tile.channels).forEach((plane, lane) => {
        const at = i32.add(offset, lane * P * Q * 4);
        p.store(plane, { offset: at, channel: i32.add(channel, lane * 4), lanes });
      });
    if (Q % TILE === 0) {
      write(TILE);
      return;
    }
    if (Q > TILE) f.if(i32.ltU(place.column, across - 1), () => write(TILE));
    f.if(i32.geU(place.column, across - 1), () => write(Q % TILE));
  };
  f.for(TILE, () => {
    if (P % TILE === 0) columns();
    else f.if(i32.ltU(h, P), columns);
    f.advance(row, window * 16);
    f.advance(h, 1);
    f.advance(offset, Q * 4);
  });
}
