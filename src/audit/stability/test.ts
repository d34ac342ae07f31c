// What a test of the bench is: it searches; the context it is given clips, measures and pictures
// what it finds.
import { ConfigError, type Random } from "../../engine/index.ts";
import type { Acquisition, Mask, Requirement } from "../../imaging/index.ts";
import type { Ball } from "../attack/ascent.ts";
import type { Domain } from "../attack/objective.ts";
import type { Measurement, RateScore, TestRecord, Verdict } from "../schema.ts";

/**
 * What a search climbs away from: x̂ of the clean measurement unless given; and where it looks, a
 * weight for every pixel [H,W], 1 unless given.
 */
export interface Aim {
  readonly at?: Float64Array;
  readonly window?: Float64Array;
}

/** One method on one image. */
export interface Subject {
  readonly method: string;
  readonly image: number;
  /** Number of elements of a perturbation. */
  readonly size: number;
  /** ‖x‖ or ‖y‖, which relative budgets refer to. */
  readonly reference: number;
  /** max|x| or max|y|, which budgets in ℓ∞ refer to. */
  readonly referenceMaximum: number;
  /** x */
  readonly truth: Float64Array;
  /** f(y(0)) */
  readonly clean: Float64Array;
  /** x̂ and the gradient of ½‖w(x̂ − p)‖² at r. */
  climb(r: Float64Array, aim?: Aim): Promise<{ x: Float64Array; gradient: Float64Array }>;
  readonly rng: Random;
  /** Random numbers of this image and name that are the same for every method. */
  common(name: string): Random;
  /** [H,W] */
  readonly shape: readonly [number, number];
  /** x ↦ Ax, without noise */
  forward(x: ArrayLike<number>): Promise<ArrayLike<number>>;
  /** The image and its k-space, for tests that damage it in their own way; see scanOf. */
  readonly scan?: Acquisition;
  /** A Gaussian perturbation, zero where nothing is measured. */
  random(): Float64Array;
  /** Standard deviation of the problem's noise. */
  readonly sigma: number;
  /** Number of images that the audit goes through. */
  readonly imageCount: number;
  /** f(y(r)), and nothing else. */
  reconstruct(r: Float64Array): Promise<Float64Array>;
  /** PSNR of f(y + r), and nothing else. */
  psnrOf(r: Float64Array): Promise<number>;
  /**
   * PSNR where another mask measures the image, with noise from rng; undefined for a method that is
   * bound to its mask.
   */
  psnrWith(mask: Mask, rng: Random): Promise<number | undefined>;
  /**
   * Clips r to the ball of the budget, where there is one, and measures it, beside random noise of
   * its norm.
   */
  measure(
    r: Float64Array,
    options: {
      label: string;
      relativeBudget?: number;
      ball?: Ball;
      series?: string;
      iteration?: number;
      picture: boolean;
    },
  ): Promise<Measurement>;
  /** To be awaited after every gradient step: counts progress, and lets the host breathe. */
  tick(): Promise<void>;
}
/** What a test found out about one method on one image, or, for the verdict, on all of them. */
export interface Findings {
  readonly measurements: readonly Measurement[];
  readonly rates?: readonly RateScore[];
}
/** The acquisition, of a test that requires sampling. Throws ConfigError where there is none. */
export function scanOf({ scan }: Subject): Acquisition {
  if (!scan) throw new ConfigError("the test looks at k-space; it must say that it requires sampling", {});
  return scan;
}
export interface StabilityTest {
  readonly id: string;
  readonly title: string;
  readonly failureTitle: string;
  readonly description: string;
  readonly source: string;
  readonly domain: Domain;
  /** What it needs of the operator; the outcome is "not-applicable" where that is lacking. */
  readonly requires?: readonly Requirement[];
  /** The perturbation is part of the object, so the reconstruction is measured against x + r. */
  readonly content?: true;
  readonly settings: TestRecord["settings"];
  readonly thresholds: TestRecord["thresholds"];
  /** Label of the measurements whose perturbations are tried on the other methods, too. */
  readonly transferred?: string;
  /** Gradient steps for one method on one image, for the progress bar. */
  readonly steps: number;
  run(subject: Subject): Promise<Findings>;
  /** Never called without findings. */
  judge(method: string, findings: Findings): Verdict;
}
