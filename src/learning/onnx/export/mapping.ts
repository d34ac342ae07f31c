// What a mapping of an op is, and those of one node with the op's own inputs.
import type { OpName } from "../../../engine/index.ts";
import type { Attributes } from "./model.ts";
import type { OpNode, View } from "./view.ts";
import type { GraphWriter, Written } from "./writer.ts";

/** How an op of the catalogue is written in ONNX. */
export type Mapping<K extends OpName> = (node: OpNode<K>, view: View) => Written;

/** Nodes that read all the op's inputs, in their order. */
export function written(
  { inputs }: { readonly inputs: Readonly<Record<string, number>> },
  write: (w: GraphWriter, ...inputs: string[]) => string,
): Written {
  const reads = Object.values(inputs);
  return { reads, write: (w) => write(w, ...reads.map((id) => w.value(id))) };
}
/** One node, of the op's inputs in their order. */
export function oneNode<K extends OpName>(
  op: string,
  attributes: (node: OpNode<K>, view: View) => Attributes = () => ({}),
): Mapping<K> {
  return (node, view) =>
    written(node, (w, ...inputs) => w.node(op, inputs, attributes(node, view)));
}
