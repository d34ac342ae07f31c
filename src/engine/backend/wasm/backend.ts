// The wasm backend: lowers a graph to steps, plans one arena for them, emits each distinct kernel
// once, and runs the passes in order on its threads.
import { BackendError, ConfigError } from "../../core/errors.ts";
import { sizeOf, type Shape } from "../../core/shape.ts";
import type { Graph } from "../../graph/ir.ts";
import { recomputed } from "../../graph/recompute.ts";
import { reachable, verify } from "../../graph/verify.ts";
import { ops } from "../../ops/index.ts";
import {
  checkInputs,
  checkOutputs,
  findParameter,
  type Backend,
  type BackendOptions,
  type HostData,
  type Inputs,
  type Plan,
  type PlanStep,
} from "../backend.ts";
import { planArena, type Lifetime } from "../memory.ts";
import { held, pausing, Turns } from "../turns.ts";
import { FunctionBuilder } from "./encoder/function.ts";
import { i32, v, type Local, type Operand } from "./encoder/instructions.ts";
import { encodeModule } from "./encoder/module.ts";
import { up, type Pass, type Place } from "./kernel.ts";
import { evaluate } from "./kernels/elementwise.ts";
import { storeLanes } from "./kernels/vectors.ts";
import { lower, type ConvolutionForm, type Program, type Step } from "./lower.ts";
import { builtin, MAX_CHUNKS, Pool, processors, whyAlone } from "./pool.ts";

/** Kernels may read this far past an array's end. */
const SLACK = 128;
const PAGE = 65536;
const MAX_BYTES = 2 ** 32 - PAGE;
const aligned = (bytes: number): number => up(bytes, 16);

/** About 50 µs of one thread: below that, a thread costs more to wake than it helps. */
const SHARED_FLOPS = 3e6;
const SHARED_BYTES = 1e6;

interface Emitted {
  /** Chunks are numbered from `first`. */
  readonly passes: readonly { readonly name: string; readonly first: number; readonly chunks: number }[];
  readonly shared: number;
}

/** Writes every distinct kernel of a program. */
class Writer {
  readonly functions: FunctionBuilder[] = [];
  readonly tables: { address: number; values: Float32Array | Int32Array }[] = [];
  top = SLACK;
  scratch = 0;
  readonly #relaxed: boolean;
  readonly #known = new Map<string, Emitted>();
  constructor(relaxed: boolean) {
    this.#relaxed = relaxed;
  }

