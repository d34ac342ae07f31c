// Threads: the same bits for any number of them, and no hang whatever happens to a worker. Fusion
// and recomputation: the same numbers.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as fiducial from "fiducial";
import {
  arithmetic,
  BackendError,
  ConfigError,
  GraphBuilder,
  gradients,
  openBackend,
  ops,
  random,
  type BackendOptions,
  type HostData,
} from "fiducial/engine";
// a worker cannot be lost through the public face
// biome-ignore lint/style/noRestrictedImports: see above
import { FunctionBuilder } from "../dist/engine/backend/wasm/encoder/function.js";
// biome-ignore lint/style/noRestrictedImports: see above
import { address, i32 } from "../dist/engine/backend/wasm/encoder/instructions.js";
// biome-ignore lint/style/noRestrictedImports: see above
import { callingFunctions, pointerOf, writeCall } from "../dist/engine/backend/wasm/calls.js";
// biome-ignore lint/style/noRestrictedImports: see above
import { encodeModule } from "../dist/engine/backend/wasm/encoder/module.js";
// biome-ignore lint/style/noRestrictedImports: see above
import { Pool } from "../dist/engine/backend/wasm/pool.js";
import { trainingBits } from "./fixtures/training-bits.mjs";

const plain = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
function draw(n: number, seed: number): Float32Array {
  const rng = random(seed);
  return Float32Array.from({ length: n }, () => rng.normal());
}

