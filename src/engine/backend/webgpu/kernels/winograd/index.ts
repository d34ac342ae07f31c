// Convolutions of 3×3 and step 1 by Winograd's minimal filtering: the weights and the image's
// windows are transformed, multiplied as one matrix product for each number of a window, and
// transformed back.
import type { Shape } from "../../../../core/shape.ts";
import type { ConvAttributes } from "../../../../graph/catalogue.ts";
import type { KernelContext } from "../../kernel.ts";
import { lines } from "../../text.ts";
import { isLarge, type Product } from "../product/description.ts";
import { passProduct, planProduct } from "../product/index.ts";
import { isTiled } from "../product/tiled.ts";
import {
  inputAxis,
  KERNEL,
  mapAxis,
  outputAxis,
  TILE,
  transform,
  weightAxis,
  weightGradAxis,
  WINDOW,
  type Axis,
} from "./transforms.ts";

type Context = KernelContext<never>;

/** Channels on both sides from which on a card is faster so: forwards, and to the weights. */
const LEAST_CHANNELS = { convolution: 32, gradient: 64 };
/** Bytes that transformed numbers may take. */
const MOST_BYTES = 2 ** 28;
/** Numbers of a window. */
const NUMBERS = WINDOW ** 2;

/** An image in planes, cut into squares: one begins `before` of every fourth output. */
interface Image {
  readonly name: string;
  readonly shape: Shape;
  readonly before: readonly [number, number];
  /** Rows and columns of the convolution's outputs. */
  readonly outputs: Shape;
}
interface Convolution {
  readonly image: Image;
  /** Channels of the result. */
  readonly rows: number;
  /** The formula of a weight; knows `row`, a channel of the result, and `c`, one of the image. */
  readonly weight: (r: number, s: number) => string;
}

/** Whether a convolution, or a gradient of one, has such a form. */
export function hasWindows([, , R, S]: Shape, attrs: ConvAttributes): boolean {
  const { stride, dilation, groups } = attrs;
  const isPlain = [...stride, ...dilation, groups].every((n) => n === 1);
  return isPlain && R === KERNEL && S === KERNEL;
}

interface Tiles {
  readonly down: number;
  readonly across: number;
  /** Of all images. */
  readonly count: number;
}
function tilesOf({ shape, outputs: [P, Q] }: Image): Tiles {
  const [down, across] = [Math.ceil(P / TILE), Math.ceil(Q / TILE)];
  return { down, across, count: shape[0] * down * across };
}

/** y[number, row, column] = Σ a·b, both of which lie in the kernel's room, `a` first. */
interface Products {
  readonly rows: number;
  readonly columns: number;
  readonly terms: number;
  /** Whether neighbours in b are terms: in a they always are. */
  readonly byTerms: boolean;
}
function productIn(room: string, { rows, columns, terms, byTerms }: Products): Product {
  const beforeB = NUMBERS * rows * terms;
  return {
    batches: NUMBERS,
    rows,
    columns,
    loops: [{ name: "term", count: terms }],
    a: {
      side: [`(batch * ${rows}u + at) * ${terms}u`],
      value: `return ${room}[side.x + term];`,
      along: "terms",
    },
    b: byTerms
      ? {
          side: [`${beforeB}u + (batch * ${columns}u + at) * ${terms}u`],
          value: `return ${room}[side.x + term];`,
          along: "terms",
        }
      : {
          side: [`${beforeB}u + batch * ${terms * columns}u + at`],
          value: `return ${room}[side.x + term * ${columns}u];`,
          along: "side",
        },
    place: (row, column) => `(batch * ${rows}u + ${row}) * ${columns}u + ${column}`,
    size: NUMBERS * rows * columns,
  };
}

/** The room of a product's factors and results, one behind the other. */
interface Room {
  readonly name: string;
  readonly b: number;
  /** Where the results of the first part begin; those of every part are `size` numbers. */
  readonly results: number;
  readonly size: number;
  readonly parts: number;
}
/** Nothing where the product is too small to pay, or too large. */
function roomFor(k: Context, of: Products, leastChannels: number): Room | undefined {
  const { it, parts } = planProduct(k, productIn("", of));
  const channels = Math.min(of.rows, of.byTerms ? of.columns : of.terms);
  const pays = k.isSoftware ? isLarge(it) : isTiled(it) && channels >= leastChannels;
  const b = NUMBERS * of.rows * of.terms;
  const results = b + NUMBERS * of.terms * of.columns;
  const total = results + parts * it.size;
  if (!pays || 4 * total > Math.min(MOST_BYTES, k.bindingBytes)) return undefined;
  return { name: k.scratch(total), b, results, size: it.size, parts };
}
function multiplied(k: Context, of: Products, { name, results, size }: Room): void {
  const plan = planProduct(k, productIn(name, of));
  passProduct(k, plan, (at, value) => `${name}[${results}u + part * ${size}u + ${at}] = ${value};`);
}

