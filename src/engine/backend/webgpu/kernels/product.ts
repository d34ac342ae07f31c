// One core for matrix products and the three convolutions: every invocation sums a tile of four by
// four in registers. What is multiplied is the caller's to say.
import { LANES, type KernelContext } from "../kernel.ts";
import { lines } from "../text.ts";

/** A sum's loop, from 0 to `count`. */
interface Loop {
  readonly name: string;
  readonly count: number;
  /** Statements at the head of its body; `columns` has the numbers of the tile's columns. */
  readonly head?: (columns: readonly number[]) => readonly string[];
}
/** y[batch, row, column] = Σ a[row, …]·b[…, column] over the loops. */
export interface Product {
  readonly batches: number;
  readonly rows: number;
  readonly columns: number;
  readonly loops: readonly [Loop, ...Loop[]];
  /** Statements that a tile's row or column needs before the loops; `at` is its index. */
  readonly row?: (number: number, at: string) => string;
  readonly column?: (number: number, at: string) => string;
  /** Formulas inside the loops of row or column `number`, whose index is `at`. */
  readonly a: (number: number, at: string) => string;
  readonly b: (number: number, at: string) => string;
  /** Where an element lies in y; knows `batch`. */
  readonly place: (row: string, column: string) => string;
  readonly size: number;
}

/** A tile's side at most. */
const TILE = 4;
/** So many workgroups are enough; fewer, and a long sum is shared out. */
const ENOUGH = 256;
/** Products of a part of a sum, at least. */
const PART = 256;

/** How a workgroup's invocations lie over rows and columns. */
interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly down: number;
  readonly across: number;
}
function shapeOf({ rows, columns }: Product): Shape {
  const tile = (n: number): number => Math.min(TILE, n);
  const wanted = Math.ceil(rows / tile(rows));
  let down = 1;
  while (down < 8 && down < wanted) down *= 2;
  return { rows: tile(rows), columns: tile(columns), down, across: LANES / down };
}

/** In how many parts the outermost loop is cut: the sizes alone decide. */
function partsOf(product: Product, workgroups: number): number {
  const [outermost, ...inner] = product.loops;
  const per = inner.reduce((n, { count }) => n * count, 1);
  const wanted = Math.min(
    Math.ceil(ENOUGH / workgroups),
    Math.floor((outermost.count * per) / PART),
  );
  return Math.max(1, Math.min(outermost.count, wanted));
}

export function product(k: KernelContext<never>, it: Product): void {
  const shape = shapeOf(it);
  const tiles = {
    down: Math.ceil(it.rows / (shape.rows * shape.down)),
    across: Math.ceil(it.columns / (shape.columns * shape.across)),
  };
  const workgroups = it.batches * tiles.down * tiles.across;
  const parts = partsOf(it, workgroups);
  const room = parts > 1 ? k.scratch(parts * it.size) : undefined;
  const write = (at: string, value: string): string =>
    room ? `${room}[part * ${it.size}u + ${at}] = ${value};` : k.store(at, value);
  k.pass({
    workgroups: workgroups * parts,
    lanes: LANES,
    code: tileCode(it, shape, { tiles, parts, write }),
  });
  if (!room) return;
  k.each(
    it.size,
    lines(
      "var sum = 0.0f;",
      `for (var p = 0u; p < ${parts}u; p++) { sum += ${room}[p * ${it.size}u + i]; }`,
      k.store("i", "sum"),
    ),
  );
}

function tileCode(
  it: Product,
  shape: Shape,
  to: {
    tiles: { down: number; across: number };
    parts: number;
    write: (at: string, value: string) => string;
  },
): string {
  const rows = Array.from({ length: shape.rows }, (_, j) => j);
  const columns = Array.from({ length: shape.columns }, (_, j) => j);
  const { tiles, parts, write } = to;
  const [outermost] = it.loops;
  const per = Math.ceil(outermost.count / parts);
  return lines(
    `let part = block % ${parts}u;`,
    `let tile = (block / ${parts}u) % ${tiles.down * tiles.across}u;`,
    `let batch = block / ${parts * tiles.down * tiles.across}u;`,
    `let row = (tile / ${tiles.across}u) * ${shape.rows * shape.down}u + lane / ${shape.across}u;`,
    `let column = (tile % ${tiles.across}u) * ${shape.columns * shape.across}u + lane % ${shape.across}u;`,
    // beyond the end the last one is done again, and not written
    rows.map((j) => `let row${j} = min(row + ${j * shape.down}u, ${it.rows - 1}u);`),
    columns.map((j) => `let column${j} = min(column + ${j * shape.across}u, ${it.columns - 1}u);`),
    rows.map((j) => it.row?.(j, `row${j}`) ?? ""),
    columns.map((j) => it.column?.(j, `column${j}`) ?? ""),
    rows.flatMap((i) => columns.map((j) => `var sum${i}${j} = 0.0f;`)),
    `let begin = part * ${per}u;`,
    `let end = min(begin + ${per}u, ${outermost.count}u);`,
    nest(it, rows, columns),
    rows.flatMap((i) =>
      columns.map((j) => {
        const inside = `row + ${i * shape.down}u < ${it.rows}u && column + ${j * shape.across}u < ${it.columns}u`;
        return `if (${inside}) { ${write(it.place(`row${i}`, `column${j}`), `sum${i}${j}`)} }`;
      }),
    ),
  );
}

function nest(it: Product, rows: readonly number[], columns: readonly number[]): string {
  const body = lines(
    rows.map((i) => `let a${i} = ${it.a(i, `row${i}`)};`),
    columns.map((j) => `let b${j} = ${it.b(j, `column${j}`)};`),
    rows.flatMap((i) => columns.map((j) => `sum${i}${j} += a${i} * b${j};`)),
  );
  return it.loops.reduceRight((inside, { name, count, head }, depth) => {
    const [from, to] = depth === 0 ? ["begin", "end"] : ["0u", `${count}u`];
    const first = head?.(columns) ?? [];
    return lines(`for (var ${name} = ${from}; ${name} < ${to}; ${name}++) {`, first, inside, "}");
  }, body);
}
