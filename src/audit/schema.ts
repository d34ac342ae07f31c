// The result of an audit: the product. Report and Markdown render it and recompute nothing.
// schema/result.schema.json says the same for other tools.

import type { Detail, Outcome } from "../report/index.ts";
import type { AuditSpec } from "./spec.ts";

export type { Outcome };
export const schemaVersion = "1.5";
type Facts = Readonly<Record<string, string | number | boolean | readonly number[]>>;

export interface ImageRecord {
  readonly label: string;
  /** Of the values that were audited: float32, little-endian. */
  readonly sha256: string;
  /** What was done to the file's image before it was measured. */
  readonly preparation: string;
  /**
   * How it is unlike the images that the network was trained on, in words; none where it is alike.
   */
  readonly unlike?: string;
}
export interface MethodRecord {
  readonly name: string;
  readonly description: Facts;
  /** No part of it was learned from images: what learned methods are held to. */
  readonly classical?: true;
}
export interface GradientCheck {
  readonly method: string;
  readonly relativeError: number;
  readonly tolerance: number;
  readonly passed: boolean;
}
/**
 * A program was asked twice about the first image's measurement: ‖x̂ − x̂′‖/‖x̂‖, 0 where it
 * repeats itself; and the same for a measurement with other noise.
 */
export interface Repeat {
  readonly method: string;
  readonly difference: number;
  readonly noise: number;
}
/** `maxError` is the largest |x̂ − x|, with phase. */
export interface Accuracy {
  readonly method: string;
  readonly image: number;
  readonly psnr: number;
  readonly ssim: number;
  readonly nmse: number;
  readonly maxError: number;
}

/** Details of one size and contrast, over their placements: shares of 1 are full recovery. */
export interface DetailScore {
  readonly radius: number;
  readonly contrast: number;
  readonly placements: number;
  /**
   * Mean of Re⟨x̂(x + z) − x̂(x), z⟩/‖z‖² over the details that the data hold, and its 95 %
   * interval.
   */
  readonly recovered: number;
  /** Before 1.3 always there; now where there are details enough for an interval. */
  readonly low?: number;
  readonly high?: number;
  /** The single details' shares, of those that the data hold. */
  readonly shares?: readonly number[];
  /**
   * Mean of ‖Az‖²/‖z‖²: the share of a detail that is measured at all; the rest lies in the null
   * space of A.
   */
  readonly measured: number;
  /**
   * Details of which less than a fifth is measured: not recoverable from the data, by any method.
   */
  readonly notRecoverable: number;
  /** Of the others, those of which less than half is recovered. */
  readonly lost: number;
  /**
   * Mean of ‖x̂(x + z) − x̂(x) − z‖/‖z‖ inside the detail's box, and mean SSIM there against x + z.
   */
  readonly boxError: number;
  readonly ssim: number;
}

/**
 * How well a method reconstructs one image at one share of k-space, from several nested families of
 * masks: a PSNR for each.
 */
export interface RateScore {
  readonly method: string;
  readonly image: number;
  /**
   * Share of k-space that is measured, as asked for; the masks come as close as whole columns
   * allow.
   */
  readonly rate: number;
  readonly psnr: readonly number[];
}

/** What a test found out about one method and one image that is no perturbation: named figures. */
export interface Score {
  readonly method: string;
  readonly image: number;
  /** What was asked. */
  readonly label: string;
  /** The answers, each finite; none where the question could not be asked. */
  readonly figures: Readonly<Record<string, number>>;
  /** Why it could not be asked. */
  readonly leftOut?: string;
  /** Ids of pictures: x̂(r) and |x̂(r) − x̂(0)|. */
  readonly pictures?: Readonly<Record<"reconstruction" | "change", string>>;
}

