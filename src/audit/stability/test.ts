// What a test of the bench is: it searches; the context it is given clips, measures and pictures
// what it finds.
import { ConfigError, type Random } from "../../engine/index.ts";
import type { Acquisition, LipschitzBound, Mask, Requirement } from "../../imaging/index.ts";
import type { Detail } from "../../report/index.ts";
import type { Ball } from "../attack/ascent.ts";
import type { Found as Sought, SearchSettings, Start } from "../attack/search.ts";
import type { MeasureOptions } from "../measure.ts";
import type { Domain } from "../attack/objective.ts";
import type { Goal, SearchStep } from "../attack/step.ts";
import type { Measurement, RateScore, Score, TestRecord, Verdict } from "../schema.ts";
import type { ReferenceFree } from "./reference-free.ts";
import type { Found } from "./shown/found.ts";

/**
 * What a search climbs away from: x̂ of the clean measurement unless given; and where it looks, a
 * weight for every pixel [H,W], 1 unless given.
 */
export interface Aim {
  readonly at?: Float64Array;
  readonly window?: Float64Array;
}

/** What is searched for harm: balls of growing radius, and where the image is to change. */
export interface Wanted {
  /** In units of r. */
  readonly radii: readonly number[];
  readonly ball?: Ball;
  readonly window?: Float64Array;
  /** Other goals than harm and change. */
  readonly goals?: readonly Goal[];
  /** Starts beside those that every search has. */
  readonly starts?: readonly Start[];
  /** Whether the local singular vector is one of them; it is unless false. */
  readonly singular?: boolean;
  readonly settings?: Partial<SearchSettings>;
  /** Of the search that stands in where there is no gradient: gradient-free.ts. */
  readonly queries?: number | undefined;
  /** The step that the search takes, wrapped by who looks on. */
  through?(step: SearchStep): SearchStep;
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
  /** x; where no truth is known, the first image from the data. */
  readonly truth: Float64Array;
  /** f(y(0)) */
  readonly clean: Float64Array;
  /** Searches each ball for harm and for change; the first goal's finding is what is judged. */
  seek(wanted: Wanted): Promise<Sought[]>;
  /**
   * x̂ and the gradient of ½‖w(x̂ − p)‖² at r. Throws ConfigError for a method that has none: a
   * test says that it needs one.
   */
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
  /** A Gaussian perturbation that is measured as a whole: in the row space of A. */
  random(): Promise<Float64Array>;
  /** Standard deviation of the problem's noise. */
  readonly sigma: number;
  /** Number of images that the audit goes through. */
  readonly imageCount: number;
  /** How many perturbations are best looked at together: a program starts once for all of them. */
  readonly together: number;
  /** f(y(r)), and nothing else. */
  reconstruct(r: Float64Array): Promise<Float64Array>;
  /** f(factor·y), of a method that is told that the units are others, if it was told any. */
  inUnits(factor: number): Promise<Float64Array>;
  reconstructAll(rs: readonly Float64Array[]): Promise<Float64Array[]>;
  /** PSNR of f(y + r), and nothing else. */
  psnrOf(r: Float64Array): Promise<number>;
  psnrOfAll(rs: readonly Float64Array[]): Promise<number[]>;
  /**
   * PSNR where another mask measures the image, with noise from rng; undefined for a method that is
   * bound to its mask.
   */
  psnrWith(mask: Mask, rng: Random): Promise<number | undefined>;
  /**
   * Clips r to the ball of the budget, where there is one, and measures it, beside random noise
   * that is measured as much.
   */
  measure(r: Float64Array, options: MeasureOptions): Promise<Measurement>;
  /** How much r changes the image, beside random noise that is measured as much. */
  changeTo(r: Float64Array, label: string, picture: boolean): Promise<Score>;
  /** To be awaited after every gradient step: counts progress, and lets the host breathe. */
  tick(): Promise<void>;
}
/** What a test found out about one method on one image, or, for the verdict, on all of them. */
export interface Findings {
  readonly measurements: readonly Measurement[];
  readonly rates?: readonly RateScore[];
  readonly scores?: readonly Score[];
}
/** The acquisition, of a test that requires sampling. Throws ConfigError where there is none. */
export function scanOf({ scan }: Pick<Subject, "scan">): Acquisition {
  if (!scan)
    throw new ConfigError("the test looks at k-space; it must say that it requires sampling", {});
  return scan;
}
/** What a method is judged beside. */
export interface Beside {
  /** What the same test found for the classical methods, each at its own worst case. */
  readonly references: readonly { readonly method: string; readonly findings: Findings }[];
  /** A proven Lipschitz constant of the method. */
  readonly bound?: LipschitzBound | undefined;
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
  /**
   * It searches along gradients: where their self-check fails, finding nothing is no evidence. For
   * a method that has none a search by queries alone stands in, unless they are "needed": then the
   * test is not applicable.
   */
  readonly gradients?: "wanted" | "needed";
  /** Label of the measurements whose perturbations are tried on the other methods, too. */
  readonly transferred?: string;
  /** Gradient steps for one method on one image, for the progress bar. */
  readonly steps: number;
  /** Queries in their place, of a method without gradients; as many unless given. */
  readonly queries?: number;
  examine(subject: Subject): Promise<Findings>;
  /** Never called without findings. */
  judge(method: string, findings: Findings, beside: Beside): Verdict;
  /** What a report shows of it, as data; what a search found unless given. */
  show?(found: Found): readonly Detail[];
  /** What it can still say where no truth is known; not applicable at all unless given. */
  readonly referenceFree?: ReferenceFree;
}