describe("threads", () => {
  it("100 steps of LeNet-5 and 20 of a U-Net end with the same bits on 1, 2, 3 and 7 threads", async () => {
    const { threads, result } = await trainingBits(fiducial, 1);
    expect(threads).toBe(1);
    expect([result.lenet.steps, result.unet.steps]).toEqual([100, 20]);
    for (const count of [2, 3, 7])
      expect(await trainingBits(fiducial, count)).toEqual({ threads: count, result });
  });

  /** A pass whose every chunk but the first never ends, unless it traps. */
  async function endless(
    trap: boolean,
  ): Promise<{ pool: Pool; run: (own: (chunk: number) => void) => void }> {
    const f = new FunctionBuilder();
    f.if(f.params[2], () => (trap ? f.do([0x00]) : f.range(0, 1, 0, () => {})));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const pool = await Pool.open(1, 300);
    await pool.share({
      id: 0,
      module: await WebAssembly.compile(encodeModule([f, ...callingFunctions()], 1)),
      memory,
      scratch: [0, 0],
    });
    writeCall(memory.buffer, 0, { kernel: 0, first: 0, chunks: 2, pointers: [] });
    return { pool, run: (own) => pool.distribute(0, 0, 2, own) };
  }
  it.each([1, 2, 4])(
    "%i workers and this thread do every chunk of every pass exactly once, however few they are",
    async (workers) => {
      const f = new FunctionBuilder();
      const [call, , chunk] = f.params;
      const at = f.i32(address(pointerOf(call, 0), [chunk, 4]));
      f.do(i32.store(at, i32.add(i32.load(at), 1)));
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
      const record = 60_000;
      writeCall(memory.buffer, record, { kernel: 0, first: 0, chunks: 0, pointers: [0] });
      const done = new Int32Array(memory.buffer, 0, record / 4);
      const pool = await Pool.open(workers);
      await pool.share({
        id: 0,
        module: await WebAssembly.compile(encodeModule([f, ...callingFunctions()], 1)),
        memory,
        scratch: Array.from({ length: workers + 1 }, () => 0),
      });
      const rng = random(workers);
      const want = new Int32Array(done.length);
      for (let pass = 0; pass < 3000; pass++) {
        const chunks = rng.uniform() < 0.5 ? 1 + rng.integer(8) : 1 + rng.integer(1000);
        pool.distribute(0, record, chunks, (own) => {
          done[own]++;
        });
        for (let k = 0; k < chunks; k++) want[k]++;
      }
      await pool.close();
      expect(done).toEqual(want);
    },
  );
  it("a worker that is terminated in mid-step is a BackendError, not a hang, and so is every later run", async () => {
    const { pool, run } = await endless(false);
    // this thread dawdles over chunk 0 until the worker has chunk 1, and ends the worker there
    const own = (): void => {
      const until = performance.now() + 200;
      while (performance.now() < until);
      void pool.close();
    };
    expect(() => run(own)).toThrow(BackendError);
    expect(() => run(() => {})).toThrow(/open a new backend/);
  });
  it("a trap in a worker is a BackendError, and the pool goes on", async () => {
    const { pool, run } = await endless(true);
    const dawdle = (): void => {
      const until = performance.now() + 200;
      while (performance.now() < until);
    };
    expect(() => run(dawdle)).toThrow(/failed/);
    expect(() => run(dawdle)).toThrow(/failed/);
    await pool.close();
  });
  it("a worker ended between runs is not missed", async () => {
    const pool = await Pool.open(2, 300);
    await pool.close();
    let done = 0;
    pool.distribute(0, 0, 5, () => {
      done++;
    });
    expect(done).toBe(5);
  });
  it("lets the process end, and says once why it is alone where it must be", () => {
    const script = (
      before: string,
      after: string,
    ): string => `${before} const { openBackend, GraphBuilder, ops } = await import(${JSON.stringify(fileURLToPath(new URL("../dist/index.js", import.meta.url)))});
      const b = new GraphBuilder(ops); b.output("y", b.emit("neg", { x: b.constant(new Float32Array(1e6), [1e6]) }, {}));
      const backend = await openBackend("wasm", { threads: 2 }); await (await backend.compile(b)).execute(); ${after}`;
    const run = (source: string): { status: number | null; stdout: string } =>
      spawnSync(process.execPath, ["--input-type=module", "-e", source], {
        encoding: "utf8",
        timeout: 60_000,
      });
    expect(run(script("", "console.log(backend.threads, backend.notes)"))).toMatchObject({
      status: 0,
      stdout: "2 []\n",
    });
    const alone = run(
      script(
        "delete globalThis.SharedArrayBuffer;",
        "console.log(backend.threads, backend.notes.length, backend.notes[0])",
      ),
    );
    expect(alone).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^1 1 .*cross-origin isolated.*one thread\n$/) as string,
    });
    const refused = run(
      script("WebAssembly.validate = () => false;", "")
        .replace("const backend = await", "await")
        .replace(
          "; await (await backend.compile(b)).execute();",
          ".catch((e) => console.log(e.code, e.message));",
        ),
    );
    expect(refused).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/no SIMD; update it/) as string,
    });
  });
  it("forgotten plans give their shared memory back", () => {
    const source = `const { openBackend, GraphBuilder, ops } = await import(${JSON.stringify(fileURLToPath(new URL("../dist/index.js", import.meta.url)))});
      const backend = await openBackend("wasm", { threads: 2 });
      for (let i = 0; i < 100; i++) { const b = new GraphBuilder(ops); b.output("y", b.emit("neg", { x: b.input("x", [4e6]) }, {})); await (await backend.compile(b)).execute({ x: new Float32Array(4e6) }); await new Promise((done) => setTimeout(done, 5)); }
      console.log(Math.round(process.memoryUsage().rss / 2 ** 20));`;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", source], {
      encoding: "utf8",
      timeout: 120_000,
    });
    expect(status).toBe(0);
    // a hundred plans of 31 MiB
    expect(Number(stdout)).toBeLessThan(1500);
  });
  it("wrong options are one clear line", async () => {
    await expect(openBackend("wasm", { threads: 0 })).rejects.toThrow(ConfigError);
    await expect(openBackend("wasm", { threads: 2.5 })).rejects.toThrow(
      /whole number from 1 to 64, got 2.5/,
    );
    await expect(openBackend("wasm", { precision: "sloppy" as never })).rejects.toThrow(
      /"reproducible" or "fast", got "sloppy"/,
    );
  });
});

/**
 * conv → normalise → ReLU → conv with a skip, its loss, the gradients of everything, and an update
 * of one parameter.
 */
