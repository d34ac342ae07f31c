// What the page and its worker say to each other: one question with a number, and about it any
// number of notes of progress and one answer.
import type { Calls } from "./calls.ts";

export type CallName = keyof Calls;
export type Argument<K extends CallName> = Parameters<Calls[K]>[0];
export type Result<K extends CallName> = Awaited<ReturnType<Calls[K]>>;

export type Question =
  | {
      readonly kind: "call";
      readonly id: number;
      readonly name: CallName;
      readonly argument: unknown;
    }
  | { readonly kind: "stop"; readonly id: number };

/** An error in one line, as the engine words it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}
export type Answer =
  | { readonly kind: "result"; readonly id: number; readonly result: unknown }
  | { readonly kind: "progress"; readonly id: number; readonly progress: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly failure: Failure };

/** What a call is given beside its argument. */
export interface Context {
  /** Sends the page what is known so far. */
  progress(value: unknown): void;
  /** The page wants no more of it. */
  readonly signal: AbortSignal;
}
