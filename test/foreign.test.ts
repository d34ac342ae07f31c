// Networks of other makers as methods: their scale, their data consistency, their convention of
// k-space; and the command line's --as and --size.
import { describe, expect, it } from "vitest";
import { openBackend, random, sizeOf } from "fiducial/engine";
import { loadNetwork, nn, saveNetwork, type Network, type Trained } from "fiducial/learning";
import {
  applyOperator,
  fullMask,
  networkReconstructor,
  openMethod,
  reconstruct,
  subsampledFourier,
  variableDensityMask,
  networksByHash,
  networkHash,
} from "fiducial/imaging";
import { npy, zip } from "./fixtures/files.mjs";
import { at, ended, fiducial, file } from "./program.ts";

const normal = (n: number, seed: number): Float64Array => {
  const rng = random(seed);
  return Float64Array.from({ length: n }, () => rng.normal());
};
const backend = await openBackend("reference");
type FormOf = NonNullable<Trained["form"]>;
const formed = (network: Network, form: Partial<FormOf>): Network => {
  const plain = { input: "image", iterations: 1, dataConsistency: false } as const;
  return { ...network, trained: { form: { ...plain, ...form } } };
};

describe("a network", () => {
  const shape = [16, 16] as const;
  const operator = subsampledFourier({
    mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.2, seed: 1 }),
  });
  // biases: no function of degree one by itself
  const layers = [nn.conv2d({ outChannels: 2, kernelSize: 3, padding: "same" }), nn.relu()];
  const network = nn.sequential({ input: [2, ...shape], seed: 3, layers });
  const run = async (scale: FormOf["scale"], factor: number): Promise<Float64Array> => {
    const image = normal(512, 5).map((v) => factor * v);
    const y = await applyOperator(operator, "forward", image, backend);
    return reconstruct(
      networkReconstructor({ network: formed(network, scale ? { scale } : {}) }),
      y,
      operator,
      backend,
    );
  };
  const apart = (p: Float64Array, q: Float64Array): number =>
    Math.max(...p.map((v, i) => Math.abs(v - q[i])));
  it("does not hang on the order of its parameters: saved and loaded it is the same network", () => {
    expect([...network.parameters.keys()]).not.toEqual([...network.parameters.keys()].sort());
    expect(networkHash(loadNetwork(saveNetwork(network)))).toBe(networkHash(network));
  });
  it("rms and peak make it independent of intensity, none does not", async () => {
    for (const scale of ["rms", "peak"] as const) {
      const [once, thousand] = [await run(scale, 1), await run(scale, 1000)];
      expect(
        apart(
          once.map((v) => 1000 * v),
          thousand,
        ),
      ).toBeLessThan(1e-9);
    }
    const [once, twice] = [await run("none", 1), await run("none", 2)];
    expect(
      apart(
        once.map((v) => 2 * v),
        twice,
      ),
    ).toBeGreaterThan(0.01);
    expect(apart(await run(undefined, 1), await run("rms", 1))).toBe(0);
  });
  it("peak gives it images whose largest magnitude is 1, and 0 stays 0", async () => {
    const y = await applyOperator(operator, "forward", normal(512, 5), backend);
    const adjoint = await applyOperator(operator, "adjoint", y, backend);
    const peak = Math.max(...adjoint.slice(0, 256).map((v, i) => Math.hypot(v, adjoint[256 + i])));
    const [own, none] = [await run("peak", 1), await run("none", 1 / peak)];
    expect(
      apart(
        own,
        none.map((v) => peak * v),
      ),
    ).toBeLessThan(1e-12);
    const zero = await reconstruct(
      networkReconstructor({ network: formed(network, { scale: "peak" }) }),
      new Float64Array(512),
      operator,
      backend,
    );
    expect(Math.max(...zero.map(Math.abs))).toBe(0);
  });
  it("and its noisy data consistency are in specs, and others are refused", async () => {
    const noisy = formed(
      nn.sequential({ input: [2, ...shape], seed: 0, layers: [nn.scale({ factor: 0.5 })] }),
      {
        dataConsistency: true,
        noiseLevel: 3,
        scale: "none",
      },
    );
    const y = (await applyOperator(operator, "forward", normal(512, 5), backend)).map((v) => v);
    const sha256 = networkHash(noisy);
    const method = openMethod({ kind: "networkReconstructor", sha256 }, networksByHash([noisy]));
    const k = await applyOperator(
      operator,
      "forward",
      await reconstruct(method, y, operator, backend),
      backend,
    );
    // (Fx + v·y)/(1 + v) with Fx = y/2
    y.forEach((v, i) => expect(k[i]).toBeCloseTo((v / 2 + 3 * v) / 4, 10));
    expect(method.description).toMatchObject({ scale: "none", noiseLevel: 3 });
    expect(() => networkReconstructor({ network: noisy, form: { noiseLevel: -1 } })).toThrow(
      /noise level positive/,
    );
  });
});

