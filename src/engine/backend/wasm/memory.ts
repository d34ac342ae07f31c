// Where everything of a plan lies in its one memory: tables, what is kept, the arena, the room that
// passes share, and each thread's scratch.
import { BackendError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Graph } from "../../graph/ir.ts";
import {
  keptValues,
  lifetimesOf,
  placeByLifetime,
  placeSideBySide,
  type Program,
} from "../placement.ts";
import { bytesOf, pointersOf } from "./calls.ts";
import { up } from "./kernel.ts";
import type { Step } from "./lower.ts";
import { ALIGNMENT, SLACK, type Emitted, type Writer } from "./writer.ts";

const PAGE = 65536;
/**
 * Between the threads' scratches: a processor that sees strides fetches ahead of them, and would
 * take lines away from the thread next door, which is writing them.
 */
const SCRATCH_GAP = PAGE;
const MAX_BYTES = 2 ** 32 - PAGE;
const GIB = 2 ** 30;
const MIB = 2 ** 20;

export interface MemoryMap {
  /** Where the records of the passes begin. */
  readonly calls: number;
  /** Byte address of a value. */
  readonly addressOf: (id: number) => number;
  /** Of the room that the passes of a kernel share. */
  readonly shared: number;
  /** Of each thread's scratch. */
  readonly scratch: readonly number[];
  readonly bytes: number;
}

/** `targets`: values that lie in a parameter's place. Throws BackendError beyond 4 GiB. */
export function mapMemory(options: {
  graph: Graph;
  order: readonly number[];
  program: Program<Step>;
  targets: ReadonlyMap<number, number>;
  writer: Writer;
  emitted: readonly Emitted[];
  threads: number;
}): MemoryMap {
  const { graph, order, program, targets, writer, emitted, threads } = options;
  const addresses = new Map<number, number>();
  const keptAt = up(writer.top + bytesOfCalls(program, emitted), ALIGNMENT);
  const kept = placeSideBySide(
    keptValues(graph, order, program).map((id) => ({ id, bytes: 4 * sizeOf(program.shapeOf(id)) })),
    { alignment: ALIGNMENT, gap: ALIGNMENT },
  );
  for (const [id, { offset }] of kept.places) addresses.set(id, keptAt + offset);
  for (const [value, parameter] of targets) addresses.set(value, addresses.get(parameter)!);
  const arenaAt = keptAt + (kept.segments[0] ?? 0) + SLACK;
  const arena = placeByLifetime(
    lifetimesOf(graph, order, program, (id) => addresses.has(id)),
    { alignment: ALIGNMENT },
  );
  for (const [id, { offset }] of arena.places) addresses.set(id, arenaAt + offset);
  const shared = arenaAt + (arena.segments[0] ?? 0) + SLACK;
  const scratch = shared + Math.max(0, ...emitted.map((e) => e.shared)) + SLACK;
  const scratchBytes = writer.scratch + SLACK + (threads > 1 ? SCRATCH_GAP : 0);
  const bytes = scratch + threads * scratchBytes;
  if (bytes > MAX_BYTES)
    throw new BackendError(
      `wasm: this network needs ${bytes} bytes (${(bytes / GIB).toFixed(2)} GiB), WebAssembly addresses ${(MAX_BYTES / GIB).toFixed(2)} GiB; make the batch or the image smaller`,
      { bytes, limit: MAX_BYTES },
    );
  return {
    calls: writer.top,
    addressOf(id) {
      const address = addresses.get(program.root(id));
      if (address === undefined) throw new BackendError(`wasm: value ${id} has no place`, { id });
      return address;
    },
    shared,
    scratch: Array.from({ length: threads }, (_, thread) => scratch + thread * scratchBytes),
    bytes,
  };
}

/** Of the records of all passes. */
const bytesOfCalls = ({ steps }: Program<Step>, emitted: readonly Emitted[]): number =>
  steps.reduce((sum, step, i) => sum + emitted[i].passes.length * bytesOf(pointersOf(step)), 0);

export const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE);
/** Throws BackendError where the machine does not give so much. */
export function allocate(bytes: number, shared: boolean): WebAssembly.Memory {
  const pages = pagesOf(bytes);
  try {
    return new WebAssembly.Memory(
      shared ? { initial: pages, maximum: pages, shared } : { initial: pages },
    );
  } catch {
    throw new BackendError(
      `wasm: the machine did not give the ${(bytes / MIB).toFixed(0)} MiB that this network needs; make the batch or the image smaller`,
      { bytes },
    );
  }
}
