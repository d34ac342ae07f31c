// From a graph to a plan: lowered to steps, each distinct kernel written once, everything given a
// place, the module compiled and shared with the workers.
import { BackendError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Graph } from "../../graph/ir.ts";
import { recomputed } from "../../graph/recompute.ts";
import { reachable, verify } from "../../graph/verify.ts";
import { ops } from "../../ops/index.ts";
import type { BackendOptions, Plan, PlanStep } from "../backend.ts";
import { updatedInPlace, type Program } from "../placement.ts";
import { givingWay } from "../turns.ts";
import { callingFunctions, writeCall, type Calling } from "./calls.ts";
import { encodeModule } from "./encoder/module.ts";
import { executable, type ReadyStep } from "./execution.ts";
import type { ConvolutionForm } from "./forms.ts";
import { lower, type Step } from "./lower.ts";
import { allocate, mapMemory, pagesOf, type MemoryMap } from "./memory.ts";
import type { Pool } from "./pool.ts";
import { Writer, type Emitted } from "./writer.ts";

/** What a plan needs of the backend that compiles it. */
export interface Host {
  readonly relaxed: boolean;
  readonly convolution: ConvolutionForm;
  readonly memory: NonNullable<BackendOptions["memory"]>;
  /** The workers beside this thread, if there are any. */
  pool(): Promise<Pool | undefined>;
  /** Has the workers forget plan `id` once nobody holds `plan` any more. */
  readonly forget: { register(plan: object, id: number): void };
}

/** About 50 µs of one thread: below that, a thread costs more to wake than it helps. */
const SHARED_FLOPS = 3e6;
const SHARED_BYTES = 1e6;

let planNumber = 0;

/** Throws BackendError where the plan needs more than WebAssembly's 4 GiB or the machine has. */
export async function compilePlan(asked: Graph, host: Host): Promise<Plan> {
  verify(asked, ops);
  const smaller = (): Graph => recomputed(asked, reachable(asked), ops);
  if (host.memory !== "auto")
    return compileAs(host.memory === "kept" ? asked : smaller(), asked, host);
  try {
    return await compileAs(asked, asked, host);
  } catch (error) {
    if (error instanceof BackendError) return compileAs(smaller(), asked, host);
    throw error;
  }
}

/**
 * `graph` computes what `asked` does. Large networks take a while, and the thread does other work
 * in between: no piece between two pauses is more than one kernel, or one look at all values.
 */
async function compileAs(graph: Graph, asked: Graph, host: Host): Promise<Plan> {
  const pause = givingWay();
  const order = reachable(graph);
  const program = await lower(graph, order, { form: host.convolution, pause });
  // workers start while the kernels are written
  const isLarge = program.steps.some((step) =>
    pays({ flops: step.flops, bytes: bytesMoved(step, program) }),
  );
  const opening = isLarge ? host.pool() : undefined;
  const writer = new Writer(host.relaxed, program.shapeOf);
  const emitted: Emitted[] = [];
  for (const step of program.steps) {
    const waited = pause();
    if (waited) await waited;
    emitted.push(writer.emit(step));
  }
  const described = program.steps.map((step, i) => describe(step, emitted[i], program));
  const pool = described.some(isShared) ? await opening : undefined;
  const threads = 1 + (pool?.size ?? 0);
  await pause();

  const targets = updatedInPlace(graph, program);
  const map = mapMemory({ graph, order, program, targets, writer, emitted, threads });
  await pause();
  const memory = allocate(map.bytes, threads > 1);
  const code = encodeModule(
    [...writer.functions, ...callingFunctions()],
    threads > 1 ? pagesOf(map.bytes) : undefined,
  );
  const module = await WebAssembly.compile(code);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  await pause();

  const calling = exports as unknown as Calling;
  const steps = readySteps(program.steps, { emitted, described, memory, map });
  const id = planNumber++;
  await pool?.share({ id, module, memory, scratch: map.scratch });

  const { tables } = writer;
  const compiled = {
    ...{ asked, graph, order, program, steps, targets, map, memory, tables, pool, id, calling },
  };
  const plan = await executable(compiled, pause);
  if (pool) host.forget.register(plan, id);
  return plan;
}

/**
 * Steps with their passes, whose records are written: first those of steps that are done once, so
 * that the others lie behind each other.
 */
function readySteps(
  all: readonly Step[],
  given: {
    emitted: readonly Emitted[];
    described: readonly PlanStep[];
    memory: WebAssembly.Memory;
    map: MemoryMap;
  },
): ReadyStep[] {
  const { emitted, described, memory, map } = given;
  const steps: ReadyStep[] = [];
  let at = map.calls;
  const ready = (step: Step, i: number): void => {
    const pointers = [...step.reads, ...step.outputs].map(map.addressOf).concat(map.shared);
    const passes = emitted[i].passes.map((pass) => {
      const call = at;
      at = writeCall(memory.buffer, call, { ...pass, pointers });
      return { call, chunks: pass.chunks };
    });
    const description = described[i];
    steps[i] = { passes, outputs: step.outputs, description, isShared: isShared(description) };
  };
  for (const once of [true, false])
    for (const [i, step] of all.entries()) if (step.once === once) ready(step, i);
  return steps;
}

/** Of all that a step reads and writes. */
const bytesMoved = (step: Step, { shapeOf }: Program): number =>
  4 * [...step.reads, ...step.outputs].reduce((n, id) => n + sizeOf(shapeOf(id)), 0);
/** Whether sharing the chunks of so much work out among threads would pay. */
const pays = ({ flops, bytes }: Pick<PlanStep, "flops" | "bytes">): boolean =>
  flops >= SHARED_FLOPS || bytes >= SHARED_BYTES;
/** What a person sees of a step. */
function describe(step: Step, { passes }: Emitted, program: Program): PlanStep {
  const { label: name, out: shape, flops, once } = step;
  const bytes = bytesMoved(step, program);
  const chunks = pays({ flops, bytes }) ? Math.max(1, ...passes.map((p) => p.chunks)) : 1;
  return { name, shape, bytes, flops, chunks, once };
}
/** Whether a step is worth waking threads for; its pieces are the same either way. */
const isShared = (step: PlanStep): boolean => step.chunks > 1;
