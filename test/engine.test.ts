// What the graph promises: checks where it is written, updates only at the end, exact transforms,
// seeded numbers.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  gradients,
  openBackend,
  ops,
  printGraph,
  random,
  ShapeError,
  sizeOf,
  type Plan,
} from "fiducial/engine";

const conv = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;

describe("graph", () => {
  it("conv2d rejects a channel mismatch and names both shapes", () => {
    const b = new GraphBuilder(ops);
    const x = b.input("x", [1, 3, 8, 8]);
    const w = b.input("w", [4, 2, 3, 3]);
    expect(() => b.emit("conv2d", { x, w }, conv)).toThrow(/\[1×3×8×8\].*\[4×2×3×3\]/);
  });
  it("a missing or ill-sized input is a ShapeError that names it", async () => {
    const b = new GraphBuilder(ops);
    b.output("y", b.emit("neg", { x: b.input("x", [3]) }, {}));
    const plan = await (await openBackend("reference")).compile(b);
    await expect(plan.execute({})).rejects.toThrow(ShapeError);
    await expect(plan.execute({ x: [1, 2] })).rejects.toThrow(/"x" has 2 values/);
  });
  it("prints one line per node", () => {
    const b = new GraphBuilder(ops);
    b.output("y", b.emit("relu", { x: b.input("x", [2]) }, {}));
    expect(printGraph(b)).toBe('%0 = input "x" [2]\n%1 = relu(x: %0) [2]\noutput "y" = %1');
  });
  it("updates parameters only once every derivative is known", async () => {
    const b = new GraphBuilder(ops);
    const u = b.parameter("u", [], Float32Array.of(2));
    const w = b.parameter("w", [], Float32Array.of(3));
    const cost = b.emit("mul", { a: u, b: w }, {});
    const [du, dw] = gradients(b, cost, [u, w]);
    b.update(u, b.emit("sub", { a: u, b: du }, {}));
    b.update(w, b.emit("sub", { a: w, b: dw }, {}));
    const plan = await (await openBackend("reference")).compile(b);
    await plan.execute();
    expect([(await plan.read("u"))[0], (await plan.read("w"))[0]]).toEqual([-1, 1]);
  });
  it.each(["reference", "wasm"] as const)(
    "a parameter that nothing reads keeps what is written, and changes nothing beside it: %s",
    async (name) => {
      const b = new GraphBuilder(ops);
      b.parameter("idle", [50], new Float32Array(50).fill(2));
      const w = b.parameter("w", [3], Float32Array.of(1, 2, 3));
      const scale = b.constant([10, 20, 30], [3]);
      b.output("y", b.emit("mul", { a: w, b: scale }, {}));
      const plan = await (await openBackend(name)).compile(b);
      expect([...(await plan.read("idle"))]).toEqual(new Array(50).fill(2));
      await plan.write("idle", new Float32Array(50).fill(7));
      expect([...(await plan.execute()).y]).toEqual([10, 40, 90]);
      expect([...(await plan.read("idle"))]).toEqual(new Array(50).fill(7));
      expect([...(await plan.read("w"))]).toEqual([1, 2, 3]);
      await expect(plan.write("w", [1, 2])).rejects.toThrow(/2 values for the parameter "w" \[3\]/);
      await expect(plan.write("w", [1, 2, 3, 4])).rejects.toThrow(ShapeError);
    },
  );
  it("the kernel 1 0 −1 finds the edge of the 6×6 image", async () => {
    const b = new GraphBuilder(ops);
    const x = b.constant(
      Array.from({ length: 36 }, (_, i) => (i % 6 < 3 ? 10 : 0)),
      [1, 1, 6, 6],
    );
    const w = b.constant([1, 0, -1, 1, 0, -1, 1, 0, -1], [1, 1, 3, 3]);
    b.output("y", b.emit("conv2d", { x, w }, conv));
    const { y } = await (await (await openBackend("reference")).compile(b)).execute();
    expect([...y]).toEqual([0, 30, 30, 0, 0, 30, 30, 0, 0, 30, 30, 0, 0, 30, 30, 0]);
  });
});

