// Everything that is said of operators in general, on those without a mask: the classical methods
// get better images than the direct inversion, audits run with the tests that apply, reports say
// how it was measured, and the command line asks for each.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openBackend } from "fiducial/engine";
import { loadNetwork, nn, saveNetwork } from "fiducial/learning";
import {
  analyticEllipses,
  applyOperator,
  birdcageCoils,
  brainPhantoms,
  conjugateGradient,
  fanBeam,
  filteredBackProjection,
  firenet,
  fullMask,
  gaussianNoise,
  inverseProblem,
  magnitude,
  measure,
  multiCoilFourier,
  nonUniformFourier,
  norm,
  openTrajectory,
  parallelBeam,
  psnr,
  reconstruct,
  totalVariation,
  waveletSparsity,
  type Operator,
} from "fiducial/imaging";
import {
  audit,
  instabilityAscent,
  renderHtml,
  renderMarkdown,
  samplingRates,
  structuralChange,
  worstCasePerturbation,
} from "fiducial/audit";
import { at, fiducial, file } from "./program.ts";

const backend = await openBackend("wasm", { threads: 1 });
const shape = [32, 32] as const;
const images = analyticEllipses({ shape, count: 1, seed: 8 });
const cases: [string, Operator, number][] = [
  ["a parallel beam", parallelBeam({ shape, views: 15, detectors: 47, arc: 180 }), 0.1],
  ["a fan beam", fanBeam({ shape, views: 20, detectors: 49, source: 128, detector: 0 }), 0.1],
  [
    "golden-angle spokes",
    nonUniformFourier({ shape, trajectory: { kind: "radial", spokes: 13, samples: 64 } }),
    0.02,
  ],
];

describe.each(cases)("%s", (_, operator, sigma) => {
  const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma }), images });
  const truth = magnitude(images.image(0));
  it("is inverted better by every classical method than directly", async () => {
    const y = await measure(problem, { image: 0, seed: 1, backend });
    const quality = async (method: Parameters<typeof reconstruct>[0]): Promise<number> =>
      psnr(truth, magnitude(await reconstruct(method, y, operator, backend)), 1);
    const direct = await quality(filteredBackProjection());
    expect(direct).toBeGreaterThan(15);
    expect(await quality(totalVariation({ sigma }))).toBeGreaterThan(direct + 2);
    expect(await quality(waveletSparsity({ sigma }))).toBeGreaterThan(direct + 1);
    expect(await quality(firenet({ sigma }))).toBeGreaterThan(direct + 1);
    expect(await quality(conjugateGradient())).toBeGreaterThan(direct);
  }, 60_000);
  it("is audited by the tests that apply, and its report speaks of no mask", async () => {
    const result = await audit({
      problem,
      methods: [totalVariation({ sigma, iterations: 6 }), filteredBackProjection()],
      tests: [
        instabilityAscent({ relativeNorms: [0.02], iterations: 3 }),
        worstCasePerturbation({
          domain: "measurement",
          relativeBudgets: [0.02],
          steps: 3,
          restarts: 1,
        }),
        structuralChange({ placements: 1 }),
        samplingRates(),
      ],
      seed: 2,
      backend,
    });
    const outcomes = Object.fromEntries(result.tests.map(({ id, outcome }) => [id, outcome]));
    expect(outcomes).toMatchObject({
      "sampling-rates": "not-applicable",
      "structural-change": "not-applicable",
    });
    for (const id of ["instability-ascent", "worst-case-perturbation"])
      expect(outcomes[id]).toMatch(/pass|fail/);

    const command = "fiducial audit";
    for (const report of [renderMarkdown(result, { command }), renderHtml(result, { command })]) {
      expect(report).not.toMatch(/% of k-space|with a \w+ mask/);
      expect(report).toContain(operator.name);
    }
  }, 60_000);
});

