// Methods without a gradient: what they are asked, and the search that stands in, held against the
// one along gradients on methods of which both can be had.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { random } from "fiducial/engine";
import {
  audit,
  badReconstructionLikelihood,
  instabilityAscent,
  openAsking,
  practicalFaults,
  samplingRates,
  spsa,
  squareAttack,
  structuralChange,
  worstCasePerturbation,
  type Asked,
  type AuditResult,
  type StabilityTest,
} from "fiducial/audit";
import { loadNetwork } from "fiducial/learning";
import {
  atImageSize,
  networkReconstructor,
  norm,
  openReconstruct,
  reconstruct,
  totalVariation,
  zeroFilled,
  type BlackBox,
  type Method,
  type Reconstructor,
} from "fiducial/imaging";
import { backend, images, operator, problem, shape } from "./stub-problem.ts";

const brought = (name: string): Reconstructor => {
  const path = fileURLToPath(new URL(`../weights/${name}.safetensors`, import.meta.url));
  return networkReconstructor({
    network: atImageSize(loadNetwork(readFileSync(path), name), shape),
  });
};
interface Counted extends BlackBox {
  readonly calls: number[];
}
/** The same method as a program, which counts what it is asked. */
async function asProgram(
  method: Reconstructor,
  together = 1,
  followsMask = false,
): Promise<Counted> {
  const calls: number[] = [];
  return {
    name: `${method.name} as a program`,
    description: { kind: "program" },
    together,
    followsMask,
    calls,
    async run(ys, on) {
      calls.push(ys.length);
      return (await openReconstruct(method, on, backend))(ys);
    },
  };
}
const audited = (methods: readonly Method[], ...tests: StabilityTest[]): Promise<AuditResult> =>
  audit({ problem, methods, tests, seed: 3, backend, imageCount: 1 });
const verdict = (result: AuditResult, test: number, { name }: { name: string }) =>
  result.tests[test + 1].verdicts.find((v) => v.method === name)!;

