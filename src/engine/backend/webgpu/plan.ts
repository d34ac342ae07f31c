// From a graph to a plan: lowered to steps, everything given a place on the card, each distinct
// shader compiled once.
import { BackendError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Graph } from "../../graph/ir.ts";
import { recomputed } from "../../graph/recompute.ts";
import { reachable, verify } from "../../graph/verify.ts";
import { ops } from "../../ops/index.ts";
import type { PlanStep } from "../backend.ts";
import { updatedInPlace, type Program } from "../placement.ts";
import type { Device } from "./device.ts";
import type { Table } from "./kernel.ts";
import { lower, type Step } from "./lower.ts";
import { mapMemory, type MemoryMap, type Place } from "./memory.ts";
import { emit, gridOf, type Card, type Emitted } from "./writer.ts";

/** One dispatch. */
export interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly grid: readonly [number, number];
}
export interface ReadyStep {
  readonly description: PlanStep;
  readonly outputs: readonly number[];
  readonly dispatches: readonly Dispatch[];
}
/** A graph on a device. */
export interface Compiled {
  readonly device: Device;
  /** The graph as it was asked for, and as it is run. */
  readonly asked: Graph;
  readonly graph: Graph;
  readonly order: readonly number[];
  readonly program: Program;
  readonly steps: readonly ReadyStep[];
  /** Values that are written straight into a parameter's place. */
  readonly targets: ReadonlyMap<number, number>;
  readonly map: MemoryMap;
  readonly buffers: readonly GPUBuffer[];
  /** Every buffer, for whoever ends the plan; executions add theirs. */
  readonly owned: GPUBuffer[];
  readonly bytes: number;
}

/** Bits of a buffer's usage: storage, copied from, copied to. */
const STORAGE = 0x80 | 0x04 | 0x08;

/** Throws BackendError where the adapter's limits or memory do not suffice, with the bytes. */
export async function compileOn(
  device: Device,
  asked: Graph,
  recompute: boolean,
): Promise<Compiled> {
  verify(asked, ops);
  const graph = recompute ? recomputed(asked, reachable(asked), ops) : asked;
  const order = reachable(graph);
  const { limits } = device.gpu;
  const program = lower(graph, order, limits.maxStorageBuffersPerShaderStage);
  const targets = updatedInPlace(graph, program);
  const map = mapMemory({ graph, order, program, targets, limits });
  const emitted = emitAll(program.steps, map, {
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    bindingBytes: limits.maxStorageBufferBindingSize,
    isSoftware: device.isSoftware,
  });
  const scratch = Math.max(0, ...emitted.map((e) => e.scratch)) * 4;
  checkScratch(scratch, limits.maxStorageBufferBindingSize);
  const owned: GPUBuffer[] = [];
  try {
    return await device.guarded(
      { what: "what this network computes with", bytes: map.bytes + scratch },
      async () => {
        const make = (size: number): GPUBuffer => {
          const buffer = device.gpu.createBuffer({ size: Math.max(4, size), usage: STORAGE });
          owned.push(buffer);
          return buffer;
        };
        const buffers = map.buffers.map(make);
        const room = scratch > 0 ? make(scratch) : undefined;
        const tables = new Tables(device, make);
        const steps = await Promise.all(
          program.steps.map((step, i) =>
            ready({ device, step, emitted: emitted[i], map, buffers, room, tables, program }),
          ),
        );
        const bytes = owned.reduce((sum, { size }) => sum + size, 0);
        return { device, asked, graph, order, program, steps, targets, map, buffers, owned, bytes };
      },
    );
  } catch (error) {
    for (const buffer of owned) buffer.destroy();
    throw error;
  }
}

function checkScratch(bytes: number, limit: number): void {
  if (bytes > limit)
    throw new BackendError(
      `webgpu: a kernel's room needs ${bytes} bytes, this adapter binds ${limit} at once; make the batch or the image smaller, or use the wasm backend`,
      { bytes, limit },
    );
}

/** Places of a step's values, each once, and which of them each value has. */
function slotsOf(step: Step, map: MemoryMap): { places: Place[]; slots: number[] } {
  const places: Place[] = [];
  const slots = [...step.reads, ...step.outputs].map((id) => {
    const place = map.placeOf(id);
    const known = places.findIndex((p) => p.buffer === place.buffer && p.offset === place.offset);
    return known < 0 ? places.push(place) - 1 : known;
  });
  return { places, slots };
}

function emitAll(steps: readonly Step[], map: MemoryMap, card: Card): Emitted[] {
  const known = new Map<string, Emitted>();
  return steps.map((step) => {
    const { slots } = slotsOf(step, map);
    const key = keyOf([
      step.label,
      step.shapes,
      step.attrs,
      step.out,
      step.extraShapes,
      slots,
      step.epilogue,
    ]);
    const emitted = known.get(key) ?? emit(step, slots, card);
    known.set(key, emitted);
    return emitted;
  });
}

/** JSON that tells −0, infinities and NaN apart. */
function keyOf(parts: readonly unknown[]): string {
  const isPlain = (x: number): boolean => Number.isFinite(x) && !Object.is(x, -0);
  return JSON.stringify(parts, (_, x) =>
    typeof x === "number" && !isPlain(x) ? (1 / x < 0 ? "-" : "") + String(x) : x,
  );
}

/** Constant numbers of kernels on the card, one buffer for each array that is emitted. */
class Tables {
  readonly #device: Device;
  readonly #make: (bytes: number) => GPUBuffer;
  readonly #known = new Map<Table, GPUBuffer>();
  constructor(device: Device, make: (bytes: number) => GPUBuffer) {
    [this.#device, this.#make] = [device, make];
  }
  bufferOf(values: Table): GPUBuffer {
    const known = this.#known.get(values);
    if (known) return known;
    const buffer = this.#make(values.byteLength);
    this.#device.gpu.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
    this.#known.set(values, buffer);
    return buffer;
  }
}

async function ready(from: {
  device: Device;
  step: Step;
  emitted: Emitted;
  map: MemoryMap;
  buffers: readonly GPUBuffer[];
  room: GPUBuffer | undefined;
  tables: Tables;
  program: Program;
}): Promise<ReadyStep> {
  const { device, step, emitted, map, buffers, room, tables, program } = from;
  const resources: GPUBufferBinding[] = [
    ...slotsOf(step, map).places.map(({ buffer, offset, bytes }) => ({
      buffer: buffers[buffer],
      offset,
      size: bytes,
    })),
    ...emitted.tables.map((values) => ({ buffer: tables.bufferOf(values) })),
    ...(emitted.scratch > 0 ? [{ buffer: room! }] : []),
  ];
  const bindings = device.gpu.createBindGroup({
    layout: device.layout(resources.length),
    entries: resources.map((resource, binding) => ({ binding, resource })),
  });
  const dispatches = await Promise.all(
    emitted.passes.map(async ({ code, workgroups }) => ({
      pipeline: await device.pipeline(code, resources.length),
      bindings,
      grid: gridOf(workgroups),
    })),
  );
  return { description: describe(step, program), outputs: step.outputs, dispatches };
}

/** What a person sees of a step. */
function describe(step: Step, { shapeOf }: Program): PlanStep {
  const bytes = 4 * [...step.reads, ...step.outputs].reduce((n, id) => n + sizeOf(shapeOf(id)), 0);
  return { name: step.label, shape: step.out, bytes, flops: step.flops, chunks: 1, once: false };
}
