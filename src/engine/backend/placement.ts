// Where values lie: a place in memory for every value, reused once the value has been read for the
// last time. Memory is one segment or, where a buffer has a largest size, several.
import { BackendError } from "../core/errors.ts";
import { sizeOf, type Shape } from "../core/shape.ts";
import type { Graph } from "../graph/ir.ts";

/** A step as placement sees it: values by id. */
export interface StepValues {
  readonly reads: readonly number[];
  readonly outputs: readonly number[];
  /** Depends on values alone that no run changes: done again only after a write. */
  readonly once: boolean;
  /** Values whose place an output may take if they are read here for the last time. */
  readonly inPlace: readonly number[];
}
export interface Program<Step extends StepValues = StepValues> {
  readonly steps: readonly Step[];
  readonly shapeOf: (id: number) => Shape;
  /** Where a value lies: a reshape lies where its input does. */
  readonly root: (id: number) => number;
}

/** A value that lives from step `from` to step `to`, both included. */
export interface Lifetime {
  readonly id: number;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
  /** Values whose place this one may take, if they end where it begins and are as large. */
  readonly over?: readonly number[];
}
export interface Layout {
  /** Every place begins at a multiple of this, and is at least as long. */
  readonly alignment: number;
  /** Largest size of a segment; there is one segment unless given. */
  readonly segmentBytes?: number;
  /** Bytes left free behind every place. */
  readonly gap?: number;
}
export interface Place {
  readonly segment: number;
  readonly offset: number;
}
export interface Placement {
  readonly places: ReadonlyMap<number, Place>;
  /** Bytes of each segment. */
  readonly segments: readonly number[];
}

interface Hole extends Place {
  readonly size: number;
}

/** One or more segments, and the holes in them. */
class Segments {
  readonly sizes: number[] = [];
  readonly #layout: Layout;
  /** By segment and offset; never adjacent. */
  #holes: Hole[] = [];
  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** The first hole that fits, else the end of the first segment that may grow by so much. */
  take(size: number): Place {
    const hole = this.#holes.find((h) => h.size >= size);
    if (hole) return this.#cut(hole, size);
    const { segmentBytes = Number.POSITIVE_INFINITY } = this.#layout;
    if (size > segmentBytes)
      throw new BackendError(
        `memory: one value needs ${size} bytes, a buffer holds ${segmentBytes}; make the batch or the image smaller`,
        { bytes: size, limit: segmentBytes },
      );
    const segment = this.sizes.findIndex(
      (bytes, i) => bytes - this.#openEnd(i) + size <= segmentBytes,
    );
    if (segment < 0) return { segment: this.sizes.push(size) - 1, offset: 0 };
    const offset = this.sizes[segment] - this.#openEnd(segment);
    this.#holes = this.#holes.filter((h) => h.segment !== segment || h.offset < offset);
    this.sizes[segment] = offset + size;
    return { segment, offset };
  }
  release(freed: readonly Hole[]): void {
    const sorted = [...this.#holes, ...freed].sort(
      (p, q) => p.segment - q.segment || p.offset - q.offset,
    );
    this.#holes = [];
    for (const hole of sorted) {
      const last = this.#holes.at(-1);
      const joins =
        last !== undefined &&
        last.segment === hole.segment &&
        last.offset + last.size === hole.offset;
      if (joins) this.#holes.splice(-1, 1, { ...last, size: last.size + hole.size });
      else this.#holes.push(hole);
    }
  }
  #cut(hole: Hole, size: number): Place {
    const rest = { ...hole, offset: hole.offset + size, size: hole.size - size };
    this.#holes.splice(this.#holes.indexOf(hole), 1, ...(rest.size > 0 ? [rest] : []));
    return { segment: hole.segment, offset: hole.offset };
  }
  /** Size of the hole that a segment ends in. */
  #openEnd(segment: number): number {
    const last = this.#holes.findLast((h) => h.segment === segment);
    return last && last.offset + last.size === this.sizes[segment] ? last.size : 0;
  }
}

const roomOf = (bytes: number, { alignment, gap = 0 }: Layout): number =>
  Math.ceil(Math.max(1, bytes + gap) / alignment) * alignment;

