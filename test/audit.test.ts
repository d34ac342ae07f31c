// The bench against its bars: exact gradients, the linear theory, reproducible results, a report
// that stands alone.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { openBackend, random } from "fiducial/engine";
import { nn } from "fiducial/learning";
import {
  applyOperator,
  brainPhantoms,
  gaussianNoise,
  inverseProblem,
  norm,
  networkReconstructor,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
  waveletSparsity,
  zeroFilled,
  type Reconstructor,
} from "fiducial/imaging";
import {
  audit,
  compileObjective,
  heavyBallAscent,
  instabilityAscent,
  localLipschitz,
  projectedAscent,
  renderComparison,
  renderCsv,
  renderFigures,
  renderHtml,
  renderMarkdown,
  worstCasePerturbation,
  type AuditResult,
} from "fiducial/audit";

const reference = await openBackend("reference");
const wasm = await openBackend("wasm");
function small(
  size: number,
  sigma = 0.01,
): { problem: ReturnType<typeof inverseProblem>; methods: Reconstructor[] } {
  const shape = [size, size] as const;
  const operator = subsampledFourier({
    mask: variableDensityMask({ shape, acceleration: 2, centerFraction: 0.25, seed: 1 }),
  });
  const problem = inverseProblem({
    operator,
    noise: gaussianNoise({ sigma }),
    images: brainPhantoms({ shape, count: 2, seed: 5 }),
  });
  const network = nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 3,
    depth: 1,
    seed: 2,
    size: shape,
    residual: true,
  });
  return {
    problem,
    methods: [
      networkReconstructor({ network }),
      totalVariation({ lambda: 0.05, iterations: 8 }),
      zeroFilled(),
      waveletSparsity({ lambda: 0.05, iterations: 8, levels: 1 }),
    ],
  };
}
const relative = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(Float64Array.from(a, (v, i) => v - b[i])) / norm(Float64Array.from(b));

describe("the search's gradient is the whole one", () => {
  for (const domain of ["image", "measurement"] as const)
    for (const k of [0, 1, 3]) {
      it(`${["U-Net", "total variation", "", "wavelet sparsity"][k]}, ${domain} domain: ∇Q agrees with central differences to 1e-6 in every component`, async () => {
        const { problem, methods } = small(8);
        const objective = await compileObjective(methods[k], problem, domain, reference);
        const scene = { x: problem.images.image(0), noise: problem.draw(1, 0) };
        const rng = random(3);
        const p = await objective.reconstruct(scene, new Float64Array(128));
        const r = Float64Array.from({ length: 128 }, () => 0.05 * rng.normal());
        const value = async (at: Float64Array): Promise<number> =>
          0.5 * norm((await objective.reconstruct(scene, at)).map((v, i) => v - p[i])) ** 2;
        const h = 1e-5;
        const differences = new Float64Array(r.length);
        for (const i of r.keys()) {
          const step = (s: number): Promise<number> =>
            value(r.map((v, j) => (i === j ? v + s : v)));
          // fourth order, so that the step can be large enough for rounding not to matter
          const near = (await step(h)) - (await step(-h));
          const far = (await step(2 * h)) - (await step(-2 * h));
          differences[i] = (8 * near - far) / (12 * h);
        }
        const { gradient } = await objective.climb(scene, r, p);
        expect(norm(gradient)).toBeGreaterThan(1e-3);
        expect(relative(gradient, differences)).toBeLessThan(1e-6);
      });
    }
});

