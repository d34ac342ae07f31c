// The ONNX graph while it grows: nodes with names of their own, each constant written once.
import type { Graph, Shape } from "../../../engine/index.ts";
import type { Attributes, OnnxNode, Tensor } from "./model.ts";

/** How a value of the graph is written: what it reads, and the nodes that make it. */
export interface Written {
  /** Values that must be written before. Weights and constants may be left out. */
  readonly reads: readonly number[];
  /** Adds its nodes and gives the name of their result. */
  write(w: GraphWriter): string;
}
export interface WriterOptions {
  /** Constants that are a network's weights, by their arrays. */
  readonly weights: ReadonlyMap<ArrayLike<number>, string>;
  /** Fourier transforms as products with constant matrices, or as nodes DFT. */
  readonly dft: "matrix" | "op";
}

const MOST_COMPARED = 64;

export class GraphWriter {
  readonly #nodes: OnnxNode[] = [];
  readonly initializers: Tensor[] = [];
  readonly dft: "matrix" | "op";
  readonly #graph: Graph;
  readonly #weights: ReadonlyMap<ArrayLike<number>, string>;
  readonly #names = new Map<number, string>();
  readonly #taken = new Set<string>();
  /** What nodes made under a name of their own, and outputs are called. */
  readonly #renamed = new Map<string, string>();
  /** Small constants by what they hold, large ones by their array and shape. */
  readonly #known = new Map<string, string>();
  readonly #arrays = new Map<ArrayLike<number>, Map<string, string>>();

  constructor(graph: Graph, { weights, dft }: WriterOptions) {
    this.#graph = graph;
    this.#weights = weights;
    this.dft = dft;
    for (const node of graph.nodes)
      if (node.kind === "input" || node.kind === "parameter") this.#taken.add(node.name);
    for (const name of weights.values()) this.#taken.add(name);
    for (const name of graph.outputs.keys()) this.#taken.add(name);
  }

  /** A name that nothing has, beginning as asked for. */
  #fresh(wanted: string): string {
    let name = wanted;
    for (let k = 2; this.#taken.has(name); k++) name = `${wanted}_${k}`;
    this.#taken.add(name);
    return name;
  }

  /** The name of a value of the graph that is written, or a weight or constant, which is now. */
  value(id: number): string {
    const name = this.#names.get(id);
    return name ?? this.fixed(id, this.#graph.nodes[id].shape);
  }
  name(id: number, name: string): void {
    this.#names.set(id, name);
  }
  /** A weight or constant of the graph, in a shape that holds as many values. */
  fixed(id: number, shape: Shape): string {
    const node = this.#graph.nodes[id];
    const data =
      node.kind === "parameter" ? node.initial : node.kind === "constant" ? node.data : [];
    const name = node.kind === "parameter" ? node.name : this.#weights.get(data);
    if (name === undefined) return this.floats(data, shape, `constant_${id}`);
    return this.#once(data, shape, (again) =>
      again ? this.#fresh(`${name}.${shape.join("x")}`) : name,
    );
  }

  /** A constant of numbers. */
  floats(data: ArrayLike<number>, shape: Shape, wanted = "constant"): string {
    if (data.length > MOST_COMPARED) return this.#once(data, shape, () => this.#fresh(wanted));
    const values = Float32Array.from(data);
    const key = `${shape.join()}: ${Array.from(values, (v) => (Object.is(v, -0) ? "-0" : v)).join()}`;
    return this.#constant(key, { shape, data: values }, wanted);
  }
  /** A constant of indices or sizes. */
  wholes(data: ArrayLike<number>, wanted: string, shape: Shape = [data.length]): string {
    const values = BigInt64Array.from(Array.from(data, BigInt));
    return this.#constant(
      `int64 ${shape.join()}: ${values.join()}`,
      { shape, data: values },
      wanted,
    );
  }
  /** Many indices, in half the bytes. */
  indices(data: ArrayLike<number>, wanted: string, shape: Shape = [data.length]): string {
    const values = Int32Array.from(data);
    return this.#constant(
      `int32 ${shape.join()}: ${values.join()}`,
      { shape, data: values },
      wanted,
    );
  }
  /** What `make` makes, once for every key. */
  made(key: string, wanted: string, shape: Shape, make: () => Float32Array | Int32Array): string {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = this.#initializer({ shape, data: make() }, this.#fresh(wanted));
    this.#known.set(key, name);
    return name;
  }
  #constant(key: string, tensor: Omit<Tensor, "name">, wanted: string): string {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = this.#initializer(tensor, this.#fresh(wanted));
    this.#known.set(key, name);
    return name;
  }
  /** An array in a shape; `nameOf` is told whether it is there in another shape already. */
  #once(data: ArrayLike<number>, shape: Shape, nameOf: (again: boolean) => string): string {
    const shapes = this.#arrays.get(data) ?? new Map<string, string>();
    this.#arrays.set(data, shapes);
    const known = shapes.get(shape.join());
    if (known !== undefined) return known;
    const values = data instanceof Float32Array ? data : Float32Array.from(data);
    const name = this.#initializer({ shape, data: values }, nameOf(shapes.size > 0));
    shapes.set(shape.join(), name);
    return name;
  }
  #initializer(tensor: Omit<Tensor, "name">, name: string): string {
    this.initializers.push({ ...tensor, name });
    return name;
  }

  /** Adds a node and gives the name of its result. */
  node(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = this.#fresh(`${op}_${this.#nodes.length}`);
    this.#nodes.push({ op, name: output, inputs, output, attributes });
    return output;
  }
  /** x in another shape, −1 for a size that follows from the others. */
  reshape(x: string, shape: readonly number[]): string {
    const target = this.wholes(shape, "shape");
    // a size of 0 stands for the input's own otherwise
    return this.node("Reshape", [x, target], shape.includes(0) ? { allowzero: 1 } : {});
  }

  /** A value becomes an output. */
  output(name: string, value: string): void {
    const made = this.#nodes.some((node) => node.output === value);
    if (made && !this.#renamed.has(value)) this.#renamed.set(value, name);
    else this.#nodes.push({ op: "Identity", name, inputs: [value], output: name, attributes: {} });
  }
  /** All nodes, in order. */
  finish(): readonly OnnxNode[] {
    const final = (name: string): string => this.#renamed.get(name) ?? name;
    return this.#nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(final),
      output: final(node.output),
    }));
  }
}