/** One perturbation of one image for one method, as the runner measured it. */
export interface Measurement {
  readonly method: string;
  readonly image: number;
  /** "r₁", or "2 %" */
  readonly label: string;
  /**
   * The allowed ‖r‖ over ‖x‖ (image domain) or ‖y‖ (measurement domain), for ℓ∞ balls with maxima
   * in the norms' places; none where r was not searched for.
   */
  readonly relativeBudget?: number;
  readonly norm: number;
  readonly relativeNorm: number;
  /** ‖y(r) − y(0)‖ */
  readonly measuredNorm: number;
  /** ‖f(y(r)) − f(y(0))‖ */
  readonly outputChange: number;
  /** outputChange / norm */
  readonly amplification: number;
  /**
   * Random noise that changes the measurement as much (before 1.3: of the same norm): mean and
   * largest output change, mean and lowest PSNR, mean NMSE.
   */
  readonly noise: {
    readonly draws: number;
    readonly measuredNorm?: number;
    readonly meanOutputChange: number;
    readonly maxOutputChange: number;
    readonly psnr: number;
    readonly worstPsnr?: number;
    readonly nmse: number;
  };
  /** It costs more PSNR than every draw of the noise, and changes the image more. */
  readonly strongerThanNoise: boolean;
  readonly psnr: { readonly before: number; readonly after: number };
  readonly ssim: { readonly before: number; readonly after: number };
  readonly nmse: { readonly before: number; readonly after: number };
  /**
   * What the measurements with this name have in common, each at another severity; they are one
   * curve.
   */
  readonly series?: string;
  /**
   * Of a fault that is drawn anew many times: dB lost to each draw, as far as they lie below the
   * floor of 40 dB.
   */
  readonly losses?: readonly number[];
  readonly detail?: DetailScore;
  /** Of a detail that is not there, the share of its contrast that appears. */
  readonly shown?: number;
  /**
   * Of a search from several starts: what each reached (before 1.3 the change, now what was
   * searched for), whether the best one was still gaining when it stopped, and its best after every
   * step.
   */
  readonly search?: {
    /** "harm": ‖|x̂(r)| − |x|‖. Before 1.3: the change ‖x̂(r) − x̂(0)‖. */
    readonly goal?: string;
    readonly changes: readonly number[];
    readonly rising: boolean;
    readonly curve?: readonly number[];
    /** The kind of start that the best was reached from. */
    readonly start?: string;
    readonly gradients?: number;
    /** The largest ‖x̂(r) − x̂(0)‖ that a search for it found in the same ball. */
    readonly largestChange?: number;
    /** The gradient was zero, or nearly, wherever the search looked. */
    readonly vanishing?: boolean;
    /** How often a search without gradients asked: it is weaker than one along them. Since 1.5. */
    readonly queries?: number;
  };
  /**
   * Where the method has a proven Lipschitz constant: dB that no perturbation measured as this
   * costs more than.
   */
  readonly lossBound?: number;
  /** Likewise: how much the image changes at most, ‖f(y(r)) − f(y(0))‖. */
  readonly changeBound?: number;
  /**
   * How likely something as bad is, with a 95 % interval; `bound` says that the probability is at
   * most the one given.
   */
  readonly likelihood?: {
    readonly probability: number;
    readonly low: number;
    readonly high: number;
    readonly evaluations: number;
    readonly levels: readonly number[];
    readonly bound: boolean;
  };
  readonly iteration?: number;
  readonly pictures?: Readonly<
    Record<
      "perturbation" | "perturbationGained" | "perturbedImage" | "reconstruction" | "error",
      string
    >
  > & {
    /** |x̂(r) − x̂(0)|; before 1.3 there is none. */
    readonly change?: string;
    readonly gain: number;
    readonly maxError: number;
  };
}
/** `figure` is what was judged, beside its threshold. */
export interface Verdict {
  readonly method: string;
  readonly outcome: Outcome;
  readonly explanation: string;
  readonly figure?: { readonly value: number; readonly threshold: number; readonly unit: string };
}
/**
 * How a perturbation found for one method does to another: PSNR of `to` under what was found for
 * `from`.
 */
export interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly image: number;
  readonly psnr: number;
  /** Ids of pictures: x̂(r) and |x̂(r) − x̂(0)| of `to`, where `from` is the audited method. */
  readonly picture?: string;
  readonly change?: string;
}
/**
 * Bounds of a method's Lipschitz constant, change of the image over change of the measurement: the
 * largest seen in any test, the local one at the first image's measurement, and a proven upper
 * bound where there is one.
 */
export interface Certificate {
  readonly method: string;
  readonly found: number;
  readonly local: number;
  readonly upper?: number;
  readonly why?: string;
}
export interface TestRecord {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly source: string;
  readonly domain: "image" | "measurement";
  readonly settings: Facts;
  readonly thresholds: Facts;
  readonly outcome: Outcome;
  readonly verdicts: readonly Verdict[];
  readonly measurements: readonly Measurement[];
  readonly transfers?: readonly Transfer[];
  readonly rates?: readonly RateScore[];
  readonly scores?: readonly Score[];
  /** What a report shows of it, ready to be drawn: since 1.3. */
  readonly details: readonly Detail[];
}
/** What is shown as white and as the brightest colour, of one image. */
export interface ImageScale {
  readonly magnitude: number;
  /** `magnitude` is this percentile of |x|; before 1.3 it is the largest. */
  readonly percentile?: number;
  /** Of the errors without perturbation; before 1.3 of all errors. */
  readonly error: number;
  /**
   * By test: the largest error, and the largest |x̂(r) − x̂(0)|, of all methods. Before 1.3 there
   * is none.
   */
  readonly tests?: Readonly<Record<string, { readonly error: number; readonly change: number }>>;
}
export interface AuditResult {
  readonly schemaVersion: string;
  readonly software: { readonly name: string; readonly version: string; readonly backend: string };
  /** The audit as plain data; of one with operators, methods or tests of your own there is none. */
  readonly spec?: AuditSpec;
  readonly seed: number;
  readonly problem: {
    readonly operator: Facts;
    readonly noise: Facts;
    /** Or measurements, where no truth is known. */
    readonly images: readonly ImageRecord[];
    /** The measurements came from a scanner: nothing is judged against a true image. Since 1.4. */
    readonly truth?: "unknown";
  };
  readonly methods: readonly MethodRecord[];
  readonly metrics: Readonly<Record<"psnr" | "ssim" | "nmse", string>>;
  readonly gradientChecks: readonly GradientCheck[];
  /** Of programs. Since 1.5. */
  readonly repeats?: readonly Repeat[];
  /** PSNR of each image's first image from the data: A*y unless the operator knows a better one. */
  readonly initialPsnr?: readonly number[];
  readonly accuracy: readonly Accuracy[];
  readonly tests: readonly TestRecord[];
  readonly certificates?: readonly Certificate[];
  /**
   * PNG files in base64, by the ids that measurements, "image i", "reconstruction i method", "error
   * i method" and "mask" use.
   */
  readonly pictures: Readonly<Record<string, string>>;
  readonly scales: readonly ImageScale[];
  /** Of this object's JSON without this field. */
  readonly sha256: string;
}