it("total variation ends at one minimiser, by conjugate gradients or by a majoriser", async () => {
  const operator = parallelBeam({ shape: [16, 16], views: 12, detectors: 24, arc: 180 });
  const { meanSquare: _, ...plain } = operator;
  const own = analyticEllipses({ shape: [16, 16], count: 1, seed: 2 });
  const y = own.measurement(0, operator);
  const by = (of: Operator, iterations: number): Promise<Float64Array> =>
    reconstruct(totalVariation({ lambda: 0.5, rho: 5, iterations }), y, of, backend);
  const [conjugate, majorised] = [await by(operator, 400), await by(plain, 900)];
  const away = norm(conjugate.map((v, k) => v - majorised[k])) / norm(majorised);
  expect(away).toBeLessThan(1e-3);
  // and it is there sooner
  const soon = await by(operator, 30);
  const late = await by(plain, 30);
  const error = (x: Float64Array): number =>
    norm(x.map((v, k) => v - majorised[k])) / norm(majorised);
  expect(error(soon)).toBeLessThan(0.8 * error(late));
}, 60_000);

describe("the command line", () => {
  const network = nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 2,
    depth: 1,
    seed: 1,
    size: [16, 16],
    residual: true,
  });
  const model = file("small.safetensors", saveNetwork(network));
  const short = [
    "--model",
    model,
    "--count",
    "1",
    "--steps",
    "2",
    "--iterations",
    "2",
    "--threads",
    "1",
  ];
  it.each([
    ["radon", ["--views", "9"], /parallelBeam \(views 9, detectors 24, arc 180; simulated\)/],
    ["fan-beam", ["--views", "9", "--source", "40"], /fanBeam \(views 9, detectors 26, source 40/],
    [
      "radial-nufft",
      ["--spokes", "7"],
      /nonUniformFourier \(samplingKind radial, readouts 7, samples 32; simulated\)/,
    ],
  ])(
    "audits by %s",
    (operator, more, said) => {
      const out = at(`audit ${operator}`);
      const args = [
        "audit",
        ...short,
        "--operator",
        operator,
        ...more,
        "--phantoms",
        "ellipses",
        "--out",
        out,
      ];
      const run = fiducial(args);
      expect(run.status, run.err).toBe(0);
      const report = readFileSync(`${out}/report.html`, "utf8");
      expect(report).toMatch(said);
      expect(report).toContain("measured from its formula, not from its pixels");
      expect(report).toContain("filtered back-projection");
      expect(report).not.toContain("% of k-space");
    },
    60_000,
  );
  it.each([
    [
      ["--views", "9"],
      /--views: give --operator radon or fan-beam too.*single-coil has no use for it/,
    ],
    [
      ["--operator", "radon", "--acceleration", "4"],
      /--acceleration is for a mask of k-space, and --operator radon has none/,
    ],
    [["--operator", "radon", "--coils", "4"], /--coils: give --operator multi-coil too/],
    [["--operator", "nufft"], /--operator nufft: give its samples by --trajectory FILE/],
    [
      ["--operator", "multi-coil", "--coils", "espirit"],
      /--coils espirit: they are found in one slice of measured k-space/,
    ],
    [
      ["--operator", "multi-coil", "--phantoms", "ellipses"],
      /measured from their formulas, and multiCoilFourier/,
    ],
  ])(
    "refuses %j in one line",
    (args, message) => {
      const run = fiducial(["audit", ...short, ...args, "--out", at("refused")]);
      expect(run.status).toBe(2);
      expect(run.err.trim()).toMatch(message);
    },
    30_000,
  );
  it("samples along a trajectory from a file, and says what is wrong with one", () => {
    const radial = openTrajectory({ kind: "radial", spokes: 30, samples: 32 }, [16, 16]);
    const given = file("spokes.npy", npy(radial.frequencies, [30, 32, 2], "<f4"));
    const one = [
      "reconstruct",
      "--model",
      model,
      "--phantoms",
      "ellipses",
      "--count",
      "1",
      "--operator",
      "nufft",
    ];
    const args = [
      ...one,
      "--method",
      "filtered-back-projection",
      "--out",
      at("spokes"),
      "--json",
      "--trajectory",
    ];
    const run = fiducial([...args, given]);
    expect(run.status, run.err).toBe(0);
    const { images, operator } = JSON.parse(run.out);
    expect(operator).toMatchObject({
      kind: "nonUniformFourier",
      samplingKind: "file",
      readouts: 30,
      samples: 32,
    });
    expect(images[0].psnr).toBeGreaterThan(15);
    const wide = file(
      "wide.npy",
      npy(
        radial.frequencies.map((v) => 2 * v),
        [30, 32, 2],
        "<f4",
      ),
    );
    const refused = fiducial([...args, wide]);
    expect(refused.status).toBe(2);
    expect(refused.err).toMatch(
      /trajectory: sample 0 is at -16 cycles per field of view; 16×16 pixels have/,
    );
  }, 30_000);
  it.each([
    [
      "fbpconvnet",
      ["--operator", "radon", "--views", "9", "--phantoms", "ellipses"],
      "parallelBeam",
      "filtered back-projection",
    ],
    [
      "e2e-varnet",
      ["--operator", "multi-coil", "--coils", "3", "--phantoms", "brain"],
      "multiCoilFourier",
      "zero-filled",
    ],
  ])(
    "trains %s by %j",
    (network, measured, kind, direct) => {
      const out = at(`${network}.safetensors`);
      const few = ["--size", "16", "--count", "2", "--epochs", "1", "--threads", "1", "--json"];
      const run = fiducial([
        "train",
        "reconstructor",
        "--network",
        network,
        ...measured,
        ...few,
        "--out",
        out,
      ]);
      expect(run.status, run.err).toBe(0);
      const { heldOutPsnr } = JSON.parse(run.out);
      expect(Object.keys(heldOutPsnr)).toContain(direct);
      const { architecture, trained } = loadNetwork(readFileSync(out), out);
      expect(trained?.operator).toMatchObject({ kind });
      // of several coils it finds the maps for itself
      if (network === "e2e-varnet") expect(architecture.layers[0]).toHaveProperty("sensitivities");
    },
    60_000,
  );
  it.each([
    [["--operator", "radon", "--acceleration", "4"], /--acceleration is for a mask of k-space/],
    [["--operator", "radon", "--crop", "8"], /--crop is for a mask of k-space/],
    [["--views", "9"], /--views: give --operator radon or fan-beam too/],
    [
      ["--operator", "multi-coil", "--phantoms", "ellipses"],
      /measured from their formulas, and multiCoilFourier/,
    ],
  ])("refuses to train by %j, in one line", (args, message) => {
    const run = fiducial([
      "train",
      "reconstructor",
      "--size",
      "16",
      "--count",
      "1",
      ...args,
      "--out",
      at("refused"),
    ]);
    expect(run.status).toBe(2);
    expect(run.err.trim()).toMatch(message);
    expect(run.err.trim()).not.toContain("\n");
  });
  it("finds the coils of measured k-space by ESPIRiT", async () => {
    const size = [32, 32] as const;
    const wide = nn.unet({
      inChannels: 2,
      outChannels: 2,
      baseChannels: 2,
      depth: 1,
      seed: 1,
      size,
      residual: true,
    });
    const operator = multiCoilFourier({
      mask: fullMask(size),
      coils: birdcageCoils({ shape: size, coils: 3 }),
    });
    const y = await applyOperator(
      operator,
      "forward",
      brainPhantoms({ shape: size, count: 1, seed: 4 }).image(0),
      backend,
    );
    const kspace = file("coils.npy", npy(pairs(y), [3, ...size], "<c8"));
    const out = at("espirit");
    const args = [
      "reconstruct",
      "--model",
      file("wide.safetensors", saveNetwork(wide)),
      "--kspace",
      kspace,
    ];
    const run = fiducial([
      ...args,
      "--operator",
      "multi-coil",
      "--coils",
      "espirit",
      "--method",
      "conjugate-gradient",
      "--out",
      out,
    ]);
    expect(run.status, run.err).toBe(0);
    expect(readFileSync(`${out}/reconstruction.npy`).length).toBeGreaterThan(32 * 32 * 8);
  }, 30_000);
});

/** [2,coils,H,W] as the pairs of complex64 [coils,H,W]. */
function pairs(y: ArrayLike<number>): Float32Array {
  const half = y.length / 2;
  return Float32Array.from({ length: y.length }, (_, k) => y[(k % 2) * half + Math.floor(k / 2)]);
}
function npy(values: ArrayLike<number>, shape: readonly number[], type: string): Uint8Array {
  const head =
    `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117);
  return Buffer.concat([
    Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]),
    Buffer.from(`${head}\n`, "latin1"),
    Buffer.from(Float32Array.from(values).buffer),
  ]);
}
