// The metrics. What one is: metric.ts; what it is given: scored.ts.
export {
  checkMetrics,
  f1,
  intersectionOverUnion,
  precision,
  recall,
  type Average,
  type CountedOptions,
  type Metric,
  type MetricRun,
} from "./metric.ts";
export { areaUnderCurve, topK } from "./ranked.ts";
export { agreement, scored, type Scored } from "./scored.ts";