describe("linear reconstructions follow the theory", () => {
  const size = 8;
  const { problem } = small(size, 0);
  const { operator } = problem;
  const { data: mask } = operator.sampling.mask;
  const full = subsampledFourier({
    mask: { ...operator.sampling.mask, data: new Uint8Array(size * size).fill(1) },
  });
  const rng = random(9);
  // f(y) = F⁻¹(w·y): the singular values of f∘A are w where something is measured, and 0 elsewhere
  const w = Float32Array.from({ length: size * size }, () => 2 * rng.uniform());
  const strongest = mask.indexOf(1);
  w[strongest] = 2.5;
  const linear: Reconstructor = {
    name: "linear",
    description: {},
    apply: (b, y) =>
      operator.adjoint(b, b.emit("mul", { a: y, b: b.constant(w, [size, size]) }, {})),
  };
  const scene = { x: problem.images.image(0), noise: new Float64Array(2 * size * size) };

  it("the ascent obeys v ← γv + η(σ² − λ)z in every mode, to 1e-10", async () => {
    const objective = await compileObjective(linear, problem, "image", reference);
    const p = await objective.reconstruct(scene, new Float64Array(128));
    const settings = { lambda: 0.3, stepSize: 0.05, momentum: 0.9, start: 0.01, iterations: 25 };
    const [{ r, reached }] = await heavyBallAscent(
      (at) => objective.climb(scene, at, p),
      128,
      { ...settings, norms: [1e9] },
      random(4),
    );
    expect(reached).toBe(false);
    const start = random(4);
    const z = await applyOperator(
      full,
      "forward",
      Float64Array.from({ length: 128 }, () => settings.start * start.uniform()),
      reference,
    );
    const v = new Float64Array(128);
    for (let k = 0; k < settings.iterations; k++)
      for (let i = 0; i < 128; i++) {
        const sigma = mask[i % 64] ? w[i % 64] : 0;
        v[i] = settings.momentum * v[i] + settings.stepSize * (sigma ** 2 - settings.lambda) * z[i];
        z[i] += v[i];
      }
    expect(relative(await applyOperator(full, "forward", r, reference), z)).toBeLessThan(1e-10);
  });
  it("both searches find σ_max within 1 %", async () => {
    const objective = await compileObjective(linear, problem, "image", reference);
    const p = await objective.reconstruct(scene, new Float64Array(128));
    const climb = (at: Float64Array): ReturnType<typeof objective.climb> =>
      objective.climb(scene, at, p);
    const amplification = async (r: Float64Array): Promise<number> =>
      norm((await objective.reconstruct(scene, r)).map((v, i) => v - p[i])) / norm(r);
    const [stop] = await heavyBallAscent(
      climb,
      128,
      { lambda: 0, stepSize: 0.05, momentum: 0.9, start: 0.01, iterations: 400, norms: [1e6] },
      random(4),
    );
    expect(await amplification(stop.r)).toBeGreaterThan(2.475);
    expect(await amplification(stop.r)).toBeLessThanOrEqual(2.5 + 1e-9);
    const start = random(6);
    const search = (steps: number): ReturnType<typeof projectedAscent> =>
      projectedAscent(
        climb,
        (x) => norm(x.map((v, i) => v - p[i])),
        () => Float64Array.from({ length: 128 }, () => start.normal()),
        { radius: 0.1, steps, restarts: 2 },
      );
    const { r, changes, rising } = await search(150);
    // both starts end at the one maximum of a linear method, and a search that was cut off says so
    expect(changes).toHaveLength(2);
    expect(Math.min(...changes) / Math.max(...changes)).toBeGreaterThan(0.98);
    expect(rising).toBe(false);
    expect((await search(4)).rising).toBe(true);
    expect(await amplification(r)).toBeGreaterThan(2.475);
    expect(norm(r)).toBeLessThanOrEqual(0.1 * (1 + 1e-12));
  });
  it("the local Lipschitz constant of a linear method is its largest singular value", async () => {
    const objective = await compileObjective(linear, problem, "image", reference);
    const p = await objective.reconstruct(scene, new Float64Array(128));
    const rng = random(8);
    const { sigma } = await localLipschitz(
      (r) => objective.climb(scene, r, p),
      Float64Array.from({ length: 128 }, () => rng.normal()),
      { radius: 1e-3, steps: 200 },
    );
    expect(Math.abs(sigma / 2.5 - 1)).toBeLessThan(0.01);
  });
});

