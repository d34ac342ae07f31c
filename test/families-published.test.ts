// The families by name: their published sizes and figures, and that a small member of each trains.
import { describe, expect, it } from "vitest";
import { ascentPresets } from "fiducial/audit";
import { gradients, GraphBuilder, openBackend, ops, sizeOf, type Backend } from "fiducial/engine";
import {
  automapArchitecture,
  brainPhantoms,
  coilsFrom,
  daganArchitecture,
  fastMriUnetArchitecture,
  fbpConvNet,
  fbpConvNetArchitecture,
  fitReconstructor,
  gaussianNoise,
  inverseProblem,
  istaNetArchitecture,
  maskFrom,
  measure,
  modlArchitecture,
  multiCoilFourier,
  networkReconstructor,
  reconstruct,
  reconstructionNetworks,
  subsampledFourier,
  varNetArchitecture,
  variableDensityMask,
  variationalNetwork,
  variationalNetworkArchitecture,
  zeroFilled,
  type Operator,
  type ReconstructionNetwork,
  type ReconstructionNetworkName,
} from "fiducial/imaging";
import {
  adam,
  applyNetwork,
  loadNetwork,
  nn,
  parameterShapes,
  rootMeanSquaredError,
  saveNetwork,
  type Network,
} from "fiducial/learning";

/** Numbers that are learned, and running statistics. */
function countsOf(architecture: nn.Architecture): { learned: number; running: number } {
  const counts = { learned: 0, running: 0 };
  for (const [name, shape] of parameterShapes(architecture))
    counts[name.includes("running") ? "running" : "learned"] += sizeOf(shape);
  return counts;
}

describe("published sizes", () => {
  const learned = (architecture: nn.Architecture): number => countsOf(architecture).learned;
  it("FBPConvNet has 34,549,121 weights and 13,824 of batch norm", () => {
    expect(learned(fbpConvNetArchitecture({ size: [32, 32] }))).toBe(34_549_121 + 13_824);
  });
  it("DAGAN has 98,574,337 weights and 26,112 of batch norm, half of which is learned", () => {
    const { learned: own, running } = countsOf(daganArchitecture({ size: [256, 256] }));
    expect([own, own + running]).toEqual([98_574_337 + 13_056, 98_574_337 + 26_112]);
  });
  it("AUTOMAP has 902,498,649 for 19,710 measured values of 128²", () => {
    const measured = Uint8Array.from({ length: 2 * 128 ** 2 }, (_, k) =>
      k % 128 ** 2 < 9855 ? 1 : 0,
    );
    expect(learned(automapArchitecture({ size: 128, measured }))).toBe(902_498_649);
  });
  it("MRI-VN has 65,530, MoDL 113,929 with its statistics, ISTA-Net+ 336,978", () => {
    expect(learned(variationalNetworkArchitecture({ size: [16, 16] }))).toBe(65_530);
    const { learned: own, running } = countsOf(modlArchitecture({ size: [16, 16] }));
    expect(own + running).toBe(113_929);
    expect(learned(istaNetArchitecture({ size: [16, 16] }))).toBe(336_978);
  });
  it("Deep MRI has 565,770", () => {
    const { architecture } = reconstructionNetworks["deep-mri"].published({
      size: [16, 16],
      seed: 1,
    });
    expect(learned(architecture)).toBe(565_770);
  });
  it("fastMRI's U-Net of 32 channels has 7,756,097, E2E-VarNet's twelve of 18 channels 29,452,068, and with its maps' network 29,936,966", () => {
    expect(learned(fastMriUnetArchitecture({ size: [32, 32], channels: 32 }))).toBe(7_756_097);
    expect(learned(varNetArchitecture({ size: [32, 32] }))).toBe(29_452_068);
    expect(learned(varNetArchitecture({ size: [32, 32], sensitivity: { columns: 2 } }))).toBe(
      29_936_966,
    );
  });
});

