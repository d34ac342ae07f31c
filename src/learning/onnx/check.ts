// Whether a file makes sense, and what of it is not read: all of it at once, before anything is
// computed.
import { FormatError, quoted, UnsupportedOpError, withoutControls } from "../../engine/index.ts";
import { isRead, type Attribute, type OnnxFile, type OnnxGraph, type OnnxNode } from "./model.ts";
import { onnxOps } from "./ops/index.ts";

/** A node as people find it in a viewer: by its name, or its first output. */
export function nodeName({ name, op, outputs }: OnnxNode): string {
  return `node ${quoted(name || outputs[0] || "")} (${withoutControls(op).slice(0, 60)})`;
}

function attributeFault(name: string, attribute: Attribute): string | undefined {
  if (attribute.kind === "unread") return `attribute ${name}, ${attribute.value}`;
  if (attribute.kind === "tensor" && !isRead(attribute.value))
    return `attribute ${name}, a tensor of ${attribute.value.unread}`;
  return undefined;
}
/** What of a node is not read. */
function nodeFaults(node: OnnxNode, opset: number): string[] {
  const { op, domain, attributes } = node;
  if (domain !== "") return [`an op of ${quoted(domain)}`];
  const definition = onnxOps.get(op);
  if (!definition) return ["an op that is not read"];
  const known = (definition.attributes ?? "").split(" ");
  const faults: (string | undefined)[] = [definition.refuses?.(node, opset)];
  for (const [name, attribute] of attributes) {
    if (!known.includes(name)) faults.push(`attribute ${quoted(name)}`);
    else faults.push(attributeFault(name, attribute));
  }
  return faults.flatMap((fault) => fault ?? []);
}
function graphFaults(graph: OnnxGraph, opset: number, faults: string[]): void {
  for (const [name, tensor] of graph.tensors)
    if (!isRead(tensor)) faults.push(`tensor ${quoted(name)}: ${tensor.unread}`);
  for (const { name, unread } of graph.inputs)
    if (unread) faults.push(`input ${quoted(name)}: ${unread}`);
  for (const node of graph.nodes) {
    for (const fault of nodeFaults(node, opset)) faults.push(`${nodeName(node)}: ${fault}`);
    for (const attribute of node.attributes.values())
      if (attribute.kind === "graph") graphFaults(attribute.value, opset, faults);
  }
}
/** Throws UnsupportedOpError that lists everything that is not read. */
export function checkSupported(
  { graph, opset }: Pick<OnnxFile, "graph" | "opset">,
  name: string,
): void {
  const faults: string[] = [];
  graphFaults(graph, opset, faults);
  if (faults.length === 0) return;
  const [shown, more] = [faults.slice(0, 40), faults.length - 40];
  const rest = more > 0 ? `; and ${more} more` : "";
  throw new UnsupportedOpError(
    `${name}: ${faults.length === 1 ? "a part" : `${faults.length} parts`} of it cannot be read: ${shown.join("; ")}${rest}; export it without them, or run it with --command`,
    { faults },
  );
}

/**
 * Throws FormatError for a graph whose nodes read what none before them makes (a cycle among them),
 * or that names two values alike.
 */
export function checkStructure(
  graph: OnnxGraph,
  name: string,
  outer: ReadonlySet<string> = new Set(),
): void {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}; it is damaged, export it again`, { name });
  };
  const made = new Set<string>(outer);
  const own = new Set<string>();
  const make = (value: string, where: string): void => {
    if (value === "") return;
    if (own.has(value)) fail(`${where} makes ${quoted(value)}, which is there already`);
    own.add(value);
    made.add(value);
  };
  for (const { name: input } of graph.inputs) make(input, "an input");
  // an initialiser may be an input, too, of which it is the default
  for (const tensor of graph.tensors.keys()) made.add(tensor);
  for (const tensor of graph.tensors.keys()) own.add(tensor);
  for (const node of graph.nodes) {
    const missing = node.inputs.find((input) => input !== "" && !made.has(input));
    if (missing !== undefined)
      fail(
        `${nodeName(node)} reads ${quoted(missing)}, which nothing makes before it: a part is missing or reads itself`,
      );
    for (const attribute of node.attributes.values())
      if (attribute.kind === "graph") checkStructure(attribute.value, name, made);
    for (const output of node.outputs) make(output, nodeName(node));
  }
  if (graph.outputs.length === 0) fail("it has no output, or a graph inside it has none");
  const absent = graph.outputs.find((output) => !made.has(output.name));
  if (absent) fail(`its output ${quoted(absent.name)} is made by no node`);
}
