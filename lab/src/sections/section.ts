// What a section is: one sentence, one question to predict first, one figure, one table of numbers.
import type { ComponentType } from "preact";
import type { Question } from "../parts/Predict.tsx";

export interface Section {
  /** In the address. */
  readonly id: string;
  readonly title: string;
  /** What there is to understand. */
  readonly sentence: string;
  /** To be answered before one looks. */
  readonly question: Question;
  /** The figure and its numbers. */
  readonly View: ComponentType;
}
