// The report's first sentence, over made-up results of every combination of what an audit can find.
import {
  answerOf,
  badReconstructionLikelihood,
  instabilityAscent,
  inventedDetail,
  lostDetailSearch,
  practicalFaults,
  renderHtml,
  renderMarkdown,
  samplingRates,
  structuralChange,
  worstCasePerturbation,
  type AuditResult,
  type Measurement,
} from "fiducial/audit";
import type { Outcome } from "fiducial/report";
import { describe, expect, it } from "vitest";

const outcomes: readonly Outcome[] = ["pass", "fail", "inconclusive", "error", "not-applicable"];
const titles = {
  ascent: [
    "A nearly equal image is reconstructed nearly as well",
    "A nearly equal image is reconstructed badly",
  ],
  practice: [
    "Faults of the acquisition make small differences",
    "A fault of the acquisition ruins the image",
  ],
} as const;

interface Made {
  readonly ascent: Outcome;
  readonly practice: Outcome;
  /** PSNR of the network; total variation has 30 dB, the first image 22 dB. */
  readonly psnr: number;
  readonly images: number;
  readonly constant?: boolean;
  /** What total variation keeps at its worst. */
  readonly left?: number;
}
const sigma = { draws: 8, measuredNorm: 1, meanOutputChange: 1, maxOutputChange: 1, nmse: 0.1 };
function measurement(
  method: string,
  image: number,
  before: number,
  after: number,
  noise: number,
): Measurement {
  const figures = {
    norm: 1,
    relativeNorm: 0.06,
    measuredNorm: 1,
    outputChange: 1,
    amplification: 1,
  };
  const quality = { ssim: { before: 1, after: 0.5 }, nmse: { before: 0.1, after: 0.2 } };
  const found = {
    strongerThanNoise: true,
    noise: { ...sigma, psnr: noise },
    psnr: { before, after },
  };
  return { method, image, label: "r₃", relativeBudget: 0.06, ...figures, ...quality, ...found };
}

function made({
  ascent,
  practice,
  psnr,
  images,
  constant = false,
  left = 21.56,
}: Made): AuditResult {
  const all = Array.from({ length: images }, (_, i) => i);
  const explained = (outcome: Outcome): string =>
    constant
      ? "gives the same image whatever is measured, so there is nothing to test; it changes by 0"
      : `why ${outcome}`;
  const test = (
    id: keyof typeof titles,
    outcome: Outcome,
    searched: boolean,
  ): AuditResult["tests"][number] => ({
    id,
    title: titles[id][outcome === "fail" ? 1 : 0],
    description: "d",
    source: "s",
    domain: "image",
    settings: {},
    thresholds: searched ? { harmDb: 3, ruinDb: 6 } : {},
    outcome,
    verdicts: [
      { method: "U-Net", outcome, explanation: explained(outcome) },
      { method: "total variation", outcome: "pass", explanation: "fine" },
    ],
    measurements: searched
      ? all.flatMap((i) => [
          measurement("U-Net", i, psnr, outcome === "fail" ? psnr - 5.83 : psnr, psnr - 0.11),
          measurement("total variation", i, 30, left, 29),
        ])
      : [],
    details: [],
  });
  const accuracy = ["U-Net", "total variation"].flatMap((method, m) =>
    all.map((image) => ({
      method,
      image,
      psnr: m === 0 ? psnr : 30,
      ssim: 0.8,
      nmse: 0.1,
      maxError: 0.2,
    })),
  );
  return {
    schemaVersion: "1.4",
    software: { name: "fiducial", version: "0", backend: "wasm" },
    seed: 1,
    problem: {
      operator: { kind: "subsampledFourier", height: 64, width: 64, sampledFraction: 0.25 },
      noise: {},
      images: all.map((i) => ({ label: `scan ${i}`, sha256: "0", preparation: "none" })),
    },
    methods: [
      { name: "U-Net", description: {} },
      { name: "total variation", description: {}, classical: true },
    ],
    metrics: { psnr: "", ssim: "", nmse: "" },
    gradientChecks: [],
    initialPsnr: all.map(() => 22),
    accuracy,
    tests: [test("ascent", ascent, true), test("practice", practice, false)],
    pictures: {},
    scales: all.map(() => ({ magnitude: 1, error: 1 })),
    sha256: "0",
  };
}
const said = (of: Partial<Made>): ReturnType<typeof answerOf> =>
  answerOf(made({ ascent: "pass", practice: "pass", psnr: 31, images: 3, ...of }));

