// A product through shared memory: a workgroup carries tiles of both factors there, some terms at a
// time, and each invocation sums eight by eight results. While it multiplies, the next terms are on
// their way into its registers.
import { lines } from "../../text.ts";
import {
  numbers,
  readOf,
  termsOf,
  type FactorName,
  type Form,
  type Product,
  type Write,
} from "./description.ts";

/** Terms that are carried at once. */
const TERMS = 8;
/** Results of an invocation along each side, in two halves of four neighbours. */
const SIDE = 8;
const HALF = SIDE / 2;
/** Invocations of a workgroup down and across; the more there are, the less each of them reads. */
interface Shape {
  readonly down: number;
  readonly across: number;
  readonly price: number;
}
const SHAPES: readonly Shape[] = [
  { down: 8, across: 16, price: 1 },
  { down: 4, across: 32, price: 1 },
  { down: 8, across: 8, price: 1.15 },
  { down: 4, across: 16, price: 1.15 },
];
/** So many workgroups are enough; fewer, and a long sum is shared out. */
const ENOUGH = 512;
/** The least rows and columns for which shared memory pays. */
const LEAST = { rows: 24, columns: 48 };

/** Whether the product is so large that shared memory pays. */
export const isTiled = (it: Product): boolean =>
  it.rows >= LEAST.rows && it.columns >= LEAST.columns && termsOf(it) >= TERMS;

export function tiled(it: Product): Form {
  const { down, across } = shapeOf(it);
  const lanes = down * across;
  const a = new Tile(it, "a", { lanes, size: down * SIDE });
  const b = new Tile(it, "b", { lanes, size: across * SIDE });
  const inner = termsOf(it) / it.loops[0].count;
  const code: Form["code"] = (write) =>
    lines(
      `let down = lane / ${across}u;`,
      `let across = lane % ${across}u;`,
      `let last = end * ${inner}u;`,
      a.prepare(),
      b.prepare(),
      "workgroupBarrier();",
      numbers(SIDE).map((i) => `var sum${i}0 = vec4<f32>();\nvar sum${i}1 = vec4<f32>();`),
      a.fetch(`begin * ${inner}u`),
      b.fetch(`begin * ${inner}u`),
      `for (var start = begin * ${inner}u; start < last; start += ${TERMS}u) {`,
      a.put(),
      b.put(),
      "workgroupBarrier();",
      a.fetch(`start + ${TERMS}u`),
      b.fetch(`start + ${TERMS}u`),
      numbers(TERMS).map((e) => multiply(a.read(e, "down"), b.read(e, "across"))),
      "workgroupBarrier();",
      "}",
      results(it, { a: a.size, b: b.size }, write),
    );
  const declarations = lines(a.declarations(), b.declarations());
  return { down: a.size, across: b.size, lanes, enough: ENOUGH, declarations, code };
}

/** The shape that does the least beyond the product's edges. */
function shapeOf({ rows, columns }: Product): Shape {
  const whole = (n: number, size: number): number => Math.ceil(n / size) * size;
  const cost = ({ down, across, price }: Shape): number =>
    whole(rows, down * SIDE) * whole(columns, across * SIDE) * price;
  return SHAPES.reduce((best, shape) => (cost(shape) < cost(best) ? shape : best));
}

/** What an invocation carries of one term, whose number in the tile is `e`. */
interface Carried {
  readonly e: string;
  readonly all: readonly {
    readonly index: string;
    /** The four numbers of its side. */
    readonly side: string;
    readonly register: string;
  }[];
}