function sample(channels: number, size: number): GraphBuilder {
  const b = new GraphBuilder(ops);
  const f = arithmetic(b);
  const x = b.input("x", [2, channels, size, size]);
  const [w, v, bias] = [
    b.parameter("w", [channels, channels, 3, 3], draw(channels * channels * 9, 1)),
    b.parameter("v", [channels, channels, 3, 3], draw(channels * channels * 9, 2)),
    b.parameter("bias", [channels], draw(channels, 3)),
  ];
  const conv = (p: typeof x, q: typeof x): typeof x => b.emit("conv2d", { x: p, w: q }, plain);
  const h = f.relu(b.emit("normalize", { x: conv(x, w) }, { axes: [2, 3], epsilon: 1e-5 }));
  const y = f.relu(f.add(f.add(conv(h, v), f.reshape(bias, [1, channels, 1, 1])), x));
  const cost = f.mean(f.square(f.sub(y, 0.3)));
  b.output("y", y);
  gradients(b, cost, [x, w, v, bias]).forEach((g, i) => {
    b.output(`d${i}`, g);
    if (i === 3) b.update(bias, f.sub(bias, f.mul(g, 0.5)));
  });
  return b;
}
const relative = (a: HostData, b: HostData): number =>
  Math.sqrt(a.reduce((s, x, i) => s + (x - b[i]) ** 2, 0) / a.reduce((s, x) => s + x * x, 1e-300));

