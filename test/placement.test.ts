// What every backend builds on, as laws: fusion covers every live node once, placement never puts
// two values into one place at one time.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arithmetic,
  BackendError,
  GraphBuilder,
  gradients,
  ops,
  reachable,
  type Value,
} from "fiducial/engine";
// fusion and placement are no part of the public face
// biome-ignore lint/style/noRestrictedImports: see above
import { fuse, readsOf, type Reach } from "../dist/engine/backend/fusion.js";
// biome-ignore lint/style/noRestrictedImports: see above
import { lifetimesOf, placeByLifetime, placeSideBySide } from "../dist/engine/backend/placement.js";
// biome-ignore lint/style/noRestrictedImports: see above
import type { Lifetime } from "../dist/engine/backend/placement.js";

const lifetimes = fc
  .array(
    fc.record({
      bytes: fc.integer({ min: 0, max: 3000 }),
      from: fc.integer({ min: -1, max: 20 }),
      length: fc.integer({ min: 0, max: 8 }),
      over: fc.array(fc.nat(39), { maxLength: 2 }),
    }),
    { maxLength: 40 },
  )
  .map((all) =>
    all.map(
      ({ bytes, from, length, over }, id): Lifetime => ({
        id,
        bytes,
        from,
        to: from + length,
        over,
      }),
    ),
  );
const layouts = fc.record({
  alignment: fc.constantFrom(16, 64, 256),
  segmentBytes: fc.constantFrom(3072, 4096, 10_000, Number.POSITIVE_INFINITY),
  gap: fc.constantFrom(0, 16),
});

describe("placement", () => {
  it("keeps values that live at one time apart, aligned, and within their segments", () => {
    fc.assert(
      fc.property(lifetimes, layouts, (values, given) => {
        const segmentBytes = Math.max(given.segmentBytes, 3072 + given.alignment);
        const { places, segments } = placeByLifetime(values, { ...given, segmentBytes });
        expect(places.size).toBe(values.length);
        for (const size of segments) expect(size).toBeLessThanOrEqual(segmentBytes);
        for (const { id, bytes } of values) {
          const { segment, offset } = places.get(id)!;
          expect(offset % given.alignment).toBe(0);
          expect(offset + bytes + given.gap).toBeLessThanOrEqual(segments[segment]);
        }
        for (const a of values)
          for (const b of values.slice(a.id + 1)) {
            const [p, q] = [places.get(a.id)!, places.get(b.id)!];
            // a place may be handed on in the step that reads the one and writes the other
            const handed = (x: Lifetime, y: Lifetime): boolean =>
              y.over!.includes(x.id) && x.to === y.from && x.from < y.from;
            const meet = a.from <= b.to && b.from <= a.to && !handed(a, b) && !handed(b, a);
            const overlap =
              p.segment === q.segment &&
              p.offset < q.offset + Math.max(1, b.bytes) &&
              q.offset < p.offset + Math.max(1, a.bytes);
            expect(meet && overlap, `${JSON.stringify(a)} ${JSON.stringify(b)}`).toBe(false);
          }
      }),
      { numRuns: 500, seed: 1 },
    );
  });
  it("uses a place again, and opens a second segment only where the first is full", () => {
    const value = (id: number, from: number, to: number): Lifetime => ({
      id,
      bytes: 100,
      from,
      to,
    });
    const one = placeByLifetime([value(0, 0, 1), value(1, 1, 2), value(2, 2, 3)], {
      alignment: 256,
    });
    expect(one.segments).toEqual([512]);
    expect(one.places.get(2)).toEqual(one.places.get(0));
    const two = placeSideBySide([value(0, 0, 0), value(1, 0, 0), value(2, 0, 0)], {
      alignment: 256,
      segmentBytes: 512,
    });
    expect(two.segments).toEqual([512, 256]);
  });
  it("says how large a value is that no buffer holds", () => {
    const place = (): unknown =>
      placeByLifetime([{ id: 0, bytes: 1000, from: 0, to: 0 }], {
        alignment: 256,
        segmentBytes: 512,
      });
    expect(place).toThrow(BackendError);
    expect(place).toThrow(/needs 1024 bytes, a buffer holds 512/);
  });
});

/**
 * A graph of random elementwise ops, convolutions, broadcasts, reshapes and sums, and its
 * gradients.
 */
