// A product without shared memory: each invocation reads what it multiplies, and sums a few
// by a few results in its registers.
import { lines } from "../../text.ts";
import { isLarge, numbers, readOf, type Form, type Product } from "./description.ts";

/** Results of an invocation along each side: few leave a card more invocations. */
const FEW = 4;
const MANY = 8;
/** Invocations of a workgroup. */
const LANES = 64;
/** So many workgroups are enough; fewer, and a long sum is shared out. */
const ENOUGH = { card: 512, processor: 256 };

export function direct(it: Product, isSoftware: boolean): Form {
  const most = isSoftware && isLarge(it) ? MANY : FEW;
  const [rows, columns] = [Math.min(most, it.rows), Math.min(most, it.columns)];
  let down = 1;
  while (down < 8 && down < Math.ceil(it.rows / rows)) down *= 2;
  const across = LANES / down;
  const all = [numbers(rows), numbers(columns)] as const;
  const code: Form["code"] = (write) =>
    lines(
      `let row = first_row + lane / ${across}u;`,
      `let column = first_column + lane % ${across}u;`,
      // beyond the end the last one is done again, and not written
      all[0].map((i) => `let row${i} = min(row + ${i * down}u, ${it.rows - 1}u);`),
      all[1].map((j) => `let column${j} = min(column + ${j * across}u, ${it.columns - 1}u);`),
      all[0].map((i) => `let above${i} = a_side(batch, row${i});`),
      all[1].map((j) => `let beside${j} = b_side(batch, column${j});`),
      all[0].flatMap((i) => all[1].map((j) => `var sum${i}${j} = 0.0f;`)),
      nest(it, all),
      all[0].flatMap((i) =>
        all[1].map((j) => {
          const inside = `row + ${i * down}u < ${it.rows}u && column + ${j * across}u < ${it.columns}u`;
          return `if (${inside}) { ${write(it.place(`row${i}`, `column${j}`), `sum${i}${j}`)} }`;
        }),
      ),
    );
  const enough = isSoftware ? ENOUGH.processor : ENOUGH.card;
  return { down: rows * down, across: columns * across, lanes: LANES, enough, code };
}

function nest(it: Product, [rows, columns]: readonly [number[], number[]]): string {
  const body = lines(
    rows.map((i) => `let a${i} = ${readOf(it, "a", `above${i}`)};`),
    columns.map((j) => `let b${j} = ${readOf(it, "b", `beside${j}`)};`),
    rows.flatMap((i) => columns.map((j) => `sum${i}${j} += a${i} * b${j};`)),
  );
  return it.loops.reduceRight((inside, { name, count }, depth) => {
    const [from, to] = depth === 0 ? ["begin", "end"] : ["0u", `${count}u`];
    return lines(`for (var ${name} = ${from}; ${name} < ${to}; ${name}++) {`, inside, "}");
  }, body);
}
