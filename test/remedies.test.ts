// Forms of networks and what makes them stabler: each option does what it says.
import { describe, expect, it } from "vitest";
import { arithmetic, GraphBuilder, gradients, openBackend, ops } from "fiducial/engine";
import {
  adam,
  loadNetwork,
  meanSquaredError,
  nn,
  saveNetwork,
  type Network,
} from "fiducial/learning";
import {
  applyOperator,
  brainPhantoms,
  fitReconstructor,
  gaussianNoise,
  inverseProblem,
  measure,
  misfit,
  nestedMasks,
  networkReconstructor,
  norm,
  reconstruct,
  subsampledFourier,
  trainedOperator,
  variableDensityMask,
  type FitReconstructorOptions,
} from "fiducial/imaging";

const shape = [16, 16] as const;
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.25, seed: 1 }),
});
const problem = inverseProblem({
  operator,
  noise: gaussianNoise({ sigma: 0.01 }),
  images: brainPhantoms({ shape, count: 6, seed: 5 }),
});
const backend = await openBackend("wasm", { threads: 1 });
const unet = nn.unet({
  inChannels: 2,
  outChannels: 2,
  baseChannels: 2,
  depth: 1,
  seed: 2,
  size: shape,
  residual: true,
});
const y = await measure(problem, { image: 0, seed: 1, backend });
/** The losses of one epoch, and the network. */
async function train(
  options: Partial<FitReconstructorOptions>,
  network: Network = unet,
): Promise<{ losses: number[]; trained: Network }> {
  const losses: number[] = [];
  const trained = await fitReconstructor(network, {
    problem,
    loss: meanSquaredError(),
    optimizer: adam({ learningRate: 1e-3 }),
    epochs: 1,
    batchSize: 2,
    seed: 3,
    backend,
    on: {
      step: (p) => {
        losses.push(p.loss);
      },
    },
    ...options,
  });
  return { losses, trained };
}

describe("remedies", () => {
  it("values that are held are constants to the gradient", async () => {
    const b = new GraphBuilder(ops);
    const { mul, sum } = arithmetic(b);
    const x = b.input("x", [2]);
    const squared = mul(x, x);
    const cost = sum(mul(squared, x));
    b.output("all", gradients(b, cost, [x])[0]);
    b.output("held", gradients(b, cost, [x], [squared])[0]);
    const out = await (await (await openBackend("reference")).compile(b)).execute({ x: [2, 3] });
    expect([...out.all]).toEqual([12, 27]);
    expect([...out.held]).toEqual([4, 9]);
  });
  it("an adversary makes the loss larger, the more so the larger its ball and the more its steps", async () => {
    const first = async (adversarial?: {
      relativeBudget: number;
      steps: number;
    }): Promise<number> => (await train(adversarial ? { adversarial } : {})).losses[0];
    const [plain, small, large, longer] = [
      await first(),
      await first({ relativeBudget: 0.02, steps: 1 }),
      await first({ relativeBudget: 0.1, steps: 1 }),
      await first({ relativeBudget: 0.1, steps: 4 }),
    ];
    expect(small).toBeGreaterThan(plain * 1.005);
    expect(large).toBeGreaterThan(small * 1.02);
    expect(longer).toBeGreaterThan(large);
    const { trained } = await train({ adversarial: { relativeBudget: 0.1, steps: 2 } });
    expect(trained.provenance).toMatchObject({ adversarialBudget: 0.1, adversarialSteps: 2 });
  });
  it("more samples make the loss of training at several rates smaller than few do", async () => {
    const few = (await train({ rates: [0.1] })).losses[0];
    const many = (await train({ rates: [0.9] })).losses[0];
    expect(many).toBeLessThan(few);
    expect((await train({ rates: [0.3, 0.6] })).trained.provenance.rates).toEqual([0.3, 0.6]);
  });
  it("smoothing travels with the network, is the same image every time, and fades with its noise", async () => {
    const { trained } = await train({ smoothing: 0.05 });
    const again = loadNetwork(saveNetwork(trained), "memory");
    const method = networkReconstructor({ network: again });
    expect(method.description).toMatchObject({ smoothingSigma: 0.05, smoothingSamples: 8 });
    const [a, b] = [
      await reconstruct(method, y, operator, backend),
      await reconstruct(method, y, operator, backend),
    ];
    expect(b).toEqual(a);
    expect(again.trained).toEqual(trained.trained);
    const { smoothing: _, ...unsmoothed } = again.trained!;
    const other = networkReconstructor({ network: { ...again, trained: unsmoothed } });
    const plain = await reconstruct(other, y, operator, backend);
    const faint = await reconstruct(
      networkReconstructor({ network: again, smoothing: { sigma: 1e-6, samples: 3 } }),
      y,
      operator,
      backend,
    );
    expect(norm(faint.map((v, k) => v - plain[k])) / norm(plain)).toBeLessThan(1e-4);
    expect(norm(a.map((v, k) => v - plain[k])) / norm(plain)).toBeGreaterThan(1e-3);
  });
});

