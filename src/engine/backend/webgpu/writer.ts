// Writes a step's compute shaders: names for the arrays it is bound to, its passes, and what is
// fused behind them.
import { sizeOf } from "../../core/shape.ts";
import { functionsFor } from "./functions.ts";
import { lanesOf, type KernelContext, type Pass, type Table } from "./kernel.ts";
import { evaluate } from "./kernels/elementwise.ts";
import type { Step } from "./lower.ts";
import { indexOf } from "./text.ts";

/** What a step's shaders are bound to, in the order of their numbers. */
export interface Emitted {
  readonly passes: readonly { readonly code: string; readonly workgroups: number }[];
  /** How many of the step's arrays are bound; tables and scratch come behind them. */
  readonly arrays: number;
  readonly tables: readonly Table[];
  /** Numbers of the room that the passes share; 0 where there is none. */
  readonly scratch: number;
}

/** What a kernel may ask of the card it is written for. */
export type Card = Pick<KernelContext, "workgroupBytes" | "bindingBytes" | "isSoftware">;

/** Most workgroups along an axis of a dispatch. */
const MAX_WORKGROUPS = 65535;
/** Workgroups as a dispatch counts them: rows of a length that the shader knows. */
export function gridOf(workgroups: number): [number, number] {
  const rows = Math.ceil(workgroups / MAX_WORKGROUPS);
  return [Math.ceil(workgroups / rows), rows];
}

/**
 * `slots`: for each value that the step reads and then each that it writes, the number of its
 * array; values in one place have one array.
 */
export function emit(step: Step, slots: readonly number[], card: Card): Emitted {
  const writing = new Writing(step, slots, card);
  step.emit(writing.context);
  return writing.done();
}

class Writing {
  readonly #step: Step;
  readonly #slots: readonly number[];
  readonly #card: Card;
  readonly #passes: Pass[] = [];
  readonly #tables: Table[] = [];
  #scratch: { count: number; type: string } | undefined;
  constructor(step: Step, slots: readonly number[], card: Card) {
    [this.#step, this.#slots, this.#card] = [step, slots, card];
  }

  get context(): KernelContext {
    const { shapes, attrs, out, inputs } = this.#step;
    const names = Object.keys(inputs).map((name, i) => [name, this.#array(i)]);
    return {
      shapes,
      attrs,
      out,
      input: Object.fromEntries(names),
      y: this.#output(0),
      outputs: this.#step.outputs.map((_, j) => this.#output(j)),
      ...this.#card,
      store: (index, value) => this.#store(index, value),
      table: (values) => `t${this.#tables.push(values) - 1}`,
      scratch: (count, type = "f32") => {
        this.#scratch = { count, type };
        return "shared_room";
      },
      pass: (pass) => this.#passes.push(pass),
      each: (count, code) => this.#each(count, code),
    };
  }

  done(): Emitted {
    return {
      passes: this.#passes.map((pass) => ({
        code: this.#module(pass),
        workgroups: pass.workgroups,
      })),
      arrays: Math.max(...this.#slots) + 1,
      tables: this.#tables,
      scratch: this.#scratch?.count ?? 0,
    };
  }

  #array(value: number): string {
    return `v${this.#slots[value]}`;
  }
  #output(number: number): string {
    return this.#array(this.#step.reads.length + number);
  }

  #each(count: number, code: string): void {
    const lanes = lanesOf(this.#card);
    this.#passes.push({
      workgroups: Math.ceil(count / lanes),
      lanes,
      code: `let i = block * ${lanes}u + lane;\nif (i < ${count}u) {\n${code}\n}`,
    });
  }

  #store(index: string, value: string): string {
    const { epilogue, out, inputs, outputs } = this.#step;
    if (!epilogue) return `${this.#output(0)}[${index}] = ${value};`;
    const first = Object.keys(inputs).length;
    const operand = (i: number): string => {
      if (i === epilogue.source) return "source";
      const own = i < epilogue.source ? i : i - 1;
      const name = this.#array(first + own);
      const size = sizeOf(this.#step.extraShapes[own]);
      if (size === sizeOf(out)) return `${name}[at]`;
      return size === 1 ? `${name}[0]` : `${name}[${indexOf(out, 1, "at")}]`;
    };
    const { statements, results } = evaluate(epilogue.expression, operand);
    const writes = outputs.map((_, j) => `${this.#output(j)}[at] = ${results[j]};`);
    return `{\nlet at = ${index};\nlet source = ${value};\n${[...statements, ...writes].join("\n")}\n}`;
  }

  #module({ workgroups, lanes, code, declarations = "" }: Pass): string {
    const arrays = Array.from({ length: Math.max(...this.#slots) + 1 }, (_, i) => ({
      name: `v${i}`,
      type: "f32",
    }));
    const tables = this.#tables.map((t, i) => ({
      name: `t${i}`,
      type: t instanceof Float32Array ? "f32" : "u32",
    }));
    const room = this.#scratch ? [{ name: "shared_room", type: this.#scratch.type }] : [];
    const bindings = [...arrays, ...tables, ...room].map(
      ({ name, type }, i) =>
        `@group(0) @binding(${i}) var<storage, read_write> ${name}: array<${type}>;`,
    );
    return [
      ...bindings,
      functionsFor(code),
      declarations,
      `@compute @workgroup_size(${lanes})`,
      "fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {",
      `let block = group.x + group.y * ${gridOf(workgroups)[0]}u;`,
      `if (block >= ${workgroups}u) { return; }`,
      code,
      "}",
    ].join("\n");
  }
}