/** Writes a convolution's passes if it is of a size for which they pay. */
export function convolved(k: Context, { image, rows, weight }: Convolution): boolean {
  const [, C] = image.shape;
  const tiles = tilesOf(image);
  const of = { rows, columns: tiles.count, terms: C, byTerms: false };
  const room = roomFor(k, of, LEAST_CHANNELS.convolution);
  if (!room) return false;
  k.each(
    rows * C,
    lines(
      `let row = i / ${C}u;\nlet c = i % ${C}u;`,
      transform(KERNEL, weightAxis, weight, into(room.name, 0, rows * C)),
    ),
  );
  transformed(k, image, {
    size: WINDOW,
    axis: inputAxis,
    write: into(room.name, room.b, C * tiles.count),
  });
  multiplied(k, of, room);
  outputs(k, { rows, tiles, image, room });
  return true;
}

function outputs(k: Context, of: { rows: number; tiles: Tiles; image: Image; room: Room }): void {
  const { rows, tiles, image, room } = of;
  const [P, Q] = image.outputs;
  const write = (r: number, s: number, value: string): string =>
    lines(
      `if (top + ${r}u < ${P}u && left + ${s}u < ${Q}u) {`,
      k.store(`plane + (top + ${r}u) * ${Q}u + left + ${s}u`, value),
      "}",
    );
  k.each(
    rows * tiles.count,
    lines(
      `let row = i / ${tiles.count}u;`,
      `let t = i % ${tiles.count}u;`,
      `let plane = ((t / ${tiles.down * tiles.across}u) * ${rows}u + row) * ${P * Q}u;`,
      `let top = ((t / ${tiles.across}u) % ${tiles.down}u) * ${TILE}u;`,
      `let left = (t % ${tiles.across}u) * ${TILE}u;`,
      transform(WINDOW, outputAxis, sumsOf(room), write),
    ),
  );
}

/** Writes the passes of a weights' gradient if it is of a size for which they pay. */
export function weightGradient(k: Context, image: Image, dy: Image): boolean {
  const [rows, C] = k.out;
  const { count } = tilesOf(image);
  const of = { rows, columns: C, terms: count, byTerms: true };
  const room = roomFor(k, of, LEAST_CHANNELS.gradient);
  if (!room) return false;
  transformed(k, dy, {
    size: TILE,
    axis: mapAxis,
    write: into(room.name, 0, rows * count),
  });
  transformed(k, image, {
    size: WINDOW,
    axis: inputAxis,
    write: into(room.name, room.b, C * count),
  });
  multiplied(k, of, room);
  const write = (r: number, s: number, value: string): string =>
    k.store(`i * ${KERNEL ** 2}u + ${r * KERNEL + s}u`, value);
  k.each(rows * C, transform(WINDOW, weightGradAxis, sumsOf(room), write));
  return true;
}

type Write = (row: number, column: number, value: string) => string;
/** Statements that write a window's numbers, `apart` from each other, of number `i` of all. */
const into =
  (room: string, at: number, apart: number): Write =>
  (row, column, value) =>
    `${room}[${at + (row * WINDOW + column) * apart}u + i] = ${value};`;
/** Formulas of the numbers of window `i` of all, summed over a product's parts. */
const sumsOf =
  ({ name, results, size, parts }: Room) =>
  (row: number, column: number): string =>
    Array.from({ length: parts }, (_, part) => {
      const first = results + part * size + (row * WINDOW + column) * (size / NUMBERS);
      return `${name}[${first}u + i]`;
    }).join(" + ");

/** A pass that transforms the squares of all planes and tiles of an image. */
function transformed(
  k: Context,
  image: Image,
  { size, axis, write }: { size: number; axis: Axis; write: Write },
): void {
  const { name, shape, before } = image;
  const [, C, H, W] = shape;
  const { down, across, count } = tilesOf(image);
  // what lies before 0 is beyond every size
  const [above, aside] = before.map((n) => n >>> 0);
  const read = (row: number, column: number): string => {
    const [h, w] = [`top + ${row}u`, `left + ${column}u`];
    return `select(0.0f, ${name}[plane + (${h}) * ${W}u + ${w}], ${h} < ${H}u && ${w} < ${W}u)`;
  };
  k.each(
    C * count,
    lines(
      `let c = i / ${count}u;`,
      `let t = i % ${count}u;`,
      `let plane = ((t / ${down * across}u) * ${C}u + c) * ${H * W}u;`,
      `let top = ((t / ${across}u) % ${down}u) * ${TILE}u - ${above}u;`,
      `let left = (t % ${across}u) * ${TILE}u - ${aside}u;`,
      transform(size, axis, read, write),
    ),
  );
}