describe("a network on k-space", () => {
  it("is given it in its own convention: the corner, unnormalised", async () => {
    const [H, W] = [5, 6];
    const network = formed(nn.sequential({ input: [2, H, W], seed: 0, layers: [nn.scale()] }), {
      input: "measurement",
      scale: "none",
      lowestFrequency: "corner",
      normalization: "unnormalised",
    });
    const operator = subsampledFourier({ mask: fullMask([H, W]) });
    const image = normal(2 * H * W, 7);
    const y = await applyOperator(operator, "forward", image, backend);
    const given = await reconstruct(networkReconstructor({ network }), y, operator, backend);
    // numpy's fft2, by its definition
    for (let k = 0; k < H; k++)
      for (let l = 0; l < W; l++) {
        let [re, im] = [0, 0];
        for (let i = 0; i < H; i++)
          for (let j = 0; j < W; j++) {
            const angle = -2 * Math.PI * ((k * i) / H + (l * j) / W);
            const [a, b] = [image[i * W + j], image[H * W + i * W + j]];
            re += a * Math.cos(angle) - b * Math.sin(angle);
            im += a * Math.sin(angle) + b * Math.cos(angle);
          }
        expect(given[k * W + l]).toBeCloseTo(re, 9);
        expect(given[H * W + k * W + l]).toBeCloseTo(im, 9);
      }
  });
});

describe("the command line", () => {
  const layers = [
    {
      kind: "residual",
      body: [{ kind: "conv2d", outChannels: 2, kernelSize: 3, padding: "same" }],
    },
    { kind: "dataConsistency" },
  ];
  const recipe = (more: object = {}): string =>
    JSON.stringify({
      format: "fiducial-recipe-1",
      name: "Theirs",
      input: [2, 32, 32],
      layers,
      weights: { "0.residual.body.0.conv2d.weight": "w", "0.residual.body.0.conv2d.bias": "b" },
      scale: "peak",
      ...more,
    });
  const array = (shape: number[]): Uint8Array =>
    npy(
      "<f4",
      shape,
      new Uint8Array(
        Float32Array.from({ length: sizeOf(shape) }, (_, i) => 0.01 * Math.sin(i)).buffer,
      ),
    );
  const weights = file("net.npz", zip({ "w.npy": array([2, 2, 3, 3]), "b.npy": array([2]) }));
  const as = file("recipe.json", recipe());
  it("inspects, reconstructs and audits with --as, at another size with --size", () => {
    const looked = fiducial(["inspect", weights, "--as", as]);
    expect(looked.out).toMatch(/0\.residual\.body\.0\.conv2d/);
    expect(looked.out).toMatch(/weights: net\.npz/);
    const made = fiducial([
      "reconstruct",
      "--model",
      weights,
      "--as",
      as,
      "--size",
      "48",
      "--count",
      "1",
      "--out",
      at("r"),
    ]);
    expect(made.out).toMatch(/generated phantom 1/);
    expect(made.err).toMatch(/The model does not say which mask/);
    const audited = fiducial([
      ...[
        "audit",
        "--model",
        weights,
        "--as",
        as,
        "--count",
        "1",
        "--iterations",
        "2",
        "--steps",
        "2",
      ],
      ...["--threads", "2", "--out", at("a")],
    ]);
    expect(audited.err).not.toMatch(/internal error/);
    expect(audited.out).toMatch(/Theirs/);
    expect([0, 1]).toContain(audited.status);
  }, 60_000);
  it("says in one line what does not fit", () => {
    const run = (...args: string[]) => fiducial(["inspect", ...args]);
    const wrong = file(
      "wrong.json",
      recipe({ weights: { "0.residual.body.0.conv2d.weight": "v" } }),
    );
    ended(
      run(weights, "--as", wrong),
      2,
      /4 mismatches/,
      /"v", for .* is not in the file/,
      /"w" of 2×2×3×3 is used by no/,
    );
    ended(run(weights, "--as", file("no.json", "{")), 2, /no JSON/);
    ended(run("--as", as), 2, /give the weights that it describes/);
    ended(run(weights), 2, /safetensors/);
    ended(run(weights, "--as", as, "--size", "7"), 2, /--size/);
  });
});
