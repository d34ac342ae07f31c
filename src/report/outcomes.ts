// What outcomes are called.
import type { Outcome } from "./kinds.ts";

export const outcomeWords: Readonly<Record<Outcome, string>> = {
  pass: "pass",
  fail: "fail",
  inconclusive: "inconclusive",
  error: "error",
  "not-applicable": "not applicable",
};