  /** Constant numbers with equal bytes share a place. */
  #table(values: Float32Array | Int32Array): number {
    const known = this.tables.find(
      (t) =>
        t.values.constructor === values.constructor &&
        t.values.length === values.length &&
        (t.values as Float32Array).every((x, i) => Object.is(x, values[i])),
    );
    if (known) return known.address;
    const address = this.top;
    this.tables.push({ address, values });
    this.top = aligned(this.top + values.byteLength);
    return address;
  }
  emit(step: Step, shapeOf: (id: number) => Shape): Emitted {
    const known = this.#known.get(step.key);
    if (known) return known;
    const names = Object.keys(step.inputs);
    const passes: Emitted["passes"][number][] = [];
    let shared = 0;
    const one = (write: (p: Pass) => void): string => {
      // inputs, operands of the epilogue, outputs, shared room, scratch, chunk
      const f = new FunctionBuilder(names.length + step.extra.length + step.outputs.length + 3, this.#relaxed);
      const input = Object.fromEntries(names.map((name, i) => [name, f.params[i]]));
      const extra = f.params.slice(names.length, names.length + step.extra.length);
      const outputs = f.params.slice(
        names.length + step.extra.length,
        names.length + step.extra.length + step.outputs.length,
      );
      const [sharedAt, scratchAt, chunk] = f.params.slice(-3);
      const pass: Pass = {
        f,
        shapes: step.shapes,
        attrs: step.attrs,
        out: step.out,
        input,
        outputs,
        y: outputs[0],
        chunk,
        shared: sharedAt,
        store: (value, place) => store(f, step, { extra, outputs, shapes: step.extra.map(shapeOf) }, value, place),
        table: (values) => this.#table(values),
        scratch: (bytes) => {
          this.scratch = Math.max(this.scratch, aligned(bytes + SLACK));
          return scratchAt;
        },
      };
      write(pass);
      return String(this.functions.push(f) - 1);
    };
    const add = (name: string, first: number, chunks: number): void => {
      for (let begin = 0; begin < chunks; begin += MAX_CHUNKS)
        passes.push({ name, first: first + begin, chunks: Math.min(MAX_CHUNKS, chunks - begin) });
    };
    step.emit({
      shapes: step.shapes,
      attrs: step.attrs,
      out: step.out,
      shared: (bytes) => {
        shared = aligned(bytes + SLACK);
      },
      pass: (chunks, write) => add(one(write), 0, chunks),
      rounds: (times, each) => {
        const names = each.map(({ write }) => one(write));
        for (let round = 0; round < times; round++)
          each.forEach(({ chunks, total }, i) =>
            add(names[i], round * chunks, Math.max(0, Math.min(chunks, total - round * chunks))),
          );
      },
    });
    const emitted = { passes, shared };
    this.#known.set(step.key, emitted);
    return emitted;
  }
}
/** Writes a kernel's vector where it belongs, through the expression fused behind it. */
function store(
  f: FunctionBuilder,
  step: Step,
  to: { extra: readonly Local[]; outputs: readonly Local[]; shapes: readonly Shape[] },
  value: Operand,
  { offset, channel, lanes = 4 }: Place,
): void {
  const at = f.i32(offset);
  const source = f.v128(value);
  const { epilogue } = step;
  const results = !epilogue
    ? [source]
    : evaluate(f, epilogue.expression, (operand) => {
        if (operand === epilogue.source) return source;
        const i = operand < epilogue.source ? operand : operand - 1;
        if (sizeOf(to.shapes[i]) === sizeOf(step.out)) return v.load(i32.add(to.extra[i], at));
        return sizeOf(to.shapes[i]) === 1 ? v.loadSplat(to.extra[i]) : v.loadSplat(i32.add(to.extra[i], channel!));
      });
  results.forEach((result, i) => storeLanes(f, i32.add(to.outputs[i], at), result, lanes));
}

/**
 * Parameters whose next value may be written straight into their place: nobody reads the old one
 * later.
 */
function updatedInPlace(graph: Graph, { steps, root }: Program): Map<number, number> {
  const targets = new Map<number, number>();
  const outputs = new Set([...graph.outputs.values()].map(root));
  const writer = new Map<number, number>();
  const lastRead = new Map<number, number>();
  steps.forEach((step, time) => {
    for (const id of [...Object.values(step.inputs), ...step.extra]) lastRead.set(root(id), time);
    for (const id of step.outputs) writer.set(id, time);
  });
  const wanted = [...graph.updates.values()].map(root);
  for (const [parameter, value] of graph.updates) {
    const next = root(value);
    const time = writer.get(next);
    if (
      time === undefined ||
      outputs.has(parameter) ||
      wanted.includes(parameter) ||
      wanted.filter((w) => w === next).length > 1
    )
      continue;
    const read = lastRead.get(parameter) ?? -1;
    const here = read === time && steps[time].inPlace.some((id) => root(id) === parameter);
    if (read < time || here) targets.set(next, parameter);
  }
  return targets;
}

let planNumber = 0;