const graphs = fc
  .array(fc.tuple(fc.nat(8), fc.nat(50), fc.nat(50)), { minLength: 1, maxLength: 25 })
  .chain((steps) => fc.tuple(fc.constant(steps), fc.boolean(), fc.nat(50)))
  .map(([steps, differentiated, output]) => {
    const b = new GraphBuilder(ops);
    const f = arithmetic(b);
    const shape = [1, 4, 6, 6];
    const w = b.parameter("w", [4, 4, 3, 3], new Float32Array(144).fill(0.1));
    const bias = b.parameter("bias", [1, 4, 1, 1], new Float32Array(4).fill(0.5));
    const made: Value[] = [b.input("x", shape)];
    for (const [kind, i, j] of steps) {
      const [p, q] = [made[i % made.length], made[j % made.length]];
      const next = [
        () => f.add(p, q),
        () => f.mul(p, q),
        () => f.relu(p),
        () => f.add(p, bias),
        () =>
          b.emit(
            "conv2d",
            { x: p, w },
            { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 },
          ),
        () => b.emit("normalize", { x: p }, { axes: [2, 3], epsilon: 1e-5 }),
        () => f.mul(b.emit("broadcast_to", { x: bias }, { shape }), p),
        () => f.reshape(f.reshape(p, [4, 36]), shape),
        () => f.sub(p, b.emit("broadcast_to", { x: f.mean(q) }, { shape })),
      ][kind]();
      made.push(next);
    }
    const y = made[made.length - 1];
    b.output("y", y);
    b.output("z", made[output % made.length]);
    if (differentiated) {
      const [dw] = gradients(b, f.sum(f.square(y)), [w]);
      b.update(w, f.sub(w, f.mul(dw, 0.1)));
    }
    return b;
  });
const reaches: readonly Reach[] = ["nothing", "values", "channels"];

describe("fusion", () => {
  it("does every live op exactly once, after what it reads", () => {
    fc.assert(
      fc.property(
        graphs,
        fc.constantFrom(...reaches),
        fc.constantFrom({ ops: 24, operands: 40 }, { ops: 3, operands: 5 }),
        (graph, reach, limits) => {
          const order = reachable(graph);
          const { groups, root } = fuse(graph, order, {
            reach: (source) =>
              source.op === "conv2d" || source.op === "normalize" ? reach : "nothing",
            limits,
          });
          const done = groups.flatMap((group) => group.nodes.map((node) => node.id));
          expect(new Set(done).size).toBe(done.length);
          const written = new Set(order.filter((id) => graph.nodes[id].kind !== "op"));
          for (const group of groups) {
            for (const id of readsOf(group))
              expect(written.has(root(id)), `${root(id)} is read`).toBe(true);
            for (const id of group.outputs) written.add(id);
            const size = group.nodes.length - (group.expression && group.source ? 1 : 0);
            expect(size).toBeLessThanOrEqual(limits.ops);
          }
          for (const id of [...graph.outputs.values(), ...graph.updates.values()])
            expect(written.has(root(id))).toBe(true);
          // a reshape lies where its input does, a broadcast is read through
          for (const id of order) {
            const node = graph.nodes[id];
            if (node.kind !== "op" || node.op === "reshape" || done.includes(id)) continue;
            expect(node.op).toBe("broadcast_to");
          }
        },
      ),
      { numRuns: 300, seed: 2 },
    );
  });
  it("gives lifetimes in which a value lasts from its writing to its last reader", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const order = reachable(graph);
        const { groups, root } = fuse(graph, order, {
          reach: () => "channels",
          limits: { ops: 24, operands: 40 },
        });
        const steps = groups.map((group) => ({
          reads: readsOf(group),
          outputs: group.outputs,
          inPlace: group.inPlace,
          once: false,
        }));
        const program = { steps, shapeOf: (id: number) => graph.nodes[id].shape, root };
        const isKept = (id: number): boolean =>
          ["parameter", "constant"].includes(graph.nodes[id].kind);
        const spans = new Map(lifetimesOf(graph, order, program, isKept).map((l) => [l.id, l]));
        steps.forEach((step, time) => {
          for (const id of step.reads.map(root).filter((read) => !isKept(read))) {
            expect(spans.get(id)!.from).toBeLessThan(time);
            expect(spans.get(id)!.to).toBeGreaterThanOrEqual(time);
          }
          for (const id of step.outputs) expect(spans.get(id)!.from).toBe(time);
        });
      }),
      { numRuns: 100, seed: 3 },
    );
  });
});
