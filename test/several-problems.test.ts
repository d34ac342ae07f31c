// Training on problems of several sizes at once, and from a checkpoint's weights.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openBackend } from "fiducial/engine";
import {
  loadNetwork,
  loadTraining,
  meanSquaredError,
  nn,
  saveNetwork,
  saveTraining,
  sgd,
  type Network,
  type TrainingState,
} from "fiducial/learning";
import {
  brainPhantoms,
  deepCascade,
  fitReconstructor,
  gaussianNoise,
  imagesFrom,
  inverseProblem,
  subsampledFourier,
  variableDensityMask,
  type FitReconstructorOptions,
  type InverseProblem,
} from "fiducial/imaging";
import { at, fiducial, file, refused, type Run } from "./program.ts";

const backend = await openBackend("wasm", { threads: 1 });
function problemOf(side: number, sigma: number, count = 1): InverseProblem {
  const shape = [side, side] as const;
  const mask = variableDensityMask({ shape, acceleration: 2, centerFraction: 0.25, seed: 1 });
  return inverseProblem({
    operator: subsampledFourier({ mask }),
    noise: gaussianNoise({ sigma }),
    images: brainPhantoms({ shape, count, seed: side }),
  });
}
const network = deepCascade({ size: [16, 16], channels: 3, cascades: 2, seed: 2 });
const fitted = (options: Partial<FitReconstructorOptions>, from = network): Promise<Network> =>
  fitReconstructor(from, {
    problem: problemOf(16, 0),
    loss: meanSquaredError(),
    optimizer: sgd({ learningRate: 50 }),
    epochs: 1,
    batchSize: 1,
    seed: 3,
    backend,
    ...options,
  });
const weightsOf = ({ parameters }: Network): number[] =>
  [...parameters.keys()].sort().flatMap((name) => [...parameters.get(name)!.data]);
/** How far one step moved every weight. */
async function movedBy(options: Partial<FitReconstructorOptions>, from = network) {
  const [before, after] = [weightsOf(from), weightsOf(await fitted(options, from))];
  return after.map((w, i) => w - before[i]);
}

describe("problems of several sizes", () => {
  // without noise, of one image and one mask each: nothing is drawn
  const [small, large, wide] = [problemOf(16, 0), problemOf(24, 0), problemOf(32, 0)];
  for (const [way, options] of Object.entries({
    plainly: {},
    "with images between": { betweenWeight: 0.3 },
    "against an adversary": { adversarial: { relativeBudget: 0.02, steps: 1 } },
  }))
    it(`a step follows the sum of their gradients, ${way}`, async () => {
      const together = await movedBy({ ...options, problem: small, alsoOn: [large, wide] });
      const apart = await Promise.all(
        [small, large, wide].map((problem) => movedBy({ ...options, problem })),
      );
      const most = Math.max(...together.map(Math.abs));
      expect(most).toBeGreaterThan(1e-4);
      for (const [i, moved] of together.entries()) {
        const sum = apart.reduce((total, own) => total + own[i], 0);
        expect(Math.abs(moved - sum)).toBeLessThan(2e-4 * most);
      }
    });
  it("batch normalisation gathers what it saw of all", async () => {
    const normed = nn.sequential({
      input: [2, 16, 16],
      seed: 1,
      layers: [nn.batchNorm2d(), nn.conv2d({ outChannels: 2, kernelSize: 3, padding: "same" })],
    });
    const both = await fitted({ problem: small, alsoOn: [large] }, normed);
    const one = await fitted({ problem: small }, normed);
    const running = (of: Network) => [...of.parameters].filter(([name]) => /running/.test(name));
    expect(running(both).length).toBeGreaterThan(0);
    expect(running(both)).not.toEqual(running(one));
  });
  it("goes on from any state with the same bits, and refuses other problems", async () => {
    const given = {
      problem: problemOf(16, 0.02, 4),
      alsoOn: [problemOf(24, 0.02, 3)],
      crop: 8,
      otherMasks: 3,
      epochs: 2,
    };
    const states: TrainingState[] = [];
    const on = { checkpoint: (state: TrainingState) => void states.push(state) };
    const whole = await fitted({ ...given, checkpointEvery: 3, on });
    expect(states.length).toBeGreaterThan(1);
    for (const state of states) {
      const resume = loadTraining(saveTraining(state));
      expect(weightsOf(await fitted({ ...given, resume }))).toEqual(weightsOf(whole));
    }
    expect(whole.provenance.alsoOn).toBe("24×24");
    const [resume] = states;
    for (const alsoOn of [[], [problemOf(24, 0.03, 3)], [problemOf(32, 0.02, 3)]])
      await expect(fitted({ ...given, alsoOn, resume })).rejects.toThrow(/with alsoOn/);
  });
  it("every problem is held to what the options ask of one", async () => {
    const rows = inverseProblem({
      operator: large.operator,
      noise: large.noise,
      images: imagesFrom([new Float32Array(2 * 24 * 24).fill(0.5)], [24, 24]),
    });
    await expect(fitted({ alsoOn: [rows], crop: 17 })).rejects.toThrow(/crop 17 needs/);
  });
});