describe("MRI-VN's figures", () => {
  const w = 0.04;
  it("φ of w = 0.04·μ is optox's", async () => {
    const network = nn.sequential({
      input: [1, 1, 1],
      layers: [nn.radialBasis({ slope: w })],
      seed: 1,
    });
    const b = new GraphBuilder(ops);
    const x = b.input("x", [1, 1, 1, 7]);
    const { y } = applyNetwork(b, network, x, {});
    const zeros = { axes: [0, 1, 2, 3] };
    b.output("y", y);
    b.output("slope", gradients(b, b.emit("sum", { x: y }, zeros), [x])[0]);
    const plan = await (await openBackend("reference")).compile(b);
    const places = [0.1, 0.5, 0.77, 1, 1.2, 0, -0.5];
    const out = await plan.execute({ x: places });
    const known = [
      0.004010605217950554, 0.020053026089752745, 0.030880798514779276, 0.02708034492715038,
      0.00018280539132507913, 0, -0.020053026089752745,
    ];
    // weights are kept in float32
    known.forEach((want, k) => expect(out.y[k]).toBeCloseTo(want, 8));
    expect(out.slope[5]).toBeCloseTo(0.040106044136993896, 7);
  });
  it("one stage of two coils at 16² is its authors' formula", async () => {
    const n = 16;
    const turn = (k: number): number => 2 * Math.PI * k;
    const image = new Float64Array(2 * n * n);
    const maps = new Float64Array(4 * n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const size = 0.5 + 0.3 * Math.sin(turn(i / 8)) + 0.2 * Math.cos(turn(j / 4));
        const phase = 0.3 * Math.sin(turn((i + j) / 16));
        image[i * n + j] = size * Math.cos(phase);
        image[(n + i) * n + j] = size * Math.sin(phase);
        const c = 0.5 * Math.cos(turn(j / 16));
        const sizes = [1 + c, 1 - c];
        [0.2 * i, -0.1 * j].forEach((angle, k) => {
          const s = sizes[k] / Math.hypot(...sizes);
          maps[(2 * k * n + i) * n + j] = s * Math.cos(angle);
          maps[((2 * k + 1) * n + i) * n + j] = s * Math.sin(angle);
        });
      }
    const columns = [0, 3, 6, 7, 8, 9, 12, 15];
    const mask = maskFrom(
      Uint8Array.from({ length: n * n }, (_, k) => (columns.includes(k % n) ? 1 : 0)),
      [n, n],
    );
    const operator = multiCoilFourier({ mask, coils: coilsFrom(maps, [2, 2, n, n]) });
    const fresh = variationalNetwork({ size: [n, n], stages: 1, seed: 1 });
    const kernels = Float32Array.from({ length: 24 * 2 * 121 }, (_, at) => {
      const [l, part, p, q] = [
        Math.floor(at / 242),
        Math.floor(at / 121) % 2,
        Math.floor((at % 121) / 11),
        at % 11,
      ];
      return part === 0
        ? Math.cos(0.3 * (l + 1) * p + 0.2 * q)
        : Math.sin(0.1 * (l + 1) * q - 0.25 * p);
    });
    const withKernels = (network: Network): Network => {
      const kept = [...network.parameters].map(([name, parameter]) => {
        const own = name.endsWith("fieldOfExperts.weight");
        return [name, own ? { ...parameter, data: kernels } : parameter] as const;
      });
      return { ...network, parameters: new Map(kept) };
    };
    const b = new GraphBuilder(ops);
    const y = operator.forward(b, b.input("x", [1, 2, n, n]));
    const initial = operator.adjoint(b, y);
    const physics = {
      y,
      forward: (v: typeof y) => operator.forward(b, v),
      adjoint: (v: typeof y) => operator.adjoint(b, v),
    };
    b.output("u0", initial);
    b.output("u1", applyNetwork(b, withKernels(fresh), initial, { physics }).y);
    const { u0, u1 } = await (await (await openBackend("reference")).compile(b)).execute({
      x: image,
    });
    const peak = Math.max(
      ...Array.from({ length: n * n }, (_, k) => Math.hypot(u0[k], u0[n * n + k])),
    );
    const at = 3 * n + 5;
    // filters and w are kept in float32
    expect(u1[at] / peak).toBeCloseTo(0.7404160800921954, 6);
    expect(u1[n * n + at] / peak).toBeCloseTo(0.03040002267574879, 6);
    expect(Math.hypot(...u1) / peak).toBeCloseTo(9.27697224133709, 5);

    // the learned part alone: −Ru
    const experts = nn.sequential({
      input: [2, n, n],
      layers: [nn.fieldOfExperts({ filters: 24, kernelSize: 11 })],
      seed: 1,
    });
    const alone = new GraphBuilder(ops);
    alone.output(
      "y",
      applyNetwork(alone, withKernels(experts), alone.input("u", [1, 2, n, n]), {}).y,
    );
    const { y: moved } = await (await (await openBackend("reference")).compile(alone)).execute({
      u: Float64Array.from(u0, (v) => v / peak),
    });
    expect(-moved[at]).toBeCloseTo(0.014442230398544706, 8);
    expect(-moved[n * n + at]).toBeCloseTo(0.02224205212178492, 8);
    expect(-moved[0]).toBeCloseTo(-0.0023222445988855, 8);
    expect(-moved[n * n]).toBeCloseTo(-0.002665415681295, 8);
  });
});

