// A plan that is ready to run: what it keeps between executions, and the executions.
import { sizeOf } from "../../core/shape.ts";
import type { Graph } from "../../graph/ir.ts";
import {
  checkInputs,
  checkLength,
  checkOutputs,
  findParameter,
  type HostData,
  type Inputs,
  type Plan,
  type PlanStep,
} from "../backend.ts";
import type { Program } from "../placement.ts";
import { copyInto, held, pausing, Turns, type Pause } from "../turns.ts";
import type { Calling } from "./calls.ts";
import type { MemoryMap } from "./memory.ts";
import type { Pool } from "./pool.ts";
import type { Writer } from "./writer.ts";

export interface ReadyStep {
  readonly description: PlanStep;
  readonly outputs: readonly number[];
  /** Whether its chunks are shared out among threads. */
  readonly isShared: boolean;
  readonly passes: readonly {
    readonly chunks: number;
    /** Where its record lies. */
    readonly call: number;
  }[];
}
/** A compiled module in its memory, and what it was compiled from. */
export interface Compiled {
  /** The graph as it was asked for, and as it is run. */
  readonly asked: Graph;
  readonly graph: Graph;
  readonly order: readonly number[];
  readonly program: Program;
  readonly steps: readonly ReadyStep[];
  /** Values that are written straight into a parameter's place. */
  readonly targets: ReadonlyMap<number, number>;
  readonly map: MemoryMap;
  readonly memory: WebAssembly.Memory;
  readonly tables: Writer["tables"];
  readonly pool: Pool | undefined;
  readonly id: number;
  readonly calling: Calling;
}

type Outputs = Record<string, HostData>;
interface Execution {
  readonly inputs: Inputs;
  readonly signal?: AbortSignal | undefined;
  /** All unless given. */
  readonly outputs?: readonly string[] | undefined;
}

interface Runner {
  readonly state: State;
  execute(execution: Execution): Outputs;
  /** The same, with a look at the signal between steps. */
  executeWatched(execution: Execution, signal: AbortSignal): Promise<Outputs>;
  profile(inputs: Inputs): { step: PlanStep; ms: number }[];
  /** What is made once must be made again. */
  renew(): void;
}
async function runnerOf(compiled: Compiled, pause: Pause): Promise<Runner> {
  const { steps, pool } = compiled;
  const threads = threadsOf(compiled);
  const state = await stateOf(compiled, pause);
  const once = steps.filter((step) => step.description.once);
  const always = steps.filter((step) => !step.description.once);
  // from the first update in place on, an execution goes to its end, though with pauses
  const written = always.findIndex((step) => step.outputs.some((id) => compiled.targets.has(id)));
  const interruptible = written < 0 ? always.length : written;
  let stale = true;

  const [allOnce, allAlways] = [once, always].map((some) => stretchesOf(some, pool !== undefined));
  const runAll = (stretches: readonly Stretch[]): void => {
    for (const { call, count, chunks } of stretches)
      if (chunks === undefined) threads.alone(call, count);
      else threads.together(call, chunks);
  };
  const runStep = ({ passes, isShared }: ReadyStep): void => {
    for (const { call, chunks } of passes)
      if (pool && isShared && chunks > 1) threads.together(call, chunks);
      else threads.alone(call, 1);
  };
  /** The same with pauses, also within a step that is divided among threads where there are any. */
  const runWatched = async (step: ReadyStep, look: () => ReturnType<Pause>): Promise<void> => {
    if (step.isShared && !pool)
      for (const { chunks, call } of step.passes)
        for (let chunk = 0; chunk < chunks; chunk++) {
          threads.chunk(call, chunk);
          const waited = look();
          if (waited) await waited;
        }
    else runStep(step);
    const waited = look();
    if (waited) await waited;
  };
  const begin = (inputs: Inputs): void => {
    state.feed(inputs);
    if (stale) runAll(allOnce);
    stale = false;
  };
  const finish = (outputs?: readonly string[]): Outputs => {
    const out = state.copies(outputs);
    state.update();
    return out;
  };
  const timed = (step: ReadyStep): { step: PlanStep; ms: number } => {
    const begun = performance.now();
    runStep(step);
    return { step: step.description, ms: performance.now() - begun };
  };

  return {
    state,
    execute({ inputs, outputs }) {
      begin(inputs);
      runAll(allAlways);
      return finish(outputs);
    },
    async executeWatched({ inputs, outputs }, signal) {
      const pause = pausing(signal);
      state.feed(inputs);
      if (stale) for (const step of once) await runWatched(step, pause);
      stale = false;
      for (const [i, step] of always.entries())
        await runWatched(step, () => pause(i < interruptible));
      return finish(outputs);
    },
    profile(inputs) {
      begin(inputs);
      const times = always.map(timed);
      finish([]);
      return times;
    },
    renew() {
      stale = true;
    },
  };
}