describe("forms", () => {
  it("an unrolled network ends with the measured cells, and shares its weights", async () => {
    const { trained } = await train({ form: { iterations: 3, dataConsistency: true } });
    expect([...trained.parameters.keys()]).toEqual([...unet.parameters.keys()]);
    const method = networkReconstructor({ network: trained });
    expect(method).toMatchObject({
      name: "U-Net",
      description: { iterations: 3, dataConsistency: true },
    });
    const measured = await applyOperator(
      operator,
      "forward",
      await reconstruct(method, y, operator, backend),
      backend,
    );
    expect(norm(measured.map((v, k) => v - y[k])) / norm(y)).toBeLessThan(1e-5);
    const once = await reconstruct(
      networkReconstructor({ network: trained, form: { iterations: 1 } }),
      y,
      operator,
      backend,
    );
    expect(norm(once.map((v, k) => v - y[k]))).toBeGreaterThan(0);
  });
  it("a dense network learns from the measurement itself, at any intensity", async () => {
    const dense = nn.automap({ size: shape, hidden: 40, channels: 3, seed: 1 });
    const { losses, trained } = await train({ form: { input: "measurement" }, epochs: 12 }, dense);
    expect(losses.at(-1)).toBeLessThan(losses[0]);
    const method = networkReconstructor({ network: loadNetwork(saveNetwork(trained), "memory") });
    expect(method).toMatchObject({ name: "AUTOMAP", description: { input: "measurement" } });
    const [x, tenfold] = [
      await reconstruct(method, y, operator, backend),
      await reconstruct(
        method,
        y.map((v) => 10 * v),
        operator,
        backend,
      ),
    ];
    expect(norm(tenfold.map((v, k) => v - 10 * x[k])) / norm(tenfold)).toBeLessThan(1e-4);
  });
  it("a network is called by its maker or by its layers, never by its form; one on y is bound to its operator", () => {
    const trained = {
      form: { input: "measurement" as const, iterations: 1, dataConsistency: false },
    };
    const conv = { kind: "conv2d", outChannels: 2, kernelSize: 3, padding: "same" } as const;
    const plain = nn.sequential({ input: [2, 16, 16], layers: [conv, conv], seed: 1 });
    const nameOf = (network: Network): string => networkReconstructor({ network }).name;
    expect(nameOf(plain)).toBe("network of 2 layers");
    expect(nameOf({ ...plain, name: "mine" })).toBe("mine");
    expect(loadNetwork(saveNetwork({ ...plain, name: "mine" })).name).toBe("mine");
    expect(nameOf({ ...unet, trained })).toBe("U-Net");
    const bound = networkReconstructor({
      network: { ...plain, trained: { ...trained, operator: { ...operator.spec } } },
    });
    expect(misfit(bound, operator)).toBeUndefined();
    const { sampling } = operator;
    expect(
      misfit(bound, sampling.under(nestedMasks(sampling.mask, { rates: [0.8], seed: 1 })[0])),
    ).toMatch(
      /network of 2 layers was made for the operator .*variable-density.*, the problem's is .*nested/,
    );
    expect(
      misfit(networkReconstructor({ network: plain }), sampling.under(sampling.mask)),
    ).toBeUndefined();
  });
  it("what a network was trained for is held to its types", () => {
    const save = (trained: unknown) => () =>
      loadNetwork(saveNetwork({ ...unet, trained } as Network), "net.safetensors");
    const form = { input: "image", iterations: 2, dataConsistency: true };
    expect(save({ form, noiseSigma: 0.1, classes: ["a"] })().trained).toEqual({
      form,
      noiseSigma: 0.1,
      classes: ["a"],
    });
    expect(save(undefined)().trained).toBeUndefined();
    expect(save({ form: { ...form, iterations: "2" } })).toThrow(
      /net\.safetensors: its field trained\.form is .*wrong type/,
    );
    expect(save({ planet: 1 })).toThrow(
      /net\.safetensors: it was trained for "planet", which this version does not know/,
    );
    expect(save([])).toThrow(/no object/);
    const holographic = save({ operator: { kind: "holographic" } })();
    expect(() => trainedOperator(holographic, "net")).toThrow(
      /net: trained\.operator: there is no kind "holographic"/,
    );
  });
  it("refuses what is out of range", async () => {
    expect(() => networkReconstructor({ network: unet, form: { iterations: 0 } })).toThrow(
      /0 iterations/,
    );
    expect(() =>
      networkReconstructor({ network: unet, smoothing: { sigma: 0, samples: 2 } }),
    ).toThrow(/positive/);
    await expect(train({ adversarial: { relativeBudget: 0, steps: 1 } })).rejects.toThrow(
      /budget positive/,
    );
    await expect(train({ rates: [2] })).rejects.toThrow(/in \(0, 1\]/);
  });
});
