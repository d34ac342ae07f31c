// Where values lie on the card: what is kept from run to run in buffers of its own, the rest in
// buffers that values share one after the other.
import { BackendError } from "../../core/errors.ts";
import { formatShape, sizeOf } from "../../core/shape.ts";
import type { Graph } from "../../graph/ir.ts";
import {
  keptValues,
  lifetimesOf,
  placeByLifetime,
  placeSideBySide,
  type Placement,
  type Program,
} from "../placement.ts";

/** Where bindings may begin on every card. */
const ALIGNMENT = 256;

/** What of a card's limits bears on a plan's memory. */
export interface MemoryLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
}
/** A value's place: `buffer` counts the plan's buffers. */
export interface Place {
  readonly buffer: number;
  readonly offset: number;
  readonly bytes: number;
}
export interface MemoryMap {
  readonly placeOf: (id: number) => Place;
  /** Bytes of every buffer. */
  readonly buffers: readonly number[];
  readonly bytes: number;
}

/** `targets`: values that lie in a parameter's place. Throws BackendError for too large a value. */
export function mapMemory(options: {
  graph: Graph;
  order: readonly number[];
  program: Program;
  targets: ReadonlyMap<number, number>;
  limits: MemoryLimits;
}): MemoryMap {
  const { graph, order, program, targets, limits } = options;
  const { shapeOf } = program;
  checkSizes(program, order, limits);
  const layout = {
    alignment: ALIGNMENT,
    segmentBytes: limits.maxBufferSize - (limits.maxBufferSize % ALIGNMENT),
  };
  const keptIds = keptValues(graph, order, program).map((id) => ({
    id,
    bytes: 4 * sizeOf(shapeOf(id)),
  }));
  const kept = placeSideBySide(keptIds, layout);
  const isPlaced = (id: number): boolean => kept.places.has(id) || targets.has(id);
  const arena = placeByLifetime(lifetimesOf(graph, order, program, isPlaced), layout);
  const find = (id: number): { placement: Placement; first: number; at: number } => {
    const at = targets.get(id) ?? id;
    return kept.places.has(at)
      ? { placement: kept, first: 0, at }
      : { placement: arena, first: kept.segments.length, at };
  };
  const buffers = [...kept.segments, ...arena.segments];
  return {
    placeOf(id) {
      const { placement, first, at } = find(program.root(id));
      const { segment, offset } = placement.places.get(at)!;
      return { buffer: first + segment, offset, bytes: 4 * Math.max(1, sizeOf(shapeOf(id))) };
    },
    buffers,
    bytes: buffers.reduce((sum, n) => sum + n, 0),
  };
}

/** Said before anything is made: a value larger than a shader can be bound to. */
function checkSizes({ shapeOf }: Program, order: readonly number[], limits: MemoryLimits): void {
  const limit = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  for (const id of order) {
    const bytes = 4 * sizeOf(shapeOf(id));
    if (bytes > limit)
      throw new BackendError(
        `webgpu: a value of shape ${formatShape(shapeOf(id))} needs ${bytes} bytes, this adapter binds ${limit} at once; make the batch or the image smaller, or use the wasm backend`,
        { bytes, limit },
      );
  }
}