/** What each combination must begin with. */
function expected({ ascent, practice, psnr }: Made): RegExp {
  const both = [ascent, practice];
  const applying = both.filter((o) => o !== "not-applicable");
  if (applying.length > 0 && applying.every((o) => o === "error"))
    return /^Do not use U-Net: .* could not be run/;
  if (psnr < 22)
    return /^Do not use U-Net on images such as these: .* worse than the first image from the data/;
  if (both.includes("fail"))
    return /^Do not trust U-Net on images such as these: .* it failed [12] of [12] tests?: a /;
  if (psnr < 29)
    return /^There is no reason to use U-Net .* total variation, .* is \d\.\d\d dB better/;
  if (both.some((o) => o === "inconclusive" || o === "error"))
    return /^U-Net was not shown to be unstable .*, nor to be stable: [12] of [12] tests? settled nothing/;
  if (applying.length === 0) return /^Nothing is known yet about whether U-Net can be trusted/;
  return /^Nothing was found against U-Net in [12] tests? on .*; that is no proof/;
}

const every: Made[] = outcomes.flatMap((ascent) =>
  outcomes.flatMap((practice) =>
    [20, 26, 31].flatMap((psnr) => [1, 3].map((images) => ({ ascent, practice, psnr, images }))),
  ),
);

describe("the answer", () => {
  it.each(every)("$ascent, $practice, $psnr dB, $images images", (of) => {
    const result = made(of);
    const { answer, next, command = "" } = answerOf(result);
    expect(answer).toMatch(expected(of));
    // which method, on what, and what next with an option or a method
    const [first] = answer.split(/\.\s|: (?=why)/);
    expect(first).toContain("U-Net");
    expect(first).toContain(
      `${of.images === 1 ? "1 image" : "3 images"} (64×64, 25 % of the data measured)`,
    );
    expect(first).not.toMatch(/PSNR|SSIM|‖|ℓ|x̂|Lipschitz|gradient/);
    expect(`${next} ${command}`).toMatch(/--\w|fiducial train|total variation|Mend|Check/);
    // one image is said to be one, whatever was found on it
    const broken = /could not be run/.test(answer);
    expect(/This is one image/.test(answer)).toBe(of.images === 1 && !broken);
    expect(`${answer} ${next}`).not.toMatch(/undefined|NaN|Infinity|-0\.00|−0\.00|\.\.|\(s\)|±/);
    // no outcome but "nothing found" may sound like one
    if (of.ascent === "fail" || of.practice === "fail")
      expect(answer).not.toMatch(/Nothing was found|failed none/);
    expect(answer).not.toMatch(/\b(safe|reliable|robust|proven stable)\b/);
  });
  it("tells what was found in figures, beside noise and the classical method's own worst case", () => {
    const { answer } = said({ ascent: "fail", psnr: 26.09 });
    expect(answer).toContain(
      "At r₃ (6.00 % of ‖x‖) the worst perturbation found costs 5.83 dB on the mean, noise measured as much 0.11 dB, and leaves 20.26 dB, less than total variation keeps at its own worst case (21.56 dB).",
    );
    expect(answer).toContain("Undisturbed, total variation, a classical method, is 3.91 dB better");
    expect(said({ ascent: "fail", psnr: 26.09, images: 1 }).answer).toContain(
      "costs 5.83 dB, noise",
    );
  });
  it("says nothing of a comparison that the figures do not bear", () => {
    const { answer } = said({ ascent: "fail", psnr: 31, left: 19 });
    expect(answer).not.toMatch(/less than total variation/);
    expect(answer).not.toMatch(/is .* better/);
  });
  it("names a method that ignores its data, and a useless one that is stable", () => {
    expect(said({ ascent: "error", practice: "error", constant: true }).answer).toMatch(
      /^Do not use U-Net: on 3 images .* it gives the same image whatever is measured\./,
    );
    expect(said({ psnr: 15 }).answer).toMatch(
      /7\.00 dB worse .* a method that ignores its data is stable as well/,
    );
  });
  it("is the first thing that a report says, in every form", () => {
    const result = made({ ascent: "fail", practice: "pass", psnr: 26, images: 1 });
    const first = "Do not trust U-Net on images such as these";
    const html = renderHtml(result, { command: "x" });
    const markdown = renderMarkdown(result, { command: "x" });
    for (const text of [html, markdown]) {
      expect(text).toContain(first);
      expect(text.indexOf(first)).toBeLessThan(
        text.indexOf("nearly equal image is reconstructed badly</a>") >>> 0,
      );
    }
    expect(html).not.toMatch(/mean over the images|undefined|NaN/);
  });
});