describe("train reconstructor", () => {
  const few = ["--count", "8", "--crop", "0", "--other-masks", "0", "--center-fraction", "0.25"];
  const train = (...args: string[]): Run =>
    fiducial(["train", "reconstructor", "--size", "16", ...few, "--epochs", "1", ...args]);
  const from = file("from.safetensors", saveNetwork({ ...network, name: "mine" }));
  const still = ["--learning-rate", "1e-9", "--json"];

  it("from a checkpoint begins with its weights, its name and its size of network", () => {
    const out = at("moved.safetensors");
    expect(train("--from", from, ...still, "--out", out).status).toBe(0);
    const moved = loadNetwork(readFileSync(out), out);
    expect(moved.name).toBe("mine");
    expect(moved.provenance.startedFrom).toMatch(/^[0-9a-f]{64}$/);
    const [before, after] = [weightsOf(network), weightsOf(moved)];
    expect(Math.max(...after.map((w, i) => Math.abs(w - before[i])))).toBeLessThan(1e-6);
  });
  it("from one at another size keeps the weights and takes the size", () => {
    const out = at("larger.safetensors");
    expect(train("--from", from, "--size", "24", ...still, "--out", out).status).toBe(0);
    expect(loadNetwork(readFileSync(out), out).architecture.input).toEqual([2, 24, 24]);
  });
  it("is not asked to fit the recipe's own network", () => {
    // depth 1 takes sides of 18, the recipe's 3 does not
    const unet = { inChannels: 2, outChannels: 2, baseChannels: 2, depth: 1, seed: 1 };
    const shallow = nn.unet({ ...unet, size: [16, 16], residual: true, norm: "none" });
    const own = file("shallow.safetensors", saveNetwork(shallow));
    const asked = ["--from", own, "--size", "18", "--out", at("deep.safetensors")];
    const run = train("--network", "unet", ...asked, ...still);
    expect(run.status).toBe(0);
  });
  it("other sizes are said in the checkpoint, each with as many images as take equal memory", () => {
    const out = at("sizes.safetensors");
    const run = train("--from", from, "--other-sizes", "24,32", "--json", "--out", out);
    expect(JSON.parse(run.out).provenance).toMatchObject({ samples: 8, alsoOn: "24×24, 32×32" });
  });
  it("refuses what a checkpoint's network has no use for, and files that are none", () => {
    refused(train("--from", from, "--channels", "4"), /--channels: the network is the one of/);
    refused(train("--from", from, "--data-consistency"), /--data-consistency: the network is/);
    refused(train("--from", "none.safetensors"), /none\.safetensors/);
    refused(train("--from", file("empty", "")), /empty/);
    refused(train("--as", "recipe.json"), /--as: give the weights .*--from FILE/);
  });
  it("refuses sizes that are none, or that the network cannot take, before it trains", () => {
    for (const list of ["4", "40.5", "", "24,,32"])
      refused(train("--other-sizes", list), /--other-sizes/);
    const unet = [...few, "--network", "unet", "--depth", "3"];
    refused(train(...unet, "--other-sizes", "36"), /--other-sizes 36: .*not multiples of 8/);
    const automap = train("--network", "automap", "--other-sizes", "24");
    refused(automap, /--other-sizes 24: .*maps \[2×24×24\] to \[2×16×16\]/);
  });
  it("rows at a time are at most those of the smallest size", () => {
    const own = ["--size", "32", "--other-sizes", "24", "--count", "2", "--epochs", "1"];
    const out = at("rows.safetensors");
    const run = fiducial(["train", "reconstructor", ...own, "--json", "--out", out]);
    expect(JSON.parse(run.out).provenance.crop).toBe(24);
  });
});