describe("plans", () => {
  const run = async (
    b: GraphBuilder,
    x: Float32Array,
    options: BackendOptions,
  ): Promise<Record<string, HostData>> => {
    const plan = await (await openBackend("wasm", options)).compile(b);
    await plan.execute({ x });
    return { ...(await plan.execute({ x })), bias: await plan.read("bias") };
  };
  it.each([
    [1, 1],
    [5, 7],
    [16, 9],
    [19, 13],
    [24, 32],
    [33, 6],
  ])(
    "%i channels of %i²: Winograd's and the direct form, fused, agree with float64 to 1e-5 on every gradient",
    async (channels, size) => {
      const b = sample(channels, size);
      const x = draw(2 * channels * size * size, 4);
      const reference = await (await openBackend("reference")).compile(b);
      await reference.execute({ x });
      const want = { ...(await reference.execute({ x })), bias: await reference.read("bias") };
      for (const options of [
        { threads: 1 },
        { threads: 2, convolution: "direct" },
        { threads: 1, precision: "fast" },
      ] as const) {
        const got = await run(b, x, options);
        for (const [name, value] of Object.entries(want))
          expect(relative(value, got[name]), `${name} ${JSON.stringify(options)}`).toBeLessThan(
            1e-5,
          );
      }
    },
  );
  it.each([[2, 3], [0, 2, 3], [1, 2, 3], [3], [0, 1, 2, 3], [0]].map((axes) => [axes]))(
    "normalising over axes %j, then a factor and a term per channel, agrees with float64",
    async (axes) => {
      const b = new GraphBuilder(ops);
      const f = arithmetic(b);
      const x = b.input("x", [3, 5, 4, 6]);
      const perChannel = (seed: number): typeof x =>
        b.parameter(`p${seed}`, [1, 5, 1, 1], draw(5, seed));
      b.output(
        "y",
        f.relu(
          f.add(
            f.mul(b.emit("normalize", { x }, { axes, epsilon: 1e-5 }), perChannel(1)),
            perChannel(2),
          ),
        ),
      );
      const feed = { x: draw(360, 3) };
      const [want, got] = await Promise.all(
        (["reference", "wasm"] as const).map(async (name) =>
          (await (await openBackend(name)).compile(b)).execute(feed),
        ),
      );
      expect(relative(want.y, got.y)).toBeLessThan(1e-5);
    },
  );
  it("the gradient of a whole U-Net agrees with float64 to 1e-5 with Winograd's form on", async () => {
    const { nn, applyNetwork } = fiducial;
    const b = new GraphBuilder(ops);
    const x = b.input("x", [1, 1, 32, 32]);
    const { y, parameters } = applyNetwork(
      b,
      nn.unet({
        inChannels: 1,
        outChannels: 1,
        baseChannels: 16,
        depth: 2,
        seed: 5,
        size: [32, 32],
      }),
      x,
    );
    const f = arithmetic(b);
    gradients(b, f.mul(f.sum(f.square(y)), 0.5), [x, ...[...parameters].map(([, p]) => p)]).forEach(
      (g, i) => b.output(`d${i}`, g),
    );
    const feed = { x: draw(1024, 6) };
    const want = await (await (await openBackend("reference")).compile(b)).execute(feed);
    const plan = await (await openBackend("wasm")).compile(b);
    expect(plan.steps.filter((s) => s.name.includes("winograd")).length).toBeGreaterThan(10);
    const got = await plan.execute(feed);
    const all = (values: Record<string, HostData>): Float64Array =>
      Float64Array.from(Object.values(values).flatMap((v) => [...v]));
    expect(relative(all(want), all(got))).toBeLessThan(1e-5);
    expect(relative(want.d0, got.d0)).toBeLessThan(1e-5);
  });
  it("fuses what can be fused, and packs weights once that nothing changes", async () => {
    const names = (await (await openBackend("wasm")).compile(sample(16, 16))).steps.map(
      (s) => s.name,
    );
    expect(names.some((name) => name.startsWith("conv2d winograd + add + add + relu"))).toBe(true);
    expect(names).toContain("normalize + relu");
    const { steps } = await (await openBackend("wasm")).compile(sample(16, 16));
    expect(steps.filter((s) => s.once).map((s) => s.name)).toEqual([
      "winograd weights",
      "winograd weights",
      "winograd weights",
      "winograd weights",
    ]);
  });
  it("sees a weight that was written, though its packed form is kept from run to run", async () => {
    const b = sample(16, 12);
    const x = draw(2 * 16 * 144, 4);
    const plan = await (await openBackend("wasm")).compile(b);
    const before = (await plan.execute({ x })).y;
    await plan.write("w", draw(16 * 16 * 9, 9));
    const after = (await plan.execute({ x })).y;
    expect(relative(before, after)).toBeGreaterThan(0.1);
    await plan.write("w", draw(16 * 16 * 9, 1));
    await plan.write("bias", draw(16, 3));
    expect((await plan.execute({ x })).y).toEqual(before);
  });
  it("recomputing instead of keeping gives the same bits in less memory", async () => {
    const { nn, applyNetwork } = fiducial;
    const b = new GraphBuilder(ops);
    const x = b.input("x", [4, 1, 64, 64]);
    const { y, parameters } = applyNetwork(
      b,
      nn.unet({
        inChannels: 1,
        outChannels: 1,
        baseChannels: 8,
        depth: 2,
        seed: 5,
        size: [64, 64],
      }),
      x,
    );
    const f = arithmetic(b);
    gradients(
      b,
      f.sum(f.square(y)),
      [...parameters].map(([, p]) => p),
    ).forEach((g, i) => b.output(`d${i}`, g));
    const feed = { x: draw(4 * 4096, 6) };
    const [kept, again] = await Promise.all(
      (["kept", "recomputed"] as const).map(async (memory) =>
        (await openBackend("wasm", { threads: 1, memory })).compile(b),
      ),
    );
    expect(await again.execute(feed)).toEqual(await kept.execute(feed));
    expect(again.memoryBytes).toBeLessThan(0.9 * kept.memoryBytes);
  });
  it("recomputes by itself what would not fit otherwise", async () => {
    const { nn, applyNetwork } = fiducial;
    const b = new GraphBuilder(ops);
    const size = [1376, 1376] as const;
    const network = nn.unet({
      inChannels: 1,
      outChannels: 1,
      baseChannels: 32,
      depth: 4,
      seed: 5,
      size,
    });
    const { y, parameters } = applyNetwork(b, network, b.input("x", [1, 1, ...size]));
    const f = arithmetic(b);
    const weights = [...parameters].map(([, p]) => p);
    gradients(b, f.sum(f.square(y)), weights).forEach((g, i) => b.output(`d${i}`, g));
    const compile = async (memory: "kept" | "auto"): Promise<number> =>
      (await (await openBackend("wasm", { threads: 1, memory })).compile(b)).memoryBytes;
    await expect(compile("kept")).rejects.toThrow(/GiB|MiB|bytes/);
    expect(await compile("auto")).toBeLessThan(2 ** 32);
  });
  it("profiles every step of a run", async () => {
    const plan = await (await openBackend("wasm")).compile(sample(16, 16));
    const x = draw(2 * 16 * 256, 1);
    const rows = await plan.profile({ x });
    expect(rows.map((r) => r.step)).toEqual(plan.steps.filter((s) => !s.once));
    expect(rows.every((r) => r.ms >= 0)).toBe(true);
  });
});