async function plan(asked: Graph, host: Host): Promise<Plan> {
  verify(asked, ops);
  const graph = host.recompute ? recomputed(asked, reachable(asked)) : asked;
  const order = reachable(graph);
  const program = lower(graph, order, host.convolution);
  const { steps, shapeOf, root } = program;
  const writer = new Writer(host.relaxed);
  const emitted = steps.map((step) => writer.emit(step, shapeOf));
  const bytesOfStep = (step: Step): number =>
    4 * [...Object.values(step.inputs), ...step.extra, ...step.outputs].reduce((n, id) => n + sizeOf(shapeOf(id)), 0);
  /** Whether a step is worth waking threads for; its pieces are the same either way. */
  const isShared = (step: Step, i: number): boolean =>
    emitted[i].passes.some((p) => p.chunks > 1) && (step.flops >= SHARED_FLOPS || bytesOfStep(step) >= SHARED_BYTES);
  const sharing = steps.map(isShared);
  const threads = sharing.some(Boolean) ? host.threads : 1;

  // places: tables, then what is kept, then the arena, then scratch
  let { top } = writer;
  const address = new Map<number, number>();
  const keep = (id: number): void => {
    address.set(id, top);
    top = aligned(top + 4 * sizeOf(shapeOf(id))) + 16;
  };
  for (const id of order) if (graph.nodes[id].kind === "parameter" || graph.nodes[id].kind === "constant") keep(id);
  for (const step of steps) if (step.once) for (const id of step.outputs) keep(id);
  const targets = updatedInPlace(graph, program);
  for (const [value, parameter] of targets) address.set(value, address.get(parameter)!);
  top += SLACK;
  const bytesOf = (id: number): number => Math.max(16, aligned(4 * sizeOf(shapeOf(id))));
  const from = new Map<number, number>();
  const to = new Map<number, number>();
  const over = new Map<number, readonly number[]>();
  for (const id of order)
    if (graph.nodes[id].kind === "input") {
      from.set(id, -1);
      to.set(id, -1);
    }
  steps.forEach((step, time) => {
    for (const id of [...Object.values(step.inputs), ...step.extra].map(root)) if (from.has(id)) to.set(id, time);
    for (const id of step.outputs)
      if (!address.has(id)) {
        from.set(id, time);
        to.set(id, time);
        over.set(id, step.inPlace.map(root));
      }
  });
  // what is asked for must last; an input that is asked for, too
  for (const id of [...graph.outputs.values(), ...graph.updates.values()].map(root))
    if (from.has(id)) to.set(id, steps.length);
  for (const id of order) {
    const node = graph.nodes[id];
    if (node.kind === "op" && root(id) === id && !from.has(id) && !address.has(id) && sizeOf(node.shape) === 0) {
      from.set(id, -1);
      to.set(id, steps.length);
    }
  }
  const arena = planArena(
    [...from].map(
      ([id, first]): Lifetime => ({
        id,
        bytes: bytesOf(id),
        from: first,
        to: to.get(id)!,
        over: (over.get(id) ?? []).filter((other) => graph.nodes[other]?.kind === "op"),
      }),
    ),
  );
  for (const [id, offset] of arena.offsets) address.set(id, top + offset);
  const shared = top + arena.bytes + SLACK;
  const scratch = shared + Math.max(0, ...emitted.map((e) => e.shared)) + SLACK;
  const total = scratch + threads * (writer.scratch + SLACK);
  if (total > MAX_BYTES) {
    throw new BackendError(
      `wasm: this network needs ${total} bytes (${(total / 2 ** 30).toFixed(2)} GiB), WebAssembly addresses ${(MAX_BYTES / 2 ** 30).toFixed(2)} GiB; make the batch or the image smaller`,
      { bytes: total, limit: MAX_BYTES },
    );
  }
  const pages = Math.ceil(total / PAGE);
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory(
      threads > 1 ? { initial: pages, maximum: pages, shared: true } : { initial: pages },
    );
  } catch {
    throw new BackendError(
      `wasm: the machine did not give the ${(total / 2 ** 20).toFixed(0)} MiB that this network needs; make the batch or the image smaller`,
      { bytes: total },
    );
  }
  const module = await WebAssembly.compile(encodeModule(writer.functions, threads > 1 ? pages : undefined));
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const placeOf = (id: number): number => address.get(root(id))!;
  const scratches = Array.from({ length: threads }, (_, t) => scratch + t * (writer.scratch + SLACK));
  type Run = (chunk: number) => void;
  const calls: { name: string; pointers: number[]; first: number }[] = [];
  const ready = steps.map((step, i) => ({
    step,
    shared: sharing[i],
    passes: emitted[i].passes.map(({ name, first, chunks }) => {
      const pointers = [...Object.values(step.inputs), ...step.extra, ...step.outputs].map(placeOf).concat(shared);
      const call = exports[name] as (...args: number[]) => void;
      const args = [...pointers, scratches[0], 0];
      const last = args.length - 1;
      const run: Run = (chunk) => {
        args[last] = first + chunk;
        call(...args);
      };
      return { chunks, run, index: calls.push({ name, pointers, first }) - 1 };
    }),
  }));
  const pool = threads > 1 ? await host.pool() : undefined;
  // a collector does not count shared memory, and would let forgotten plans pile up; it counts
  // this, which is never touched and so takes no room
  const weight = pool && new ArrayBuffer(total);
  const id = planNumber++;
  await pool?.share({ id, module, memory, calls, scratch: scratches });

  const view = (id: number): Float32Array => new Float32Array(memory.buffer, placeOf(id), sizeOf(shapeOf(id)));
  for (const { address: at, values } of writer.tables)
    new Uint8Array(memory.buffer, at, values.byteLength).set(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    );
  for (const id of order) {
    const node = graph.nodes[id];
    if (node.kind === "parameter") view(id).set(node.initial);
    if (node.kind === "constant") view(id).set(node.data);
  }
  const live = new Set(order);
  const inputs = graph.nodes.flatMap((n) =>
    n.kind === "input" && live.has(n.id) ? [{ name: n.name, place: view(n.id) }] : [],
  );
  const outputs = [...graph.outputs].map(([name, id]) => ({ name, place: view(id) }));
  const updates = [...graph.updates]
    .filter(([parameter, next]) => targets.get(root(next)) !== parameter)
    .map(([parameter, next]) => ({
      to: view(parameter),
      from: view(next),
      copy: new Float32Array(sizeOf(shapeOf(parameter))),
    }));
  const runStep = ({ passes, shared: together }: (typeof ready)[number]): void => {
    for (const { chunks, run, index } of passes) {
      if (together && chunks > 1 && pool) pool.run(id, index, chunks, run);
      else for (let chunk = 0; chunk < chunks; chunk++) run(chunk);
    }
  };
  const once = ready.filter(({ step }) => step.once);
  const always = ready.filter(({ step }) => !step.once);
  let stale = true;
  const prepare = (given: Inputs): void => {
    for (const { name, place } of inputs) place.set(given[name]);
    if (stale) for (const step of once) runStep(step);
    stale = false;
  };
  const finish = (wanted?: readonly string[]): Record<string, HostData> => {
    const out: Record<string, HostData> = {};
    for (const { name, place } of outputs) if (!wanted || wanted.includes(name)) out[name] = new Float32Array(place);
    for (const u of updates) u.copy.set(u.from);
    for (const u of updates) u.to.set(u.copy);
    return out;
  };
  // from the first update in place on, an execution must go to its end
  const written = always.findIndex(({ step }) => step.outputs.some((id) => targets.has(id)));
  const interruptible = written < 0 ? always.length : written;
  const watched = async (
    given: Inputs,
    signal: AbortSignal,
    wanted?: readonly string[],
  ): ReturnType<Plan["execute"]> => {
    const pause = pausing(signal);
    prepare(given);
    for (const [i, step] of always.entries()) {
      runStep(step);
      const waited = i < interruptible ? pause() : undefined;
      if (waited) await waited;
    }
    return finish(wanted);
  };
  const turns = new Turns();
  const describe = ({ step, passes, shared: together }: (typeof ready)[number]): PlanStep => ({
    name: step.label,
    shape: step.out,
    bytes: bytesOfStep(step),
    flops: step.flops,
    chunks: together ? Math.max(...passes.map((p) => p.chunks)) : 1,
    once: step.once,
  });
  const result: Plan = {
    get memoryBytes() {
      return weight?.byteLength ?? total;
    },
    steps: ready.map(describe),
    async read(name) {
      const place = view(findParameter(graph, name));
      return turns.take(() => new Float32Array(place));
    },
    async write(name, values) {
      const place = view(findParameter(graph, name));
      const own = turns.busy ? Float32Array.from(values) : values;
      return turns.take(() => {
        place.set(own);
        stale = true;
      });
    },
    async execute(given = {}, { signal, outputs: wanted } = {}) {
      checkInputs(asked, given);
      checkOutputs(asked, wanted);
      signal?.throwIfAborted();
      const own = turns.busy ? held(given) : given;
      return turns.take(() => {
        if (signal) return watched(own, signal, wanted);
        prepare(own);
        for (const step of always) runStep(step);
        return finish(wanted);
      });
    },
    async profile(given = {}) {
      checkInputs(asked, given);
      const times: { step: PlanStep; ms: number }[] = [];
      await turns.take(() => {
        prepare(given);
        for (const step of always) {
          const begun = performance.now();
          runStep(step);
          times.push({ step: describe(step), ms: performance.now() - begun });
        }
        return finish([]);
      });
      return times;
    },
  };
  if (pool) host.forget.register(result, id);
  return result;
}