/** One factor's tile in shared memory. */
class Tile {
  readonly size: number;
  readonly #it: Product;
  readonly #name: FactorName;
  readonly #lanes: number;
  readonly #carried: readonly Carried[];
  constructor(it: Product, name: FactorName, { lanes, size }: { lanes: number; size: number }) {
    [this.#it, this.#name, this.#lanes, this.size] = [it, name, lanes, size];
    this.#carried = this.#alongTerms ? this.#byTerms() : this.#bySides();
  }

  get #alongTerms(): boolean {
    return this.#it[this.#name].along === "terms";
  }
  /** Neighbours carry neighbouring terms; whose side it is, is looked up. */
  #byTerms(): Carried[] {
    const name = this.#name;
    const rows = this.#lanes / TERMS;
    const all = numbers(this.size / rows).map((j) => {
      const index = `lane / ${TERMS}u + ${j * rows}u`;
      return { index, side: `${name}_sides[${index}]`, register: `${name}_next${j}` };
    });
    return [{ e: `lane % ${TERMS}u`, all }];
  }
  /** Neighbours carry neighbours of the side, which each invocation knows by heart. */
  #bySides(): Carried[] {
    const name = this.#name;
    const { wide, each } = this.#beside;
    const rows = this.#lanes / wide;
    return numbers(TERMS / rows).map((n) => ({
      e: `lane / ${wide}u + ${n * rows}u`,
      all: numbers(each).map((j) => ({
        index: `lane % ${wide}u + ${j * wide}u`,
        side: `${name}_side${j}`,
        register: `${name}_next${n * each + j}`,
      })),
    }));
  }
  /** How many invocations lie along the side, and how many of its indices each has. */
  get #beside(): { wide: number; each: number } {
    const wide = Math.min(this.#lanes, this.size);
    return { wide, each: this.size / wide };
  }

  declarations(): string {
    const name = this.#name;
    return lines(
      `var<workgroup> ${name}_tile: array<f32, ${TERMS * this.#stride}>;`,
      this.#alongTerms ? `var<workgroup> ${name}_sides: array<vec4<u32>, ${this.size}>;` : "",
    );
  }
  /** What is known of the side before the sum begins, and the registers of what is carried. */
  prepare(): string {
    const name = this.#name;
    const { wide, each } = this.#beside;
    const sides = this.#alongTerms
      ? `for (var i = lane; i < ${this.size}u; i += ${this.#lanes}u) { ${name}_sides[i] = ${this.#sideOf("i")}; }`
      : lines(
          numbers(each).map(
            (j) => `let ${name}_side${j} = ${this.#sideOf(`lane % ${wide}u + ${j * wide}u`)};`,
          ),
        );
    return lines(
      sides,
      this.#carried.flatMap((c) => c.all.map(({ register }) => `var ${register} = 0.0f;`)),
    );
  }
  /** Into registers: the tile of the terms from `start` on; 0 beyond the last one. */
  fetch(start: string): string {
    const value = (side: string): string => readOf(this.#it, this.#name, side);
    return lines(
      this.#carried.flatMap(({ e, all }) => [
        ...all.map(({ register }) => `${register} = 0.0f;`),
        `{ let at = ${start} + ${e};`,
        "if (at < last) {",
        ...this.#terms(),
        ...all.map(({ register, side }) => `${register} = ${value(side)};`),
        "}}",
      ]),
    );
  }
  /** From registers into shared memory. */
  put(): string {
    return lines(
      this.#carried.flatMap(({ e, all }) => {
        const first = `(${e}) * ${this.#stride}u`;
        return all.map(
          ({ index, register }) => `${this.#name}_tile[${first} + ${index}] = ${register};`,
        );
      }),
    );
  }
  /** Statements that make an invocation's own eight numbers of term `e` the vectors a0 and a1. */
  read(e: number, lane: string): string {
    const cell = (half: number, q: number): string =>
      `${this.#name}_tile[${e * this.#stride + (half * this.size) / 2 + q}u + ${lane} * ${HALF}u]`;
    return lines(
      [0, 1].map((half) => {
        const cells = numbers(HALF).map((q) => cell(half, q));
        return `let ${this.#name}${half} = vec4<f32>(${cells.join(", ")});`;
      }),
    );
  }

  /** Numbers from one term's to the next one's: some more, for the memory's banks. */
  get #stride(): number {
    return this.size + HALF;
  }
  /** The four numbers of the side at an index of the tile; beyond the end, those of the last. */
  #sideOf(index: string): string {
    const [first, count] =
      this.#name === "a" ? ["first_row", this.#it.rows] : ["first_column", this.#it.columns];
    return `${this.#name}_side(batch, min(${first} + ${index}, ${count - 1}u))`;
  }
  /** The loops' names for the term `at` of the sum. */
  #terms(): string[] {
    const { loops } = this.#it;
    let below = 1;
    return loops.toReversed().map(({ name, count }, i) => {
      const shifted = below === 1 ? "at" : `at / ${below}u`;
      below *= count;
      return `let ${name} = ${i === loops.length - 1 ? shifted : `(${shifted}) % ${count}u`};`;
    });
  }
}

const multiply = (a: string, b: string): string =>
  lines(
    "{",
    a,
    b,
    numbers(SIDE).flatMap((i) =>
      [0, 1].map((h) => `sum${i}${h} += a${Math.floor(i / HALF)}[${i % HALF}] * b${h};`),
    ),
    "}",
  );

/** Writes an invocation's results that lie inside. */
function results(it: Product, sizes: Record<FactorName, number>, write: Write): string {
  const index = (name: FactorName, lane: string, i: number): string =>
    `${lane} * ${HALF}u + ${Math.floor(i / HALF) * (sizes[name] / 2) + (i % HALF)}u`;
  const cell = (i: number, j: number): string =>
    lines(
      `{ let column = first_column + ${index("b", "across", j)};`,
      `if (column < ${it.columns}u) {`,
      write(it.place("row", "column"), `sum${i}${Math.floor(j / HALF)}[${j % HALF}]`),
      "}}",
    );
  return lines(
    numbers(SIDE).flatMap((i) => [
      `{ let row = first_row + ${index("a", "down", i)};`,
      `if (row < ${it.rows}u) {`,
      ...numbers(SIDE).map((j) => cell(i, j)),
      "}}",
    ]),
  );
}