describe("certificates", () => {
  it("a lower bound above a proven upper bound stops the audit, and a sound one is reported", async () => {
    const { problem: all, methods } = small(16);
    const zero = methods.find((m) => m.name === "zero-filled")!;
    const run = (bound: number): Promise<AuditResult> =>
      audit({
        problem: all,
        methods: [{ ...zero, lipschitz: () => ({ bound, why: "claimed" }) }],
        tests: [worstCasePerturbation({ relativeBudgets: [0.05], steps: 3, restarts: 1 })],
        certificates: true,
        seed: 1,
        backend: reference,
      });
    const [certificate] = (await run(1)).certificates!;
    expect(certificate.local).toBeGreaterThan(0.99);
    expect(certificate.found).toBeLessThanOrEqual(1 + 1e-9);
    expect(certificate.upper).toBe(1);
    await expect(run(0.5)).rejects.toThrow(/more than its proven bound 0\.5 \(claimed\)/);
  });
  it("what is found for one method is tried on the others", async () => {
    const { problem: all, methods } = small(16);
    const [, test] = (
      await audit({
        problem: all,
        methods: methods.slice(0, 3),
        tests: [worstCasePerturbation({ relativeBudgets: [0.05], steps: 4, restarts: 1 })],
        seed: 1,
        backend: reference,
      })
    ).tests;
    expect(test.transfers).toHaveLength(9 * all.images.length);
    for (const { from, to, image, psnr: value } of test.transfers!) {
      const own = test.measurements.find((m) => m.method === to && m.image === image)!;
      if (from === to) expect(value).toBeCloseTo(own.psnr.after, 9);
    }
  });
});