describe.each(["reference", "wasm"] as const)("a plan of %s", (name) => {
  /** w ← w + x, through a chain of `length` large steps that nothing fuses. */
  async function counter(length: number, size: number): Promise<Plan> {
    const b = new GraphBuilder(ops);
    const w = b.parameter("w", [size], new Float32Array(size));
    let value = b.emit("add", { a: w, b: b.input("x", [size]) }, {});
    for (let i = 0; i < length; i++)
      value = b.emit("roll", { x: value }, { axis: 0, shift: i % 2 === 0 ? 1 : -1 });
    b.output("y", value);
    b.output("z", b.emit("neg", { x: value }, {}));
    b.update(w, value);
    return (await openBackend(name, { threads: 1 })).compile(b);
  }
  it("does what it is asked in the order of asking, and reads its inputs before it answers", async () => {
    const plan = await counter(4, 3);
    const { signal } = new AbortController();
    const x = [1, 2, 3];
    const asked = [
      plan.execute({ x }, { signal }),
      plan.execute({ x }, { signal }),
      plan.write("w", [5, 5, 5]),
      plan.execute({ x }),
    ];
    const read = plan.read("w");
    x.fill(100);
    const [first, second, , third] = (await Promise.all(asked)) as Record<
      string,
      ArrayLike<number>
    >[];
    expect([first.y[0], second.y[0], third.y[0], (await read)[0]]).toEqual([1, 2, 6, 6]);
  });
  it("gives only the outputs that are asked for, and names one that it does not have", async () => {
    const plan = await counter(2, 3);
    expect(Object.keys(await plan.execute({ x: [1, 2, 3] }, { outputs: ["z"] }))).toEqual(["z"]);
    await expect(plan.execute({ x: [1, 2, 3] }, { outputs: ["w"] })).rejects.toThrow(
      /no output "w"; it has y, z/,
    );
  });
  it("ends at a signal, with no update, and goes on as if nothing had been", async () => {
    const size = 40_000;
    const plan = await counter(400, size);
    const x = new Float32Array(size).fill(1);
    const controller = new AbortController();
    const running = plan.execute({ x }, { signal: controller.signal });
    queueMicrotask(() => controller.abort(new Error("enough")));
    await expect(running).rejects.toThrow("enough");
    await expect(plan.execute({ x }, { signal: controller.signal })).rejects.toThrow("enough");
    expect((await plan.read("w"))[0]).toBe(0);
    expect((await plan.execute({ x })).y[0]).toBe(1);
  });
});

describe("fft2", () => {
  it("is unitary, and its inverse is its adjoint, to 1e-12 for any size", async () => {
    const backend = await openBackend("reference");
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 13 }),
        fc.integer({ min: 1, max: 13 }),
        fc.integer(),
        async (h, w, seed) => {
          const b = new GraphBuilder(ops);
          const x = b.input("x", [2, h, w]);
          const y = b.input("y", [2, h, w]);
          b.output("Ax", b.emit("fft2", { x }, { inverse: false }));
          b.output("Aty", b.emit("fft2", { x: y }, { inverse: true }));
          const rng = random(seed);
          const draw = (): Float64Array =>
            Float64Array.from({ length: 2 * h * w }, () => rng.normal());
          const feed = { x: draw(), y: draw() };
          const { Ax, Aty } = await (await backend.compile(b)).execute(feed);
          const inner = (p: ArrayLike<number>, q: ArrayLike<number>): number =>
            Array.from(p).reduce((s, v, i) => s + v * q[i], 0);
          const scale = Math.sqrt(inner(Ax, Ax) * inner(feed.y, feed.y));
          expect(Math.abs(inner(Ax, feed.y) - inner(feed.x, Aty)) / scale).toBeLessThan(1e-12);
          expect(Math.abs(inner(Ax, Ax) / inner(feed.x, feed.x) - 1)).toBeLessThan(1e-12);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });
  it("puts DC at (⌊H/2⌋, ⌊W/2⌋) for odd and even sizes", async () => {
    for (const [h, w] of [
      [4, 5],
      [7, 6],
    ]) {
      const b = new GraphBuilder(ops);
      b.output(
        "y",
        b.emit(
          "fft2",
          {
            x: b.constant(
              Array.from({ length: 2 * h * w }, (_, i) => (i < h * w ? 1 : 0)),
              [2, h, w],
            ),
          },
          { inverse: false },
        ),
      );
      const { y } = await (await (await openBackend("reference")).compile(b)).execute();
      expect(y[Math.floor(h / 2) * w + Math.floor(w / 2)]).toBeCloseTo(Math.sqrt(h * w), 12);
    }
  });
});

describe("random", () => {
  it("repeats for a seed, differs between seeds, and is standard normal", () => {
    const a = random(5);
    const c = random(5);
    const draws = Array.from({ length: 20_000 }, () => a.normal());
    expect(draws.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => c.normal()));
    expect(random(6).uniform()).not.toBe(random(5).uniform());
    const mean = draws.reduce((s, v) => s + v, 0) / draws.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(
      Math.abs(draws.reduce((s, v) => s + (v - mean) ** 2, 0) / draws.length - 1),
    ).toBeLessThan(0.05);
    expect(sizeOf([2, 0, 3])).toBe(0);
  });
});