/** Places that values share one after the other: first fit, in the order of `from`. */
export function placeByLifetime(lifetimes: readonly Lifetime[], layout: Layout): Placement {
  const segments = new Segments(layout);
  const places = new Map<number, Place>();
  const byId = new Map(lifetimes.map((l) => [l.id, l]));
  const givers = new Set<number>();
  const byEnd = [...lifetimes].sort((p, q) => p.to - q.to);
  let ended = 0;
  const release = (before: number): void => {
    const freed: Hole[] = [];
    for (; ended < byEnd.length && byEnd[ended].to < before; ended++) {
      const { id, bytes } = byEnd[ended];
      const place = places.get(id);
      if (place && !givers.has(id)) freed.push({ ...place, size: roomOf(bytes, layout) });
    }
    if (freed.length > 0) segments.release(freed);
  };
  for (const { id, bytes, from, over = [] } of [...lifetimes].sort((p, q) => p.from - q.from)) {
    release(from);
    const size = roomOf(bytes, layout);
    const giver = over.find((other) => {
      const l = byId.get(other);
      const ends = l !== undefined && l.to === from && l.from < from;
      return ends && roomOf(l.bytes, layout) === size && !givers.has(other) && places.has(other);
    });
    if (giver !== undefined) givers.add(giver);
    places.set(id, giver === undefined ? segments.take(size) : places.get(giver)!);
  }
  return { places, segments: segments.sizes };
}

/** Places side by side, for values that are kept from run to run. */
export function placeSideBySide(
  values: readonly { id: number; bytes: number }[],
  layout: Layout,
): Placement {
  return placeByLifetime(
    values.map(({ id, bytes }) => ({ id, bytes, from: 0, to: 0 })),
    layout,
  );
}

/**
 * Parameters whose next value may be written straight into their place, as nobody reads the old one
 * later: next value → parameter.
 */
export function updatedInPlace(graph: Graph, { steps, root }: Program): Map<number, number> {
  const targets = new Map<number, number>();
  const outputs = new Set([...graph.outputs.values()].map(root));
  const writer = new Map<number, number>();
  const lastRead = new Map<number, number>();
  steps.forEach((step, time) => {
    for (const id of step.reads) lastRead.set(root(id), time);
    for (const id of step.outputs) writer.set(id, time);
  });
  const wanted = [...graph.updates.values()].map(root);
  for (const [parameter, value] of graph.updates) {
    const next = root(value);
    const time = writer.get(next);
    const asked =
      outputs.has(parameter) ||
      wanted.includes(parameter) ||
      wanted.filter((w) => w === next).length > 1;
    if (time === undefined || asked) continue;
    const read = lastRead.get(parameter) ?? -1;
    const here = read === time && steps[time].inPlace.some((id) => root(id) === parameter);
    if (read < time || here) targets.set(next, parameter);
  }
  return targets;
}

/** Ids of what lasts from run to run: parameters, constants, and what is made once. */
export function keptValues(graph: Graph, order: readonly number[], { steps }: Program): number[] {
  const given = order.filter(
    (id) => graph.nodes[id].kind === "parameter" || graph.nodes[id].kind === "constant",
  );
  return [...given, ...steps.flatMap((step) => (step.once ? step.outputs : []))];
}

/**
 * Lifetimes of the values that have no place of their own (`placed`), inputs first. Inputs are
 * written before the first step, what is asked for lasts to the end.
 */
export function lifetimesOf(
  graph: Graph,
  order: readonly number[],
  { steps, shapeOf, root }: Program,
  placed: (id: number) => boolean,
): Lifetime[] {
  const end = steps.length;
  const spans = new Map<number, { from: number; to: number; over?: readonly number[] }>();
  const isMade = (id: number): boolean => graph.nodes[id]?.kind === "op";
  for (const id of order) if (graph.nodes[id].kind === "input") spans.set(id, { from: -1, to: -1 });
  steps.forEach((step, time) => {
    for (const id of step.reads.map(root)) if (spans.has(id)) spans.get(id)!.to = time;
    const over = step.inPlace.map(root).filter(isMade);
    for (const id of step.outputs) if (!placed(id)) spans.set(id, { from: time, to: time, over });
  });
  for (const id of [...graph.outputs.values(), ...graph.updates.values()].map(root))
    if (spans.has(id)) spans.get(id)!.to = end;
  // values of no size, which no step makes
  for (const id of order)
    if (isMade(id) && root(id) === id && !spans.has(id) && !placed(id) && sizeOf(shapeOf(id)) === 0)
      spans.set(id, { from: -1, to: end });
  return [...spans].map(([id, span]) => ({ id, bytes: 4 * sizeOf(shapeOf(id)), ...span }));
}