/** Passes whose records follow each other, done by this thread alone, or one that is shared. */
interface Stretch {
  readonly call: number;
  count: number;
  /** Of a pass whose chunks are shared out. */
  readonly chunks?: number;
}
function stretchesOf(steps: readonly ReadyStep[], hasWorkers: boolean): Stretch[] {
  const stretches: Stretch[] = [];
  for (const { passes, isShared } of steps)
    for (const { call, chunks } of passes) {
      const last = stretches.at(-1);
      if (hasWorkers && isShared && chunks > 1) stretches.push({ call, count: 1, chunks });
      else if (last && last.chunks === undefined) last.count++;
      else stretches.push({ call, count: 1 });
    }
  return stretches;
}

/** Does a plan's passes: one chunk, many passes on this thread, or one with the workers. */
function threadsOf({ id, pool, calling, map }: Compiled) {
  const [scratch] = map.scratch;
  const chunk = (call: number, number: number): void => calling.chunk(call, scratch, number);
  return {
    chunk,
    alone: (call: number, count: number): void => calling.run(call, count, scratch),
    together: (call: number, chunks: number): void =>
      pool!.distribute(id, call, chunks, (number) => chunk(call, number)),
  };
}

/** With pauses while constants and first values are written. */
export async function executable(compiled: Compiled, pause: Pause): Promise<Plan> {
  const { asked, graph, steps, pool, map } = compiled;
  const runner = await runnerOf(compiled, pause);
  // a collector does not count shared memory, and would let forgotten plans pile up; it counts
  // this, which is never touched and so takes no room
  const weight = pool && new ArrayBuffer(map.bytes);
  const turns = new Turns();
  return {
    get memoryBytes() {
      return weight?.byteLength ?? map.bytes;
    },
    steps: steps.map((step) => step.description),
    async read(name) {
      const place = runner.state.parameter(findParameter(graph, name));
      return turns.take(() => new Float32Array(place));
    },
    async write(name, values) {
      const id = findParameter(graph, name);
      checkLength(graph, id, values.length);
      const place = runner.state.parameter(id);
      const own = turns.busy ? Float32Array.from(values) : values;
      return turns.take(() => {
        place.set(own);
        runner.renew();
      });
    },
    async execute(given = {}, { signal, outputs } = {}) {
      checkInputs(asked, given);
      checkOutputs(asked, outputs);
      signal?.throwIfAborted();
      const execution = { inputs: turns.busy ? held(given) : given, outputs };
      return turns.take(() =>
        signal ? runner.executeWatched(execution, signal) : runner.execute(execution),
      );
    },
    async profile(given = {}) {
      checkInputs(asked, given);
      const inputs = turns.busy ? held(given) : given;
      return turns.take(() => runner.profile(inputs));
    },
  };
}

interface State {
  /** A parameter where it lies. */
  parameter(id: number): Float32Array;
  feed(inputs: Inputs): void;
  copies(outputs?: readonly string[]): Outputs;
  /** Gives parameters their next values, where those were not written in place. */
  update(): void;
}
/** What lies in a plan's memory, its constants and first values written. */
async function stateOf(compiled: Compiled, pause: Pause): Promise<State> {
  const { graph, order, program, targets, map, memory, tables } = compiled;
  const view = (id: number): Float32Array =>
    new Float32Array(memory.buffer, map.addressOf(id), sizeOf(program.shapeOf(id)));
  for (const { address, values } of tables) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    new Uint8Array(memory.buffer, address, bytes.length).set(bytes);
  }
  const nodes = order.map((id) => graph.nodes[id]);
  for (const node of nodes) {
    if (node.kind === "parameter") await copyInto(view(node.id), node.initial, pause);
    if (node.kind === "constant") await copyInto(view(node.id), node.data, pause);
  }
  const inputs = nodes.flatMap((node) =>
    node.kind === "input" ? [{ name: node.name, place: view(node.id) }] : [],
  );
  const outputs = [...graph.outputs].map(([name, id]) => ({ name, place: view(id) }));
  const updates = [...graph.updates]
    .filter(([parameter, next]) => targets.get(program.root(next)) !== parameter)
    .map(([parameter, next]) => ({
      to: view(parameter),
      from: view(next),
      copy: new Float32Array(sizeOf(program.shapeOf(parameter))),
    }));
  // what no step reads has no place in the plan's memory, and keeps what is written here
  const live = new Set(order);
  const unread = new Map<number, Float32Array>();
  for (const node of graph.nodes)
    if (node.kind === "parameter" && !live.has(node.id))
      unread.set(node.id, Float32Array.from(node.initial));
  return {
    parameter: (id) => unread.get(id) ?? view(id),
    feed(given) {
      for (const { name, place } of inputs) place.set(given[name]);
    },
    copies(wanted) {
      const chosen = outputs.filter(({ name }) => wanted === undefined || wanted.includes(name));
      return Object.fromEntries(chosen.map(({ name, place }) => [name, new Float32Array(place)]));
    },
    update() {
      // a next value may itself be a parameter: all are read before any is written
      for (const { copy, from } of updates) copy.set(from);
      for (const { copy, to } of updates) to.set(copy);
    },
  };
}
