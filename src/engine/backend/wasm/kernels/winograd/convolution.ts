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
import { inputAxis, outputAxis, spread, TILE, turnedAxis, windowOf } from "./transforms.ts";
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
  readonly kernel: number;
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
  /** Room for those of one position, where they must be turned. */
  readonly turned?: Local;
}

/**
 * y[N,K,P,Q] of x [N,C,H,W] and transformed weights; stride 1. With `turned` the weights are those
 * of the adjoint, whose inputs are this one's outputs: each is turned as it is needed.
 */
export const winogradConvolution =
  ({
    image,
    outputs,
    kernel,
    padding,
    turned,
  }: {
    image: Shape;
    outputs: number;
    kernel: number;
    padding: Pair;
    turned: boolean;
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
    const sizes = {
      ...{ tiles, kernel, window, positions, inputs, outputs, Cp, most, position, products },
    };
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
      const panelAt = up(matrices + bytes + transformBytes(most, window), 64);
      const room = p.scratch(panelAt + (turned ? inputs * 4 * EIGHT : 0));
      const m = f.i32(i32.add(room, positions * position));
      const half = f.i32(i32.add(m, positions * products));
      const from = f.i32(i32.mul(i32.remU(p.chunk, blocks), most));
      const [first, last] = unitsOf(f, f.i32(i32.divU(p.chunk, blocks)), eights, share);
      const count = countOf(f, from, most, tiles.total);
      transformTiles(f, {
        ...{ tiles, source, size: window, window, axis: inputAxis, from, count, most },
        common: p.common,
        image: source.copied ? p.shared : p.input.x,
        room: i32.add(half, bytes),
        ...{ to: room, pitch: Cp * 4, channel: 4, position },
      });
      // of turned weights, eight outputs are eight inputs of each of theirs
      const eightBytes = turned ? EIGHT * 4 * EIGHT : weightsOfEight(inputs, kernel);
      const u = f.i32(address(p.input.u, [first, eightBytes]));
      const block = { room, m, half, from, count, u };
      const panel = turned ? { turned: f.i32(i32.add(room, panelAt)) } : {};
      const channels = (channel: Operand, number: number): void => {
        const k0 = f.i32(channel);
        multiply(p, sizes, { ...block, ...panel });
        transformBack(p, sizes, block, k0, number);
        f.advance(u, eightBytes);
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
  const { f } = p;
  const { positions, inputs, Cp, position, products } = sizes;
  const sumUp = p.common(`winograd products ${inputs}`, 4, (g) => writeProducts(g, inputs, Cp));
  f.for(positions, (i) => {
    const weights = block.turned
      ? turnWeights(p, sizes, block.turned, { at: block.u, number: i })
      : address(block.u, [i, weightsPosition(inputs)]);
    const [tiles, sums] = [address(block.room, [i, position]), address(block.m, [i, products])];
    sumUp([tiles, weights, sums, block.count]);
  });
}
function writeProducts(f: FunctionBuilder, inputs: number, Cp: number): void {
  const [tiles, weights, m, count] = f.params;
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
    const to = f.i32(address(m, [t, 32]));
    sums.forEach((row, r) => row.forEach((sum, j) => f.do(v.store(to, sum, r * 32 + j * 16))));
  });
}
/** Puts one position's weights of eight outputs at `panel`; gives where they lie. */
function turnWeights(
  p: Pass<Inputs>,
  { inputs, outputs, kernel }: Sizes,
  panel: Local,
  weights: { at: Local; number: Local },
): Local {
  const axis = turnedAxis(kernel);
  const both = axis.flatMap((row) =>
    axis.map((column) => ({
      place: row.place * axis.length + column.place,
      factor: row.factor * column.factor,
    })),
  );
  const places = p.table(Int32Array.from(both, (b) => b.place * weightsPosition(outputs)));
  const factors = p.table(Float32Array.from(both, (b) => b.factor));
  const word = i32.mul(weights.number, 4);
  const from = i32.add(weights.at, i32.load(word, places));
  const turn = p.common(`winograd turned weights ${inputs} ${outputs} ${kernel}`, 3, (g) =>
    writeTurned(g, inputs / EIGHT, weightsOfEight(outputs, kernel)),
  );
  turn([from, panel, i32.add(word, factors)]);
  return panel;
}
/** Squares of eight by eight, `apart` bytes from one to the next, turned and times a factor. */
function writeTurned(f: FunctionBuilder, squares: number, apart: number): void {
  const [from, to, factorAt] = f.params;
  const factor = f.v128(v.loadSplat(factorAt));
  const [source, target] = [f.i32(from), f.i32(to)];
  f.for(squares, () => {
    for (const half of [0, 16])
      for (const rows of [0, 4]) {
        const four = [0, 1, 2, 3].map((r) => f.v128(v.load(source, (rows + r) * 32 + half)));
        transpose4(f, four).forEach((x, k) =>
          f.do(v.store(target, v.mul(x, factor), (half / 4 + k) * 32 + rows * 4)),
        );
      }
    f.advance(source, apart);
    f.advance(target, EIGHT * 32);
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
