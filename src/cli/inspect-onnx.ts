// What fiducial inspect says of an ONNX file: its inputs, nodes, shapes, parameters and ops, and
// what it would be taken for.
import {
  ConfigError,
  FiducialError,
  formatShape,
  GraphBuilder,
  ops,
  present,
  sizeOf,
  type Shape,
} from "../engine/index.ts";
import {
  declaredShape,
  applyOnnx,
  importOnnx,
  type OnnxModel,
  type OnnxNode,
  type OnnxRecipe,
} from "../learning/index.ts";
import {
  onnxOptions,
  openOnnxClassifier,
  openOnnxNetwork,
  type OnnxChoice,
  type OpenedOnnx,
} from "./onnx-models.ts";
import { listed, table } from "./terminal.ts";

export interface NodeFacts {
  readonly name: string;
  readonly op: string;
  readonly shape?: Shape;
  readonly parameters: number;
}
export interface OnnxInspection {
  readonly model: OnnxModel;
  readonly nodes: readonly NodeFacts[];
  readonly parameters: number;
  readonly ops: Readonly<Record<string, number>>;
  /** What it is taken for; a reason, where that takes a recipe. */
  readonly taken: OpenedOnnx | string;
}

/** The inputs' shapes for one image; undefined where the file leaves more open than `size` says. */
function shapesOf({ inputs }: OnnxModel, size: number | undefined): Map<string, Shape> | undefined {
  const shapes = new Map<string, Shape>();
  for (const { name, shape } of inputs) {
    const sizes = shape?.map((d, axis) => (typeof d === "number" ? d : axis === 0 ? 1 : size));
    if (!sizes?.every((d): d is number => d !== undefined)) return undefined;
    shapes.set(name, sizes);
  }
  return shapes;
}
/** Shapes by the first outputs of nodes, as far as they can be known. */
function traced(model: OnnxModel, size: number | undefined): ReadonlyMap<OnnxNode, Shape> {
  const found = new Map<OnnxNode, Shape>();
  const shapes = shapesOf(model, size);
  if (!shapes) return found;
  const b = new GraphBuilder(ops);
  const inputs = Object.fromEntries(
    [...shapes].map(([name, shape]) => [name, b.input(name, shape)]),
  );
  try {
    applyOnnx(b, model, inputs, {
      trainable: false,
      onNode: (node, shape) => found.set(node, shape),
    });
  } catch (error) {
    // what lies behind is not known: an input that a recipe would fix, sizes that do not fit
    if (!(error instanceof FiducialError)) throw error;
  }
  return found;
}
function nodesOf(model: OnnxModel, size: number | undefined): NodeFacts[] {
  const shapes = traced(model, size);
  const counted = new Set<string>();
  return model.file.graph.nodes.map((node) => {
    const own = node.inputs.filter((name) => model.weights.has(name) && !counted.has(name));
    for (const name of own) counted.add(name);
    const parameters = own.reduce((n, name) => n + sizeOf(model.weights.get(name)!.shape), 0);
    return present({
      name: node.name || node.outputs[0],
      op: node.op,
      shape: shapes.get(node),
      parameters,
    });
  });
}
/** As a reconstruction, or a classifier, or why as neither. */
function takenFor(path: string, bytes: Uint8Array, choice: OnnxChoice): OpenedOnnx | string {
  try {
    return openOnnxNetwork(path, bytes, choice);
  } catch (error) {
    if (!(error instanceof FiducialError) || choice.as !== undefined) throw error;
    try {
      return openOnnxClassifier(path, bytes, choice);
    } catch (other) {
      if (!(other instanceof FiducialError)) throw other;
      return error.message;
    }
  }
}

export function inspectOnnx(path: string, bytes: Uint8Array, choice: OnnxChoice): OnnxInspection {
  const { readBeside } = onnxOptions(path, bytes, { as: undefined, size: undefined });
  const model = importOnnx(bytes, { name: path, readExternal: readBeside });
  const nodes = nodesOf(model, choice.size);
  const counts: Record<string, number> = {};
  for (const { op } of nodes) counts[op] = (counts[op] ?? 0) + 1;
  const parameters = [...model.weights.values()].reduce((n, { shape }) => n + sizeOf(shape), 0);
  return { model, nodes, parameters, ops: counts, taken: takenFor(path, bytes, choice) };
}

/** What an input seems to be by its name. */
function likely(name: string, type: string): string {
  if (!/^(b?float|\?)/.test(type)) return "constant";
  const hints = {
    mask: /mask/i,
    coilMaps: /sens|map|coil/i,
    noiseLevel: /noise|sigma/i,
    measurement: /measure|k_?space/i,
  };
  return Object.entries(hints).find(([, hint]) => hint.test(name))?.[0] ?? "image";
}
/** A recipe to be looked through, for a file that needs one. */
export function emptyRecipe({ inputs, outputs }: OnnxModel): OnnxRecipe {
  const given = inputs.map(({ name, type = "?" }) => {
    const is = likely(name, type);
    return [name, is === "constant" ? { is, value: 0 } : { is }];
  });
  return {
    inputs: Object.fromEntries(given) as OnnxRecipe["inputs"],
    output: { name: outputs[0].name, parts: "complex" },
    scale: "peak",
  };
}

export function describeOnnx({
  model,
  nodes,
  parameters,
  ops: counts,
  taken,
}: OnnxInspection): string {
  const ports = [
    ...model.inputs.map((port) => ["input", port]),
    ...model.outputs.map((port) => ["output", port]),
  ] as [string, (typeof model.inputs)[number]][];
  const rows = ports.map(([what, { name, type = "?", shape }]) => [
    what,
    name,
    type,
    shape === undefined ? "?" : declaredShape(shape),
  ]);
  const shape = (facts: NodeFacts): string => (facts.shape ? formatShape(facts.shape) : "?");
  const byCount = Object.entries(counts).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return [
    table(["", "name", "type", "declared"], rows),
    "\n",
    table(
      ["node", "op", "output", "parameters"],
      [
        ...nodes.map((n) => [n.name, n.op, shape(n), String(n.parameters)]),
        ["total", `${nodes.length} nodes`, "", String(parameters)],
      ],
    ),
    "\n",
    listed({
      ops: byCount.map(([op, n]) => `${op} ${n}`).join(", "),
      opset: model.file.opset,
      producer: model.file.producer,
      ...(typeof taken === "string" ? { "what it is": taken } : {}),
    }),
  ].join("");
}
/** Throws ConfigError for a file that cannot be computed as it is. */
export function requireTaken({ taken }: OnnxInspection): OpenedOnnx {
  if (typeof taken === "string") throw new ConfigError(taken, {});
  return taken;
}
