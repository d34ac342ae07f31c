// One core for matrix products and the three convolutions: what is multiplied is the caller's to
// say. A card goes through shared memory; small products and processors that play a card do not.
import type { KernelContext } from "../../kernel.ts";
import { lines } from "../../text.ts";
import { factorOf, termsOf, type Form, type Product, type Write } from "./description.ts";
import { direct } from "./direct.ts";
import { isTiled, tiled } from "./tiled.ts";

/** Products of a part of a sum, at least. */
const PART = 256;

/** A product whose form is chosen. */
export interface ProductPlan {
  readonly it: Product;
  readonly form: Form;
  /** In how many parts the outermost loop is cut. */
  readonly parts: number;
}

/** In what form and in how many parts: the card and the sizes alone decide. */
export function planProduct(k: KernelContext<never>, it: Product): ProductPlan {
  const form = !k.isSoftware && isTiled(it) ? tiled(it) : direct(it, k.isSoftware);
  const wanted = Math.min(
    Math.ceil(form.enough / workgroupsOf(it, form).all),
    Math.floor(termsOf(it) / PART),
  );
  return { it, form, parts: Math.max(1, Math.min(it.loops[0].count, wanted)) };
}
function workgroupsOf(it: Product, form: Form): { across: number; tiles: number; all: number } {
  const across = Math.ceil(it.columns / form.across);
  const tiles = Math.ceil(it.rows / form.down) * across;
  return { across, tiles, all: it.batches * tiles };
}

/** A pass in which `write` is given every result of every part, whose number is `part`. */
export function passProduct(
  k: KernelContext<never>,
  { it, form, parts }: ProductPlan,
  write: Write,
): void {
  const { across, tiles, all } = workgroupsOf(it, form);
  const { count } = it.loops[0];
  const per = Math.ceil(count / parts);
  k.pass({
    workgroups: all * parts,
    lanes: form.lanes,
    declarations: lines(factorOf(it, "a"), factorOf(it, "b"), form.declarations ?? ""),
    code: lines(
      `let part = block % ${parts}u;`,
      `let tile = (block / ${parts}u) % ${tiles}u;`,
      `let batch = block / ${parts * tiles}u;`,
      `let first_row = (tile / ${across}u) * ${form.down}u;`,
      `let first_column = (tile % ${across}u) * ${form.across}u;`,
      `let begin = part * ${per}u;`,
      `let end = min(begin + ${per}u, ${count}u);`,
      form.code(write),
    ),
  });
}

export function product(k: KernelContext<never>, it: Product): void {
  const plan = planProduct(k, it);
  const { parts } = plan;
  if (parts === 1) {
    passProduct(k, plan, k.store);
    return;
  }
  const { size } = it;
  const room = k.scratch(parts * size);
  passProduct(k, plan, (at, value) => `${room}[part * ${size}u + ${at}] = ${value};`);
  k.each(
    size,
    lines(
      "var sum = 0.0f;",
      `for (var p = 0u; p < ${parts}u; p++) { sum += ${room}[p * ${size}u + i]; }`,
      k.store("i", "sum"),
    ),
  );
}
