// What a test of the bench is: it searches; the context it is given clips, measures and pictures what it finds.
import type { Random } from "../../engine/index.ts";
import type { Acquisition, Reconstructor } from "../../imaging/index.ts";
import type { Climb } from "../attack/ascent.ts";
import type { Domain } from "../attack/objective.ts";
import type { Measurement, TestRecord, Verdict } from "../schema.ts";

/** One method on one image. */
export interface Subject {
  readonly method: string;
  readonly image: number;
  /** Number of elements of a perturbation. */
  readonly size: number;
  /** ‖x‖ or ‖y‖, which relative budgets refer to. */
  readonly reference: number;
  /** f(y(0)) */
  readonly clean: Float64Array;
  readonly climb: Climb;
  readonly rng: Random;
  /** Random numbers of this image and name that are the same for every method. */
  common(name: string): Random;
  /** The image and its measurement, for tests that damage it in their own way. */
  readonly scan: Acquisition;
  /** A Gaussian perturbation, zero where nothing is measured. */
  random(): Float64Array;
  /** Standard deviation of the problem's noise. */
  readonly sigma: number;
  /** Number of images that the audit goes through. */
  readonly imageCount: number;
  /** f(y(r)), and nothing else. */
  reconstruct(r: Float64Array): Float64Array;
  /** PSNR of f(y + r), and nothing else. */
  psnrOf(r: Float64Array): number;
  /** Clips r to the budget, where there is one, and measures it, beside random noise of its norm. */
  measure(r: Float64Array, options: { label: string; relativeBudget?: number; series?: string; iteration?: number; picture: boolean }): Measurement;
  /** To be awaited after every gradient step: counts progress, and lets the host breathe. */
  tick(): Promise<void>;
}
export interface StabilityTest {
  readonly id: string;
  readonly title: string;
  readonly failureTitle: string;
  readonly description: string;
  readonly source: string;
  readonly domain: Domain;
  /** The perturbation is part of the object, so the reconstruction is measured against x + r. */
  readonly content?: true;
  readonly settings: TestRecord["settings"];
  readonly thresholds: TestRecord["thresholds"];
  /** Label of the measurements whose perturbations are tried on the other methods, too. */
  readonly transferred?: string;
  /** Gradient steps for one method on one image, for the progress bar. */
  readonly steps: number;
  run(subject: Subject): Promise<Measurement[]>;
  judge(method: Reconstructor, measurements: readonly Measurement[]): Verdict;
}