describe("small members", () => {
  const shape = [32, 32] as const;
  const operator = subsampledFourier({
    mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.2, seed: 1 }),
  });
  const problem = inverseProblem({
    operator,
    noise: gaussianNoise({ sigma: 0.01 }),
    images: brainPhantoms({ shape, count: 8, seed: 1 }),
  });
  const families = Object.entries<ReconstructionNetwork>(reconstructionNetworks);
  const open = (): Promise<Backend> => openBackend("wasm");
  for (const [name, family] of families)
    it(`${name} trains, is saved, and reconstructs`, async () => {
      const backend = await open();
      const network = family.build({ size: shape, seed: 1, measured: operator.measured });
      const losses: number[] = [];
      const trained = await fitReconstructor(network, {
        problem,
        form: family.form,
        loss: family.loss?.() ?? rootMeanSquaredError(),
        optimizer: adam({ learningRate: 1e-3 }),
        epochs: 5,
        batchSize: family.leastBatch ?? 1,
        seed: 1,
        backend,
        on: { epoch: ({ trainLoss }) => void losses.push(trainLoss) },
      });
      expect(losses.at(-1)).toBeLessThan(losses[0]);
      const method = networkReconstructor({ network: loadNetwork(saveNetwork(trained), "memory") });
      expect(method.name).toBe(network.name ?? method.name);
      const x = await reconstruct(
        method,
        await measure(problem, { image: 0, seed: 1, backend }),
        operator,
        backend,
      );
      expect(x).toHaveLength(sizeOf(operator.domain));
      expect(x.every(Number.isFinite)).toBe(true);
    });
  it("FBPConvNet corrects the operator's own first image", async () => {
    const backend = await open();
    const network = fbpConvNet({ size: shape, baseChannels: 2, levels: 2, seed: 1 });
    const parameters = new Map(
      [...network.parameters].map(([name, p]) => [
        name,
        { ...p, data: new Float32Array(p.data.length) },
      ]),
    );
    const filtered: Operator = {
      ...operator,
      initial: (b, y) => b.emit("mul", { a: operator.adjoint(b, y), b: b.scalar(3) }, {}),
    };
    const y = await measure(problem, { image: 0, seed: 1, backend });
    // a network of zeros adds nothing; that of one channel takes the real part
    const x = await reconstruct(
      networkReconstructor({ network: { ...network, parameters } }),
      y,
      filtered,
      backend,
    );
    const adjoint = await reconstruct(zeroFilled(), y, operator, backend);
    const half = x.length / 2;
    x.forEach((v, k) => expect(v).toBeCloseTo(k < half ? 3 * adjoint[k] : 0, 4));
  });
  it("their published attacks are among the presets, and who has none was not searched", () => {
    const attacks = families.map(([name, { attack }]) => [name, attack]);
    for (const [, attack] of attacks)
      if (attack) expect(Object.keys(ascentPresets)).toContain(attack);
    const names: ReconstructionNetworkName[] = ["deep-mri", "fbpconvnet", "automap", "mri-vn"];
    expect(attacks.filter(([, attack]) => attack).map(([name]) => name)).toEqual(names);
  });
});
