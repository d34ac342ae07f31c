// A page's thread is held up from one look at the clock to the first one behind 16 ms. With a clock
// by which every look is due, what is done between two of them is counted, not timed: bytes of
// kernels, values written into a plan's memory, calls of kernels. How long that takes in Chromium:
// scripts/page-smoothness.mjs.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { GraphBuilder, openBackend, ops, pausing } from "fiducial/engine";
import {
  adam,
  compilePrediction,
  crossEntropy,
  fit,
  nn,
  predict,
  samplesFrom,
  type Network,
} from "fiducial/learning";
import { chromium } from "./lab-page.ts";
// how much code is written at a time does not show from outside
// biome-ignore lint/style/noRestrictedImports: see above
import { FunctionBuilder } from "../dist/engine/backend/wasm/encoder/function.js";

/** Of one kind of work, and the most of it that was done without giving way. */
class Meter {
  #now = 0;
  total = 0;
  most = 0;
  add(amount: number): void {
    this.#now += amount;
    this.total += amount;
    this.most = Math.max(this.most, this.#now);
  }
  turn(): void {
    this.#now = 0;
  }
}
interface Work {
  readonly code: Meter;
  readonly values: Meter;
  readonly calls: Meter;
}

afterEach(() => vi.restoreAllMocks());

/** Counts while every look at the clock finds that a pause is due. */
async function counted(work: () => Promise<unknown>): Promise<Work> {
  const meters: Work = { code: new Meter(), values: new Meter(), calls: new Meter() };
  let clock = 0;
  vi.spyOn(performance, "now").mockImplementation(() => {
    clock += 1000;
    return clock;
  });
  // as in a page, which has no other way
  vi.stubGlobal("setImmediate", undefined);
  const Channel = globalThis.MessageChannel;
  vi.stubGlobal(
    "MessageChannel",
    class extends Channel {
      constructor() {
        super();
        for (const meter of Object.values(meters) as Meter[]) meter.turn();
      }
    },
  );
  const { bytes } = FunctionBuilder.prototype;
  vi.spyOn(FunctionBuilder.prototype, "bytes").mockImplementation(function (this: FunctionBuilder) {
    const code = bytes.call(this);
    meters.code.add(code.length);
    return code;
  });
  const { set } = Float32Array.prototype;
  vi.spyOn(Float32Array.prototype, "set").mockImplementation(function (this: Float32Array, v, at) {
    meters.values.add(v.length);
    set.call(this, v, at);
  });
  const { instantiate } = WebAssembly;
  vi.spyOn(WebAssembly, "instantiate").mockImplementation((async (
    module: WebAssembly.Module,
    imports: WebAssembly.Imports,
  ) => {
    const { exports } = await instantiate(module, imports);
    const told = Object.entries(exports).map(([name, run]) => {
      const watched = (...args: number[]): void => {
        meters.calls.add(1);
        (run as (...args: number[]) => void)(...args);
      };
      return [name, watched];
    });
    return { exports: Object.fromEntries(told) };
  }) as unknown as typeof WebAssembly.instantiate);
  try {
    await work();
  } finally {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  }
  return meters;
}

const networks: Record<string, Network> = {
  "LeNet-5": nn.lenet5({ seed: 0 }),
  "ResNet-20": nn.resnet20({ seed: 0 }),
};
const sizeOf = (network: Network): number =>
  network.architecture.input.reduce((n, side) => n * side, 1);

/** A kernel's code, a piece of values, and the chunks of a step too small for threads. */
function expectSmall(work: Work, about: { code: number; calls: number }): void {
  expect(work.code.most).toBeLessThan(8192);
  expect(work.values.most).toBeLessThan(2 ** 17);
  expect(work.calls.most).toBeLessThanOrEqual(16);
  // what was counted is the work, and far more than one piece of it
  expect(work.code.total).toBeGreaterThan(about.code);
  expect(work.calls.total).toBeGreaterThanOrEqual(about.calls);
}

describe("giving way in Node", () => {
  it("makes no channel, whose first message would load `fetch`", async () => {
    const made = vi.fn();
    vi.stubGlobal("MessageChannel", made);
    let others = 0;
    const count = setInterval(() => others++, 0);
    try {
      const pause = pausing(new AbortController().signal);
      for (const until = performance.now() + 100; performance.now() < until; ) await pause();
    } finally {
      clearInterval(count);
      vi.unstubAllGlobals();
    }
    expect(others).toBeGreaterThan(0);
    expect(made).not.toHaveBeenCalled();
  });
});

describe("what is done in a page without giving way", () => {
  for (const [name, network] of Object.entries(networks)) {
    const { input } = network.architecture;
    it(`${name}, its first prediction, is small`, async () => {
      const backend = await openBackend("wasm", { threads: 1 });
      const inputs = new Float32Array(sizeOf(network));
      const work = await counted(() => predict(network, { inputs, backend }));
      expectSmall(work, { code: 12_000, calls: 12 });
      expect(work.values.total).toBeGreaterThan(60_000);
    });
    it(`${name}, steps of training and their validation, is small`, async () => {
      const backend = await openBackend("wasm", { threads: 1 });
      const inputs = new Float32Array(16 * sizeOf(network));
      const targets = Array.from({ length: 16 }, (_, i) => i % 10);
      const data = samplesFrom({ inputs, inputShape: input, targets });
      const options = { loss: crossEntropy(), optimizer: adam({ learningRate: 1e-3 }), epochs: 2 };
      const work = await counted(() =>
        fit(network, { ...options, data, validation: data, batchSize: 16, seed: 1, backend }),
      );
      expectSmall(work, { code: 70_000, calls: 400 });
    });
  }
  // of the processor's time, which a busy machine does not stretch: 20 ms where it was measured
  it.runIf(chromium)("is no task over 50 ms in Chromium", () => {
    const script = fileURLToPath(new URL("../scripts/page-smoothness.mjs", import.meta.url));
    const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect(stderr, stdout).toBe("");
    expect(stdout.match(/^(LeNet-5|ResNet-20): .* [1-9]\d* +\d+\.\d+ +\d+\.\d+$/gm)).toHaveLength(
      10,
    );
  });
  it("large values are written piece by piece", async () => {
    const backend = await openBackend("wasm", { threads: 1 });
    const size = 5 * 2 ** 19;
    const b = new GraphBuilder(ops);
    const w = b.parameter("w", [size], new Float32Array(size).fill(1));
    b.output("y", b.emit("sum", { x: w }, { axes: [0] }));
    const work = await counted(() => backend.compile(b));
    expect([work.values.total, work.values.most]).toEqual([size, 2 ** 20]);
  });
  it("a signal ends a prediction between two chunks, and the next one is whole", async () => {
    const backend = await openBackend("wasm", { threads: 1 });
    const network = networks["ResNet-20"];
    const inputs = new Float32Array(sizeOf(network)).fill(0.5);
    const wanted = await predict(network, { inputs, backend });
    const other = await compilePrediction(network, { backend });
    const stop = new AbortController();
    await counted(async () => {
      const done = other.execute(inputs, { signal: stop.signal });
      setTimeout(() => stop.abort(new Error("enough")));
      await expect(done).rejects.toThrow("enough");
    });
    expect(await other.execute(inputs)).toEqual(wanted);
  });
});
