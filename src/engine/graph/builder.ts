// Builds graphs: every value is shape-checked as it is added, so a wrong graph fails where it is
// written.
import { ShapeError } from "../core/errors.ts";
import { formatShape, sameShape, sizeOf, type Shape } from "../core/shape.ts";
import type { Attributes, OpName } from "./catalogue.ts";
import type { Emitter, Graph, Node, OpDefs, Value, Values } from "./ir.ts";

export class GraphBuilder implements Emitter, Graph {
  readonly nodes: Node[] = [];
  readonly outputs: Map<string, number> = new Map();
  readonly updates: Map<number, number> = new Map();
  readonly defs: OpDefs;
  /** Of inputs and parameters. */
  readonly #names = new Set<string>();
  constructor(defs: OpDefs) {
    this.defs = defs;
  }

  #add(node: Node): Value {
    this.nodes.push(node);
    if ("name" in node) this.#names.add(node.name);
    return { id: node.id, shape: node.shape };
  }
  #checkName(name: string): void {
    if (this.#names.has(name)) {
      throw new ShapeError(
        `graph: the name "${name}" is already taken; give every input and parameter its own`,
        { name },
      );
    }
  }

  /** A value fed at every run. */
  input(name: string, shape: Shape): Value {
    this.#checkName(name);
    return this.#add({ kind: "input", id: this.nodes.length, name, shape });
  }
  /** A value kept from run to run, starting as `initial`. */
  parameter(name: string, shape: Shape, initial: Float32Array): Value {
    this.#checkName(name);
    if (initial.length !== sizeOf(shape)) {
      throw new ShapeError(
        `parameter "${name}": ${initial.length} values for shape ${formatShape(shape)}, which holds ${sizeOf(shape)}`,
        { name, shape },
      );
    }
    return this.#add({ kind: "parameter", id: this.nodes.length, name, shape, initial });
  }
  constant(data: Float32Array | Float64Array | readonly number[], shape: Shape): Value {
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(
        `constant: ${data.length} values for shape ${formatShape(shape)}, which holds ${sizeOf(shape)}`,
        { shape },
      );
    }
    const array =
      data instanceof Float32Array || data instanceof Float64Array ? data : Float64Array.from(data);
    return this.#add({ kind: "constant", id: this.nodes.length, shape, data: array });
  }
  /** A constant whose values are made when they are first asked for. */
  constantFrom(make: () => Float32Array, shape: Shape): Value {
    let made: Float32Array | undefined;
    return this.#add({
      kind: "constant",
      id: this.nodes.length,
      shape,
      get data() {
        made ??= make();
        return made;
      },
    });
  }
  scalar(value: number): Value {
    return this.constant([value], []);
  }

  emit<K extends OpName>(op: K, inputs: Values<K>, attrs: Attributes<K>): Value {
    const shapes: Record<string, Shape> = {};
    const ids: Record<string, number> = {};
    for (const [name, value] of Object.entries<Value>(inputs)) {
      const node = this.nodes[value.id];
      if (node === undefined || !sameShape(node.shape, value.shape)) {
        throw new ShapeError(`${op}: input "${name}" belongs to another graph`, { op, name });
      }
      shapes[name] = value.shape;
      ids[name] = value.id;
    }
    const shape = this.defs[op].infer(shapes as never, attrs as never);
    return this.#add({
      kind: "op",
      id: this.nodes.length,
      op,
      inputs: ids,
      attrs: attrs as never,
      shape,
    });
  }
  /** Names a value that runs give back. */
  output(name: string, value: Value): void {
    this.outputs.set(name, value.id);
  }
  /** The parameter takes `next` after the whole run, when every other value is known. */
  update(parameter: Value, next: Value): void {
    if (this.nodes[parameter.id]?.kind !== "parameter" || !sameShape(parameter.shape, next.shape)) {
      throw new ShapeError(
        `update: value ${parameter.id} ${formatShape(parameter.shape)} must be a parameter of the new value's shape ${formatShape(next.shape)}`,
        {},
      );
    }
    this.updates.set(parameter.id, next.id);
  }
  /** What the parameter will be after the run: its update's value, or itself. */
  next(parameter: Value): Value {
    const id = this.updates.get(parameter.id) ?? parameter.id;
    return { id, shape: this.nodes[id].shape };
  }
}
