// If: the branch that a known condition takes, or both, of which one is chosen number by number.
import { formatShape } from "../../../engine/index.ts";
import type { Call, Family, Val } from "../call.ts";
import { chosen } from "./arithmetic.ts";

function branch(call: Call): Val[] {
  const condition = call.value(0);
  const known = call.graph.known(condition);
  if (known) return call.evaluate(call.subgraph(known[0] === 0 ? "else_branch" : "then_branch"));
  const [yes, no] = [
    call.evaluate(call.subgraph("then_branch")),
    call.evaluate(call.subgraph("else_branch")),
  ];
  return yes.map(({ type, value }, i) => {
    const other = no[i].value;
    if (value.shape.join() !== other.shape.join())
      call.fail(
        `its condition depends on the network's input, and its branches give ${formatShape(value.shape)} and ${formatShape(other.shape)}`,
      );
    return { type, value: chosen(call, call.reshape(condition, []), value, other) };
  });
}
export const controlOps: Family = { If: { attributes: "then_branch else_branch", run: branch } };