describe("unusual shapes", () => {
  const convolve = async (
    x: readonly number[],
    w: readonly number[],
    attrs: typeof plain | object,
  ): Promise<number> => {
    const b = new GraphBuilder(ops);
    const full = { ...plain, ...attrs };
    const [image, weights] = [b.input("x", x), b.input("w", w)];
    const y = b.emit("conv2d", { x: image, w: weights }, full);
    b.output("y", y);
    const f = arithmetic(b);
    gradients(b, f.sum(f.square(y)), [image, weights]).forEach((g, i) => b.output(`d${i}`, g));
    const feed = {
      x: draw(
        x.reduce((p, q) => p * q, 1),
        1,
      ),
      w: draw(
        w.reduce((p, q) => p * q, 1),
        2,
      ),
    };
    const [want, got] = await Promise.all(
      (["reference", "wasm"] as const).map(
        async (name) =>
          await (await (await openBackend(name, { threads: 3 })).compile(b)).execute(feed),
      ),
    );
    return Math.max(0, ...Object.entries(want).map(([name, v]) => relative(v, got[name])));
  };
  it.each([
    ["a 1×1 image", [1, 17, 1, 1], [18, 17, 3, 3], {}],
    ["no image at all", [0, 3, 8, 8], [4, 3, 3, 3], {}],
    ["a kernel larger than the image", [1, 3, 4, 5], [2, 3, 11, 11], { padding: [5, 5] }],
    [
      "strides larger than the kernel",
      [2, 5, 17, 19],
      [7, 5, 2, 3],
      { stride: [4, 5], padding: [0, 1] },
    ],
    ["channels not divisible by 4, with Winograd's form", [3, 21, 11, 14], [19, 21, 3, 3], {}],
    ["depthwise", [2, 18, 15, 13], [18, 1, 3, 3], { groups: 18 }],
    ["5×5 with Winograd's form", [2, 13, 11, 14], [9, 13, 5, 5], { padding: [2, 1] }],
    ["one row", [1, 16, 1, 300], [16, 16, 3, 3], {}],
    ["a large image of one channel", [1, 1, 257, 255], [3, 1, 5, 5], { padding: [2, 2] }],
    ["padding wider than the kernel", [1, 16, 6, 6], [16, 16, 3, 3], { padding: [4, 3] }],
    ["a long dilation", [1, 4, 30, 30], [6, 4, 3, 3], { dilation: [7, 9], padding: [7, 9] }],
  ] as const)("%s agrees with the definition", async (_name, x, w, attrs) => {
    expect(await convolve(x, w, attrs)).toBeLessThan(1e-5);
  });
  it("what follows a convolution of no channels is still done", async () => {
    const b = new GraphBuilder(ops);
    const f = arithmetic(b);
    const y = b.emit(
      "conv2d",
      { x: b.input("x", [1, 0, 5, 5]), w: b.parameter("w", [9, 0, 3, 3], new Float32Array(0)) },
      plain,
    );
    b.output("y", f.relu(f.add(y, b.parameter("bias", [1, 9, 1, 1], draw(9, 1)))));
    const [want, got] = await Promise.all(
      (["reference", "wasm"] as const).map(async (name) =>
        (await (await openBackend(name)).compile(b)).execute({ x: [] }),
      ),
    );
    expect([...got.y]).toEqual([...want.y]);
    expect(Math.max(...got.y)).toBeGreaterThan(0);
  });
  it("a kernel that does not fit, and memory that does not exist, are one clear error", async () => {
    await expect(convolve([1, 3, 4, 5], [2, 3, 7, 7], { padding: [0, 0] })).rejects.toThrow(
      /does not fit/,
    );
    const b = new GraphBuilder(ops);
    b.output(
      "y",
      b.emit(
        "conv2d",
        {
          x: b.input("x", [1, 64, 4096, 4096]),
          w: b.parameter("w", [64, 64, 3, 3], draw(36864, 1)),
        },
        plain,
      ),
    );
    await expect((await openBackend("wasm")).compile(b)).rejects.toThrow(
      /needs \d{10,} bytes \(\d+\.\d\d GiB\)/,
    );
  });
});
