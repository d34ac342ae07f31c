// Walks a graph's nodes in their order; each adds to the graph what it computes.
import { FiducialError, FormatError, formatShape, quoted, type Shape } from "../../engine/index.ts";
import { Call, type Val } from "./call.ts";
import { nodeName } from "./check.ts";
import type { LazyGraph } from "./lazy-graph.ts";
import type { OnnxGraph, OnnxNode } from "./model.ts";
import { onnxOps } from "./ops/index.ts";

export interface Evaluation {
  readonly graph: LazyGraph;
  readonly opset: number;
  /** The tensors of a graph inside a node, which are constants. */
  readonly constant: (graph: OnnxGraph, name: string) => Val;
  /** Said behind the error of a node. */
  readonly remark: string;
  /** Told of every node's first output. */
  readonly onNode?: (node: OnnxNode, y: Val) => void;
}

/** The same error, with the node and what it was given before and behind it. */
function atNode(
  error: FiducialError,
  node: OnnxNode,
  inputs: readonly (Val | undefined)[],
  remark: string,
): Error {
  const given = inputs.flatMap((v, i): [string, Shape][] =>
    v ? [[node.inputs[i], v.value.shape]] : [],
  );
  const shapes = given.slice(0, 8).map(([name, shape]) => `${quoted(name)} ${formatShape(shape)}`);
  const behind = shapes.length > 0 ? ` (given ${shapes.join(", ")})` : "";
  const Kind = error.constructor as new (
    message: string,
    data: Readonly<Record<string, unknown>>,
  ) => FiducialError;
  return new Kind(`${nodeName(node)}: ${error.message}${behind}${remark}`, {
    ...error.data,
    node: node.name,
  });
}

/** The graph's outputs, given all that it reads by name; `values` is added to. */
export function evaluate(
  graph: OnnxGraph,
  values: Map<string, Val>,
  evaluation: Evaluation,
): Val[] {
  const inner = (body: OnnxGraph): Val[] => {
    const own = new Map(values);
    for (const name of body.tensors.keys()) own.set(name, evaluation.constant(body, name));
    return evaluate(body, own, evaluation);
  };
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => (name === "" ? undefined : values.get(name)));
    const call = new Call(evaluation.graph, node, evaluation.opset, inputs, inner);
    let given: Val | Val[];
    try {
      given = onnxOps.get(node.op)!.run(call);
    } catch (error) {
      if (error instanceof FiducialError && error.data.node === undefined)
        throw atNode(error, node, inputs, evaluation.remark);
      throw error;
    }
    const outputs = Array.isArray(given) ? given : [given];
    node.outputs.forEach((name, i) => {
      if (name === "") return;
      if (outputs[i] === undefined)
        throw new FormatError(
          `${nodeName(node)}: it has ${outputs.length} outputs, and ${quoted(name)} would be another`,
          {},
        );
      values.set(name, outputs[i]);
    });
    evaluation.onNode?.(node, outputs[0]);
  }
  return graph.outputs.map(({ name }) => values.get(name)!);
}
