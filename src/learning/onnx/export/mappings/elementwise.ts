// Elementwise ops: each is one node, but for comparisons, whose answers are Boolean in ONNX.
import type { Mapping } from "../mapping.ts";
import { oneNode, written } from "../mapping.ts";
import type { View } from "../view.ts";
import type { Written } from "../writer.ts";

/** TensorProto.data_type */
const FLOAT32 = 1;
const BOOLEAN = 9;

export const neg: Mapping<"neg"> = oneNode("Neg");
export const exp: Mapping<"exp"> = oneNode("Exp");
export const log: Mapping<"log"> = oneNode("Log");
export const sqrt: Mapping<"sqrt"> = oneNode("Sqrt");
export const abs: Mapping<"abs"> = oneNode("Abs");
export const sign: Mapping<"sign"> = oneNode("Sign");
export const relu: Mapping<"relu"> = oneNode("Relu");
export const sigmoid: Mapping<"sigmoid"> = oneNode("Sigmoid");
export const erf: Mapping<"erf"> = oneNode("Erf");
export const add: Mapping<"add"> = oneNode("Add");
export const sub: Mapping<"sub"> = oneNode("Sub");
export const mul: Mapping<"mul"> = oneNode("Mul");
export const div: Mapping<"div"> = oneNode("Div");
export const maximum: Mapping<"maximum"> = oneNode("Max");
export const tanh: Mapping<"tanh"> = oneNode("Tanh");
export const sin: Mapping<"sin"> = oneNode("Sin");
export const cos: Mapping<"cos"> = oneNode("Cos");
export const floor: Mapping<"floor"> = oneNode("Floor");
export const round: Mapping<"round"> = oneNode("Round");
export const minimum: Mapping<"minimum"> = oneNode("Min");
export const pow: Mapping<"pow"> = oneNode("Pow");
export const greater: Mapping<"greater"> = (node) =>
  written(node, (w, a, b) => w.node("Cast", [w.node("Greater", [a, b])], { to: FLOAT32 }));
export const equal: Mapping<"equal"> = (node) =>
  written(node, (w, a, b) => w.node("Cast", [w.node("Equal", [a, b])], { to: FLOAT32 }));

/** A comparison as it is, and anything else where it is not 0. */
function condition(view: View, id: number): Written {
  const comparison = view.is(id, "greater") ?? view.is(id, "equal");
  if (!comparison)
    return { reads: [id], write: (w) => w.node("Cast", [w.value(id)], { to: BOOLEAN }) };
  return written(comparison, (w, a, b) =>
    w.node(comparison.op === "greater" ? "Greater" : "Equal", [a, b]),
  );
}
export const select: Mapping<"select"> = ({ inputs }, view) => {
  const chosen = condition(view, inputs.condition);
  const { a, b } = inputs;
  return {
    reads: [...chosen.reads, a, b],
    write: (w) => w.node("Where", [chosen.write(w), w.value(a), w.value(b)]),
  };
};
