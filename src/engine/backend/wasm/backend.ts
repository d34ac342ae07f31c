// The wasm backend: plans one arena for a graph, emits each distinct kernel once, and runs them in order.
import { BackendError } from "../../core/errors.ts";
import { sizeOf, type Shape } from "../../core/shape.ts";
import type { Graph, OpNode } from "../../graph/ir.ts";
import { reachable, verify } from "../../graph/verify.ts";
import { ops } from "../../ops/index.ts";
import { checkInputs, findParameter, type Backend, type HostData, type Plan } from "../backend.ts";
import { planArena } from "../memory.ts";
import { encodeModule, FunctionBuilder, type Local } from "./encoder.ts";
import type { KernelContext } from "./kernel.ts";
import { kernels } from "./kernels/index.ts";

type Call = (...pointers: number[]) => void;
/** Kernels may read this far past an array's end. */
const SLACK = 64;
const MAX_BYTES = 2 ** 32 - 65536;
const aligned = (bytes: number): number => Math.ceil(bytes / 16) * 16;

async function plan(graph: Graph): Promise<Plan> {
  verify(graph, ops);
  const order = reachable(graph);
  const functions: FunctionBuilder[] = [];
  const tables: { address: number; values: Float32Array }[] = [];
  let top = SLACK;
  let scratchBytes = 0;
  const bySpecialisation = new Map<string, number>();
  const kernelOf = (node: OpNode): number => {
    const shapes = Object.fromEntries(Object.entries(node.inputs).map(([name, id]) => [name, graph.nodes[id].shape]));
    const key = JSON.stringify([node.op, shapes, node.attrs]);
    const known = bySpecialisation.get(key);
    if (known !== undefined) return known;
    const names = Object.keys(node.inputs);
    const f = new FunctionBuilder(names.length + 2);
    const input: Record<string, Local> = {};
    names.forEach((name, i) => { input[name] = f.params[i]; });
    const context: KernelContext = {
      f, shapes: shapes as Readonly<Record<string, Shape>> as never, attrs: node.attrs, out: node.shape, input: input as never, y: f.params[names.length],
      table(values) {
        const address = top;
        tables.push({ address, values });
        top = aligned(top + values.byteLength);
        return address;
      },
      scratch(bytes) {
        scratchBytes = Math.max(scratchBytes, bytes + SLACK);
        return f.params[names.length + 1];
      },
    };
    (kernels[node.op] as (k: KernelContext) => void)(context);
    functions.push(f);
    bySpecialisation.set(key, functions.length - 1);
    return functions.length - 1;
  };
  const steps = order.flatMap((id) => {
    const node = graph.nodes[id];
    return node.kind === "op" && node.op !== "reshape" && sizeOf(node.shape) > 0 ? [{ node, kernel: kernelOf(node) }] : [];
  });

  const address = new Map<number, number>();
  for (const id of order) {
    const node = graph.nodes[id];
    if (node.kind !== "parameter" && node.kind !== "constant") continue;
    address.set(id, top);
    top = aligned(top + 4 * sizeOf(node.shape));
  }
  const arena = planArena(graph, order, (shape) => aligned(4 * sizeOf(shape)));
  for (const [id, offset] of arena.offsets) address.set(id, top + offset);
  // a reshape is its input seen differently; its place is its input's
  for (const id of order) {
    const node = graph.nodes[id];
    if (node.kind === "op" && node.op === "reshape") address.set(id, address.get(node.inputs.x)!);
  }
  const scratch = top + arena.bytes + SLACK;
  const total = scratch + scratchBytes + SLACK;
  if (total > MAX_BYTES) {
    throw new BackendError(`wasm: this network needs ${(total / 2 ** 30).toFixed(2)} GiB, WebAssembly addresses ${(MAX_BYTES / 2 ** 30).toFixed(2)}; make the batch or the image smaller`, { bytes: total, limit: MAX_BYTES });
  }
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: Math.ceil(total / 65536) });
  } catch {
    throw new BackendError(`wasm: the machine did not give the ${(total / 2 ** 20).toFixed(0)} MiB that this network needs; make the batch or the image smaller`, { bytes: total });
  }
  const compiled = await WebAssembly.compile(encodeModule(functions));
  const instance = await WebAssembly.instantiate(compiled, { env: { memory } });
  const calls = steps.map(({ node, kernel }) => ({
    call: instance.exports[String(kernel)] as Call,
    pointers: [...Object.values(node.inputs), node.id].map((id) => address.get(id)!).concat(scratch),
  }));
  const view = (id: number): Float32Array => new Float32Array(memory.buffer, address.get(id)!, sizeOf(graph.nodes[id].shape));
  for (const { address: at, values } of tables) new Float32Array(memory.buffer, at, values.length).set(values);
  for (const id of order) {
    const node = graph.nodes[id];
    if (node.kind === "parameter") view(id).set(node.initial);
    if (node.kind === "constant") view(id).set(node.data);
  }
  const live = new Set(order);
  const inputs = graph.nodes.filter((n) => n.kind === "input" && live.has(n.id));
  const updates = [...graph.updates].map(([id, next]) => ({ to: view(id), from: view(next), copy: new Float32Array(sizeOf(graph.nodes[id].shape)) }));
  return {
    memoryBytes: total,
    read: (name) => view(findParameter(graph, name)).slice(),
    write: (name, values) => view(findParameter(graph, name)).set(values),
    run(given = {}) {
      checkInputs(graph, given);
      for (const node of inputs) if (node.kind === "input") view(node.id).set(given[node.name]);
      for (const { call, pointers } of calls) call(...pointers);
      const out: Record<string, HostData> = {};
      for (const [name, id] of graph.outputs) out[name] = view(id).slice();
      for (const u of updates) u.copy.set(u.from);
      for (const u of updates) u.to.set(u.copy);
      return out;
    },
  };
}

/** Throws BackendError where WebAssembly or its SIMD is missing. */
export function wasmBackend(): Backend {
  if (typeof WebAssembly === "undefined") throw new BackendError("wasm: this host has no WebAssembly; use the reference backend", {});
  return { name: "wasm", compile: plan, [Symbol.asyncDispose]: async () => {} };
}
