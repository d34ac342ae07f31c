// A network of this project, exported and imported again: the same audit, figure by figure.
import { describe, expect, it } from "vitest";
import { openBackend } from "fiducial/engine";
import { loadNetwork, nn, saveNetwork, type Network } from "fiducial/learning";
import {
  brainPhantoms,
  exportReconstructor,
  gaussianNoise,
  importedNetwork,
  inverseProblem,
  networkReconstructor,
  subsampledFourier,
  variableDensityMask,
} from "fiducial/imaging";
import { audit, instabilityAscent, structuralChange, worstCasePerturbation } from "fiducial/audit";

const backend = await openBackend("reference");
const shape = [16, 16] as const;
const operator = subsampledFourier({
  mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.2, seed: 1 }),
});
const problem = inverseProblem({
  operator,
  noise: gaussianNoise({ sigma: 0.01 }),
  images: brainPhantoms({ shape, count: 1, seed: 5 }),
});
const unet: Network = nn.unet({
  ...{ inChannels: 2, outChannels: 2, baseChannels: 2, depth: 1, seed: 2 },
  size: shape,
  residual: true,
});
const cascade: Network = {
  ...nn.sequential({
    input: [2, ...shape],
    layers: [
      nn.conv2d({ outChannels: 3, kernelSize: 3, padding: "same" }),
      nn.relu(),
      nn.conv2d({ outChannels: 2, kernelSize: 3, padding: "same" }),
      nn.dataConsistency(),
    ],
    seed: 3,
  }),
  trained: { form: { input: "image", iterations: 2, dataConsistency: true } },
};

const again = (
  network: Network,
  from: Parameters<typeof exportReconstructor>[0]["from"],
): Network =>
  importedNetwork({ bytes: exportReconstructor({ network, from }).bytes, name: "again.onnx" })
    .network;

/** Every number of the result, by its path, without what names the method. */
function figures(value: unknown, path = ""): [string, number][] {
  if (typeof value === "number") return [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, v]) =>
    key === "description" ? [] : figures(v, `${path}.${key}`),
  );
}
async function audited(network: Network): Promise<[string, number][]> {
  const result = await audit({
    problem,
    methods: [networkReconstructor({ network, name: "network" })],
    tests: [
      instabilityAscent({ relativeNorms: [0.02], iterations: 3, maxPsnrLoss: 3 }),
      worstCasePerturbation({ relativeBudgets: [0.02], steps: 3, restarts: 1 }),
      structuralChange({ placements: 2 }),
    ],
    seed: 1,
    backend,
  });
  return figures({ methods: result.methods, tests: result.tests });
}

describe("the audit of an exported network, imported again", () => {
  it.each([
    ["a U-Net, from the zero-filled image", unet, "image"],
    ["an unrolled network, from the measurement", cascade, { measurement: operator }],
  ] as const)("%s: the same figures", async (_, network, from) => {
    const [own, imported] = [await audited(network), await audited(again(network, from))];
    expect(own.length).toBeGreaterThan(30);
    expect(imported.map(([path]) => path)).toEqual(own.map(([path]) => path));
    const apart = own.filter(
      ([, v], i) => Math.abs(v - imported[i][1]) > 1e-4 * Math.max(1e-3, Math.abs(v)),
    );
    expect(apart).toEqual([]);
  });
  it("keeps its figures when it is saved as a checkpoint and read again", async () => {
    const network = again(unet, "image");
    expect(await audited(loadNetwork(saveNetwork(network)))).toEqual(await audited(network));
  });
  it("says which file it is", () => {
    const { description } = networkReconstructor({ network: again(unet, "image") });
    expect(description.onnxSha256).toMatch(/^[0-9a-f]{64}$/);
  });
});
