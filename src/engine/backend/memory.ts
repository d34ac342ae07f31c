// The memory plan: a place in one arena for every value, reused once the value has been read for the last time.
import type { Shape } from "../core/shape.ts";
import type { Graph } from "../graph/ir.ts";

export interface Arena { readonly offsets: ReadonlyMap<number, number>; readonly bytes: number }

/** First-fit over the lifetimes in `order`. Inputs are fed before the first step, so they live from the start. A reshape shares its input's place, so it has none of its own here. */
export function planArena(graph: Graph, reached: readonly number[], bytesOf: (shape: Shape) => number): Arena {
  const isInput = (id: number): boolean => graph.nodes[id].kind === "input";
  const order = [...reached.filter(isInput), ...reached.filter((id) => !isInput(id))];
  const root = new Map<number, number>();
  const lastUse = new Map<number, number>();
  order.forEach((id, time) => {
    const node = graph.nodes[id];
    root.set(id, node.kind === "op" && node.op === "reshape" ? root.get(node.inputs.x)! : id);
    lastUse.set(root.get(id)!, time);
    if (node.kind === "op") for (const input of Object.values(node.inputs)) lastUse.set(root.get(input)!, time);
  });
  for (const id of [...graph.outputs.values(), ...graph.updates.values()]) lastUse.set(root.get(id)!, order.length);
  const endsAt = new Map<number, number[]>();
  for (const [id, time] of lastUse) endsAt.set(time, [...(endsAt.get(time) ?? []), id]);

  const offsets = new Map<number, number>();
  /** Holes below `bytes`, sorted by offset, never adjacent. */
  let holes: { at: number; size: number }[] = [];
  let bytes = 0;
  order.forEach((id, time) => {
    const node = graph.nodes[id];
    if (root.get(id) === id && (node.kind === "op" || node.kind === "input")) {
      const size = Math.max(16, bytesOf(node.shape));
      const hole = holes.find((h) => h.size >= size);
      if (hole) {
        offsets.set(id, hole.at);
        hole.at += size;
        hole.size -= size;
        holes = holes.filter((h) => h.size > 0);
      } else {
        const last = holes.at(-1);
        const at = last && last.at + last.size === bytes ? holes.pop()!.at : bytes;
        offsets.set(id, at);
        bytes = at + size;
      }
    }
    for (const done of endsAt.get(time) ?? []) {
      const at = offsets.get(done);
      if (at === undefined) continue;
      holes.push({ at, size: Math.max(16, bytesOf(graph.nodes[done].shape)) });
      holes.sort((p, q) => p.at - q.at);
      holes = holes.reduce<typeof holes>((merged, h) => {
        const before = merged.at(-1);
        if (before && before.at + before.size === h.at) before.size += h.size;
        else merged.push(h);
        return merged;
      }, []);
    }
  });
  return { offsets, bytes };
}
