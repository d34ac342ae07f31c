// What a section is: one sentence, one question to predict first, one figure, one table of numbers.
import type { ComponentType } from "preact";

export interface Section {
  /** In the address. */
  readonly id: string;
  readonly title: string;
  /** What there is to understand. */
  readonly sentence: string;
  readonly View: ComponentType;
}