describe("an audit", () => {
  const { problem, methods: all } = small(16);
  const methods = all.slice(0, 3);
  const tests = [
    instabilityAscent({ relativeNorms: [0.01, 0.02, 0.04], iterations: 40, stepSize: 0.1 }),
    worstCasePerturbation({ relativeBudgets: [0.01, 0.05], steps: 4, restarts: 2 }),
  ];
  const run = (): Promise<AuditResult> =>
    audit({ problem, methods, tests, seed: 7, backend: wasm });

  it("gives the same bytes twice, and on every machine", async () => {
    const [first, second] = [JSON.stringify(await run()), JSON.stringify(await run())];
    expect(second).toBe(first);
    const result = JSON.parse(first) as AuditResult;
    // changes with the version, and with whatever changes a number: look at why before updating it
    // and not with how it is shown: no words, no pictures
    const tests = result.tests.map(({ id, measurements, verdicts }) => ({
      id,
      measurements: measurements.map(({ pictures: _, ...numbers }) => numbers),
      verdicts: verdicts.map(({ method, outcome, figure }) => [method, outcome, figure?.value]),
    }));
    const numbers = JSON.stringify({ accuracy: result.accuracy, tests });
    expect(createHash("sha256").update(numbers).digest("hex")).toMatchInlineSnapshot(
      `"b20a93b775b6712b475068f4218a91da98afb7b70558cd0080fb87a457c957bf"`,
    );
  });
  it("finds growing perturbations, clips them to their budgets, and attacks every method the same way", async () => {
    const result = await run();
    for (const test of result.tests.slice(1))
      for (const method of methods)
        for (const image of [0, 1]) {
          const own = test.measurements.filter(
            (m) => m.method === method.name && m.image === image,
          );
          expect(own.length).toBeGreaterThan(0);
          own.forEach((m, i) => {
            expect(m.norm).toBeGreaterThan(i === 0 ? 0 : own[i - 1].norm);
            expect(m.relativeNorm).toBeLessThanOrEqual(m.relativeBudget * (1 + 1e-6));
          });
        }
    for (const m of result.tests.flatMap((t) => t.measurements))
      if (m.method === "zero-filled") expect(m.amplification).toBeLessThanOrEqual(1 + 1e-5);
    expect(result.gradientChecks.map((c) => c.passed)).toEqual([true, true, true]);
  });
  it("holds to the published schema", async () => {
    const validate = new Ajv2020({ strict: false }).compile(
      JSON.parse(readFileSync(new URL("../schema/result.schema.json", import.meta.url), "utf8")),
    );
    const result = JSON.parse(JSON.stringify(await run()));
    validate(result);
    expect(validate.errors).toBe(null);
    expect(validate({ ...result, seed: "7" })).toBe(false);
    expect(validate({ ...result, patientName: "x" })).toBe(false);
  });
  it("goes on when one method breaks, and says which and why", async () => {
    const broken: Reconstructor = {
      ...methods[2],
      name: "broken",
      apply: (b, y) =>
        b.emit("log", { x: b.emit("neg", { x: b.emit("abs", { x: y }, {}) }, {}) }, {}),
    };
    const result = await audit({
      problem,
      methods: [broken, methods[2]],
      tests: [tests[1]],
      seed: 7,
      backend: wasm,
      imageCount: 1,
    });
    expect(result.tests[1].verdicts.map((v) => v.outcome)).toEqual(["error", "pass"]);
    expect(result.tests[1].verdicts[0].explanation).toMatch(/not finite/);
    expect(renderHtml(result, { command: "x" })).toContain("broken");
  });
  it("flags a method whose derivative misses what its value uses: the self-check fails", async () => {
    const { operator } = problem;
    // a fine staircase: it moves with its input, and has gradient 0 almost everywhere
    const blind: Reconstructor = {
      ...methods[2],
      name: "blind",
      apply: (b, y) => {
        const x = operator.adjoint(b, y);
        const levels = Array.from({ length: 100 }, (_, k) =>
          b.emit("sign", { x: b.emit("sub", { a: x, b: b.scalar((k - 49.5) / 50) }, {}) }, {}),
        );
        const stairs = levels.reduce((a, v) => b.emit("add", { a, b: v }, {}));
        return b.emit(
          "add",
          {
            a: b.emit("mul", { a: x, b: b.scalar(0.2) }, {}),
            b: b.emit("mul", { a: stairs, b: b.scalar(0.008) }, {}),
          },
          {},
        );
      },
    };
    const result = await audit({
      problem,
      methods: [blind],
      tests: [tests[1]],
      seed: 7,
      backend: wasm,
      imageCount: 1,
    });
    expect(result.gradientChecks[0].relativeError).toBeGreaterThan(0.1);
    expect(result.gradientChecks[0].passed).toBe(false);
  });
  it("is reported in one file that needs nothing else, with every picture and every threshold", async () => {
    const result = await run();
    const html = renderHtml(result, { command: 'npx fiducial audit --seed 7 <&"' });
    expect(html).not.toMatch(/<script|<link|@import|url\(|https?:|src="(?!data:)/);
    expect(html).toContain("npx fiducial audit --seed 7 &lt;&amp;&quot;");
    // pictures may spell anything
    expect(html.replaceAll(/base64,[^"]*/g, "")).not.toMatch(/undefined|NaN|\[object/);
    // what a screen reader needs: a name for every picture, plot and column, focus for what scrolls
    expect(html).not.toMatch(
      /<th[^>]*><\/th>|<img(?![^>]* alt="[^"]+")|<svg(?![^>]*(role="img" aria-label="[^"]+"|aria-hidden="true"))|class="scroll"(?! tabindex="0")/,
    );
    for (const { figure } of result.tests.flatMap((t) => t.verdicts))
      expect(html).toContain(figure!.unit.replace("'", "'"));
    for (const key of [
      "mask",
      "image 0",
      "image 1",
      ...result.tests.flatMap((t) =>
        t.measurements.flatMap((m) =>
          m.pictures ? [m.pictures.error, m.pictures.reconstruction] : [],
        ),
      ),
    ]) {
      expect(result.pictures[key]).toBeDefined();
      expect(html).toContain(result.pictures[key]);
    }
    for (const verdict of result.tests.flatMap((t) => t.verdicts))
      expect(html).toContain(verdict.explanation.slice(0, 40));
    expect(html).toMatch(/harmDb|from 3 dB|3 dB/);
    expect(html).toContain(result.sha256);
    const figures = renderFigures(result);
    expect(new Set(figures.map((f) => f.name)).size).toBe(figures.length);
    expect(figures.filter((f) => f.name.endsWith(".png"))).toHaveLength(
      Object.keys(result.pictures).length,
    );
    for (const { name, content } of figures) {
      expect(name).toMatch(/^[A-Za-z0-9.+-]+\.(png|svg|csv)$/);
      if (name.endsWith(".csv")) expect(content).toMatch(/^(curve|group),/);
      else if (typeof content === "string")
        expect(content).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" .*<\/svg>$/s);
      else expect([...content.subarray(1, 4)]).toEqual([0x50, 0x4e, 0x47]);
    }
    expect(figures.map((f) => f.name)).toEqual(
      expect.arrayContaining([
        "accuracy-stability.svg",
        "instability-ascent.svg",
        "worst-case-perturbation-convergence.svg",
        "mask.png",
      ]),
    );
    const markdown = renderMarkdown(result, { command: "npx fiducial audit" });
    expect(markdown).not.toMatch(/undefined|NaN|\[object/);
    for (const m of methods) expect(markdown).toContain(`| ${m.name} |`);
  });
  it("whatever a result's texts are, its report, figures, table and comparison are made of text", async () => {
    const text = "</style><script>alert(1)</script>\u001b[2J../../=cmd|x";
    const words = new Set(["kind", "outcome", "format", "place", "domain"]);
    const spoilt = (value: unknown, key = ""): unknown => {
      if (typeof value === "string")
        return words.has(key) || /^[\w+/=]{60,}$/.test(value) ? value : value + text;
      if (Array.isArray(value)) return value.map((v) => spoilt(v));
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).map(([k, v]) => [
          key === "pictures" || key === "settings" ? k + text : k,
          spoilt(v, k),
        ]),
      );
    };
    const result = spoilt(JSON.parse(JSON.stringify(await run()))) as AuditResult;
    const html = renderHtml(result, { command: text });
    expect(html).not.toMatch(/<script|<\/script|[^\P{Cc}\n]/u);
    expect(html.match(/<\/style>/g)).toHaveLength(1);
    expect(html).toContain("&lt;script>alert(1)");
    for (const shown of [
      renderMarkdown(result, { command: "x" }),
      renderComparison(result, result),
    ])
      expect(shown.replace(/\\./g, "")).not.toMatch(/<|[^\P{Cc}\n]/u);
    expect(renderCsv(result)).not.toMatch(/[^\P{Cc}\r\n]|(^|,)"?[=+@]/mu);
    for (const { name } of renderFigures(result))
      expect(name).toMatch(/^[A-Za-z0-9+][A-Za-z0-9.+-]*\.(png|svg|csv)$/);
  });
  it("says what is wrong with its options", async () => {
    await expect(audit({ problem, methods: [], tests, seed: 1, backend: wasm })).rejects.toThrow(
      /0 methods/,
    );
    await expect(
      audit({ problem, methods: [methods[0], methods[0]], tests, seed: 1, backend: wasm }),
    ).rejects.toThrow(/two methods are called "U-Net"/);
    expect(() => instabilityAscent({ relativeNorms: [0.02, 0.01] })).toThrow(/increase/);
    expect(() => worstCasePerturbation({ relativeBudgets: [0.02], judgedBudget: 0.05 })).toThrow(
      /0\.05 is not one of/,
    );
  });
});