describe("the search without gradients", () => {
  const budget = 0.05;
  const test = worstCasePerturbation({ relativeBudgets: [budget], queries: 120, steps: 20 });
  it.each([
    ["the cascade", () => brought("cascade-128")],
    ["the U-Net", () => brought("unet-128")],
    ["total variation", () => totalVariation({ sigma: 0.005 })],
  ])("finds more than noise and less than gradients, inside the same ball: %s", async (_, open) => {
    const method = open();
    const program = await asProgram(method, 16);
    const result = await audited([method, program], test);
    const of = ({ name }: Method) => result.tests[1].measurements.filter((m) => m.method === name);
    const [own, asked] = [of(method), of(program)];
    expect(asked[0].relativeNorm).toBeLessThan(budget * 1.00001);
    expect(asked[0].psnr.after).toBeLessThan(asked[0].noise.worstPsnr!);
    expect(asked[0].psnr.after).toBeGreaterThan(own[0].psnr.after);
    expect(asked[0].psnr.before).toBeCloseTo(own[0].psnr.before, 3);
    const { curve = [], queries } = asked[0].search!;
    expect(queries).toBeLessThanOrEqual(120 + 24);
    // every value is the best so far
    expect(curve).toEqual([...curve].sort((a, b) => a - b));
    expect(verdict(result, 0, program).outcome).not.toBe("pass");
    expect(verdict(result, 0, program).explanation).toMatch(/without gradients/);
    expect(own[0].search!.queries).toBeUndefined();
    const details = JSON.stringify(result.tests[1].details);
    // everything that is shown of it says how it was found, and every picture is there
    expect(details).toContain(`${program.name} (no gradients)`);
    expect(details).not.toContain(`"text":"${program.name}"`);
    expect(details).not.toContain(`"name":"${program.name}"`);
    const shown = [...details.matchAll(/"picture":"([^"]*)"/g)].map(([, id]) => id);
    expect(shown.filter((id) => result.pictures[id] === undefined)).toEqual([]);
    expect(shown.some((id) => id === `reconstruction 0 ${program.name}`)).toBe(true);
  });
  it("asks as often as it says, in groups, and finds the same again", async () => {
    const small = worstCasePerturbation({ relativeBudgets: [0.02, 0.05], queries: 30 });
    const program = await asProgram(zeroFilled(), 7);
    const first = await audited([program], small);
    const searched = first.tests[1].measurements.reduce((n, m) => n + m.search!.queries!, 0);
    // undisturbed three times, once with other noise, and each finding beside eight draws of noise
    const around = 4 + 1 + 2 * (1 + 8);
    expect(program.calls.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(searched + around);
    expect(program.calls.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(searched);
    expect(Math.max(...program.calls)).toBe(7);
    expect(
      (await audited([await asProgram(zeroFilled(), 3)], small)).tests[1].measurements,
    ).toEqual(first.tests[1].measurements);
  });
  it.each(["measurement", "image"] as const)(
    "keeps every cell of the %s inside ℓ∞, and looks in a region",
    async (domain) => {
      const test = worstCasePerturbation({
        domain,
        ball: "linf",
        relativeBudgets: [0.02],
        queries: 30,
        region: [4, 4, 9, 9],
      });
      const result = await audited([await asProgram(zeroFilled(), 8)], test);
      const [m] = result.tests[1].measurements;
      const cells = domain === "image" ? shape[0] * shape[1] : operator.measured.length / 2;
      const largest =
        domain === "image" ? 1 : Math.max(...(await measuredOnce()).map(Math.abs)) * Math.SQRT2;
      expect(m.norm).toBeLessThanOrEqual(0.02 * largest * Math.sqrt(cells) * 1.001);
      expect(m.norm).toBeGreaterThan(0);
      expect(m.search!.curve!.at(-1)!).toBeGreaterThan(m.search!.curve![0]);
    },
  );
  it("a harm that it finds is a failure: a program that answers sixtyfold to one faint blot", async () => {
    const [H, W] = shape;
    const inside = (k: number): boolean =>
      k < H * W && Math.floor(k / W) % 20 < 12 && (k % W) % 20 < 12;
    const blot = Float64Array.from({ length: 2 * H * W }, (_, k) => (inside(k) ? 1 : 0));
    const e = blot.map((v) => v / norm(blot));

    const clean = await reconstruct(zeroFilled(), await measuredOnce(), operator, backend);
    const fragile: BlackBox = {
      ...(await asProgram(zeroFilled())),
      name: "fragile",
      async run(ys) {
        const xs = await (await openReconstruct(zeroFilled(), operator, backend))(ys);
        return xs.map((x) => {
          const along = x.reduce((sum, v, k) => sum + (v - clean[k]) * e[k], 0);
          return x.map((v, k) => v + 60 * along * e[k]);
        });
      },
    };
    const result = await audited(
      [fragile],
      worstCasePerturbation({ relativeBudgets: [0.05], queries: 120 }),
    );
    const { outcome, explanation } = verdict(result, 0, fragile);
    expect([outcome, explanation]).toEqual([
      "fail",
      expect.stringMatching(/found without gradients costs/),
    ]);
  });
});
async function measuredOnce(): Promise<Float64Array> {
  const noise = problem.draw(3, 0);
  const { applyOperator } = await import("fiducial/imaging");
  const Ax = await applyOperator(operator, "forward", images.image(0), backend);
  return Ax.map((v, k) => v + noise[k]);
}

describe("its two parts climb a hill that is known", () => {
  const size = [8, 8] as const;
  // ‖Dz‖ is largest where D is: the left half counts five times
  const weights = Float64Array.from({ length: 128 }, (_, k) => (k % 8 < 4 ? 5 : 1));
  const open = (towards = false): Asked =>
    openAsking({
      look: async (rs) => rs.map((r) => r.map((v, k) => v * weights[k])),
      place: async (z) => z,
      ball: "l2",
      radius: 2,
      goal: { name: "hill", p: new Float64Array(128), towards },
      together: 5,
    });
  it.each([
    ["square attack", false],
    ["SPSA", false],
    ["square attack", true],
    ["SPSA", true],
  ])("%s, towards p: %s", async (which, towards) => {
    const rng = random(4);
    const asked = open(towards);
    const [start] = await asked.ask([Float64Array.from({ length: 128 }, () => rng.normal())]);
    const found =
      which === "SPSA"
        ? await spsa(asked, start, { queries: 400, pairs: 4, tile: 1, shape: size, rng })
        : await squareAttack(asked, start, { queries: 400, proposals: 2, shape: size, rng });
    expect(norm(found.r)).toBeCloseTo(2, 9);
    expect(found.value).toBe(asked.best()!.value);
    // between 2 and 10, from about 7
    if (towards) expect(found.value).toBeLessThan(0.75 * start.value);
    else expect(found.value).toBeGreaterThan(9);
    expect(asked.curve.length).toBeLessThanOrEqual(401);
  });
});

describe("tests that need no gradient give what they give for the graph", () => {
  it("details, faults, rates and likelihood, in groups or one by one", async () => {
    const tests = [
      structuralChange({ radii: [2.5], contrasts: [0.2], placements: 6 }),
      practicalFaults({ draws: 12 }),
      samplingRates({ factors: [0.8, 1, 1.5], families: 2 }),
    ];
    const graph = zeroFilled();
    const program = await asProgram(graph, 5, true);
    const result = await audited([program, graph], ...tests);
    const nameless = (of: string): unknown =>
      result.tests
        .slice(1)
        .map(({ measurements, rates = [] }) => [
          measurements
            .filter((m) => m.method === of)
            .map(({ psnr, losses, detail }) => ({ psnr, losses, detail })),
          rates.filter((r) => r.method === of).map(({ rate, psnr }) => ({ rate, psnr })),
        ]);
    const rounded = (v: unknown): unknown =>
      JSON.parse(JSON.stringify(v), (_, n: unknown) =>
        typeof n === "number" ? Number(n.toFixed(2)) : n,
      );
    expect(rounded(nameless(program.name))).toEqual(rounded(nameless(graph.name)));
    expect(Math.max(...program.calls)).toBe(5);
  });
  it("without the mask it is bound to its own, and the likelihood's first level is asked in groups", async () => {
    const program = await asProgram(zeroFilled(), 25);
    const likelihood = badReconstructionLikelihood({ samples: 40, psnrLoss: 0.1, plain: true });
    const result = await audited([program], samplingRates({ families: 1 }), likelihood);
    expect(verdict(result, 0, program).explanation).toMatch(/bound to its mask/);
    expect(program.calls).toContain(25);
    expect(result.tests[2].measurements[0].likelihood!.evaluations).toBe(40);
  });
  it("what goes along gradients alone is not applicable to it, and its gradient is not checked", async () => {
    const program = await asProgram(zeroFilled());
    const graph = zeroFilled();
    const result = await audited(
      [program, graph],
      instabilityAscent({ stops: [2, 4], iterations: 4 }),
    );
    expect(verdict(result, 0, program)).toMatchObject({ outcome: "not-applicable" });
    expect(verdict(result, 0, graph).outcome).not.toBe("not-applicable");
    expect(result.gradientChecks.map((c) => c.method)).toEqual([graph.name]);
    expect(result.repeats).toMatchObject([{ method: program.name, difference: 0 }]);
  });
});

describe("what a program answers", () => {
  const answering = async (run: BlackBox["run"]): Promise<Float64Array> =>
    reconstruct(
      { ...(await asProgram(zeroFilled())), name: "it", run },
      await measuredOnce(),
      operator,
      backend,
    );
  it("magnitudes get the phase of the first image from the data", async () => {
    const own = await reconstruct(zeroFilled(), await measuredOnce(), operator, backend);
    const n = own.length / 2;
    const twice = await answering(async () => [
      Float64Array.from({ length: n }, (_, k) => 2 * Math.hypot(own[k], own[n + k])),
    ]);
    expect(norm(twice.map((v, k) => v - 2 * own[k])) / norm(own)).toBeLessThan(1e-6);
  });
  it("other sizes and numbers, and what is not finite, are refused", async () => {
    await expect(answering(async () => [new Float64Array(7)])).rejects.toThrow(
      /it gives 7 values, an image has 2048/,
    );
    await expect(answering(async () => [])).rejects.toThrow(/it gives 0 images for 1 measurements/);
    await expect(answering(async () => [new Float64Array(2048).fill(Number.NaN)])).rejects.toThrow(
      /not finite/,
    );
  });
});