interface Host {
  readonly threads: number;
  readonly relaxed: boolean;
  readonly convolution: ConvolutionForm;
  readonly recompute: boolean;
  pool(): Promise<Pool>;
  readonly forget: { register(plan: object, id: number): void };
}

/** A module with one relaxed multiply-add: whether the host takes it. */
const relaxedModule = (): Uint8Array<ArrayBuffer> => {
  const f = new FunctionBuilder(1, true);
  f.mulAdd(f.v128(0), 1, 1);
  return encodeModule([f]);
};
/**
 * Node 20 knows the instruction, but behind a flag that may be set until the first module that
 * needs it.
 */
const allowRelaxed = (): void =>
  (builtin("node:v8") as { setFlagsFromString(flag: string): void } | undefined)?.setFlagsFromString(
    "--experimental-wasm-relaxed-simd",
  );
const simdModule = (): Uint8Array<ArrayBuffer> => {
  const f = new FunctionBuilder(1);
  f.v128(0);
  return encodeModule([f]);
};

/**
 * Throws BackendError where WebAssembly or its SIMD is missing, ConfigError for a number of threads
 * that is not whole and positive.
 */
export function wasmBackend({
  threads,
  precision = "reproducible",
  convolution = "auto",
  memory = "kept",
}: BackendOptions = {}): Backend {
  if (typeof WebAssembly === "undefined")
    throw new BackendError("wasm: this host has no WebAssembly; use the reference backend", {});
  if (!WebAssembly.validate(simdModule()))
    throw new BackendError("wasm: this host's WebAssembly has no SIMD; update it, or use the reference backend", {});
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 64))
    throw new ConfigError(`wasm: threads is a whole number from 1 to 64, got ${threads}`, { threads });
  if (precision !== "reproducible" && precision !== "fast")
    throw new ConfigError(`wasm: precision is "reproducible" or "fast", got ${JSON.stringify(precision)}`, {
      precision,
    });
  const wanted = threads ?? Math.min(processors(), 16);
  const alone = wanted > 1 ? whyAlone() : undefined;
  if (precision === "fast" && !WebAssembly.validate(relaxedModule())) allowRelaxed();
  const relaxed = precision === "fast" && WebAssembly.validate(relaxedModule());
  let opening: Promise<Pool> | undefined;
  const host: Host = {
    threads: alone === undefined ? wanted : 1,
    relaxed,
    convolution,
    recompute: memory === "recomputed",
    pool: () => (opening ??= Pool.open(wanted - 1)),
    // a plan that nobody holds any more is forgotten by the workers as well
    forget: new FinalizationRegistry<number>((id) => {
      void opening?.then((pool) => pool.drop(id));
    }),
  };
  const notes = [
    ...(alone === undefined ? [] : [alone]),
    ...(precision === "fast" && !relaxed
      ? ["this host has no relaxed multiply-add, so fast precision is the reproducible one"]
      : []),
  ];
  return {
    name: relaxed ? "wasm fast" : "wasm",
    threads: host.threads,
    notes,
    compile: (graph) => plan(graph, host),
    [Symbol.asyncDispose]: async () => {
      const pool = await opening;
      opening = undefined;
      await pool?.close();
    },
  };
}