describe("thresholds", () => {
  const tests = [
    instabilityAscent(),
    worstCasePerturbation(),
    inventedDetail(),
    structuralChange(),
    lostDetailSearch(),
    samplingRates(),
    practicalFaults(),
    badReconstructionLikelihood(),
  ];
  it.each(tests)(
    "of $id: each is there with its reason, and where the definitions are",
    ({ thresholds }) => {
      const result = made({ ascent: "pass", practice: "pass", psnr: 31, images: 3 });
      const [first] = result.tests;
      const markdown = renderMarkdown(
        { ...result, tests: [{ ...first, thresholds }] },
        { command: "x" },
      );
      expect(markdown).toContain("docs/verdicts.md");
      for (const name of Object.keys(thresholds))
        expect(markdown).toMatch(new RegExp(`\\| ${name} \\| .+ \\| .{20,} \\|`));
    },
  );
  it("a verdict's figure never reads as its threshold, unless it is", () => {
    const result = made({ ascent: "fail", practice: "pass", psnr: 31, images: 1 });
    const [first] = result.tests;
    const [own, other] = first.verdicts;
    for (const [threshold, unit] of [
      [6, "dB beyond noise at r₃"],
      [50, "% recovered, at least"],
      [0.001, "probability of losing 3 dB"],
    ] as const)
      for (const value of [threshold * 1.0004, threshold * 0.9996, threshold]) {
        const figure = { value, threshold, unit };
        const tests = [{ ...first, verdicts: [{ ...own, figure }, other] }];
        const [, written] = /judged: (\S+), threshold/.exec(
          renderMarkdown({ ...result, tests }, { command: "x" }),
        )!;
        const read = Number(written.replace("−", "-"));
        expect(Math.sign(read - threshold), written).toBe(Math.sign(value - threshold));
      }
  });
  it("says which scans are unlike the training images, and how", () => {
    const result = made({ ascent: "pass", practice: "pass", psnr: 31, images: 3 });
    const unlike =
      "unlike the images it was trained on: its share of background is 0.9, theirs lie in 0.2…0.5";
    const [first, second, third] = result.problem.images;
    const strange = {
      ...result,
      problem: { ...result.problem, images: [first, { ...second, unlike }, third] },
    };
    expect(answerOf(strange).answer).toContain(
      `1 of the 3 images are not like those it was trained on; ${second.label} is ${unlike}.`,
    );
    expect(answerOf(result).answer).not.toContain("trained on;");
  });
});

describe("what is told of a test", () => {
  const told = (outcome: Outcome, explanation: string): string => {
    const result = made({ ascent: "pass", practice: outcome, psnr: 31, images: 3 });
    const tests = result.tests.map((t) =>
      t.id === "practice" ? { ...t, verdicts: t.verdicts.map((v) => ({ ...v, explanation })) } : t,
    );
    return answerOf({ ...result, tests }).answer;
  };
  it("goes on from the method's name, without what the answer has said already", () => {
    const before = "is 4.76 dB less accurate than total variation to begin with; ";
    expect(told("fail", `${before}loses more than 3 dB to motion`)).toMatch(
      / U-Net loses more than 3 dB to motion\.$/,
    );
    expect(told("fail", "at 2 % it loses 9 dB")).toMatch(/ At 2 % it loses 9 dB\.$/);
    expect(told("inconclusive", `${before}loses 3 dB in 1 of 36`)).toMatch(
      / In question is whether faults of the acquisition make small differences: U-Net loses 3 dB in 1 of 36\.$/,
    );
  });
});
