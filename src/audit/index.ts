// The public face of the bench: audits, their tests, their results, and reports of them.
export { heavyBallAscent, projectedAscent } from "./attack/ascent.ts";
export { localLipschitz, type LocalLipschitz } from "./attack/lipschitz.ts";
export {
  search,
  searchDefaults,
  searchSteps,
  type Found,
  type GoalFound,
  type Searched,
  type SearchOptions,
  type SearchSettings,
  type Start,
} from "./attack/search.ts";
export { openAsking, type Asked, type Asking, type Reached } from "./attack/queries.ts";
export { spsa, type SpsaOptions } from "./attack/spsa.ts";
export { squareAttack, type SquareOptions } from "./attack/square.ts";
export {
  QUERIES,
  searchByQueries,
  type Queried,
  type QueryOptions,
} from "./attack/gradient-free.ts";
export { compileSearchStep, type Goal, type SearchStep } from "./attack/step.ts";
export {
  compileObjective,
  openLooking,
  type Domain,
  type Looking,
  type Objective,
} from "./attack/objective.ts";
export { assembleAudit } from "./assemble.ts";
export { testDefaults } from "./defaults.ts";
export {
  decodePiece,
  encodePiece,
  planAudit,
  type AuditHeader,
  type AuditOptions,
  type AuditPlan,
  type Piece,
  type PieceRecord,
} from "./plan.ts";
export { checkHeader, checkPiece } from "./piece-checks.ts";
export {
  auditFingerprint,
  auditFromSpec,
  parseAuditSpec,
  specVersion,
  type AuditSpec,
  type Given,
  type ImageKinds,
  type ImageSpec,
} from "./spec.ts";
export { openTest, stabilityTests, type Tests, type TestSpec } from "./stability/index.ts";
export { audit, type AuditProgress } from "./runner.ts";
export {
  schemaVersion,
  type AuditResult,
  type ImageRecord,
  type Measurement,
  type Certificate,
  type DetailScore,
  type Outcome,
  type RateScore,
  type Score,
  type TestRecord,
  type Transfer,
} from "./schema.ts";
export {
  differenceInterval95,
  meanInterval95,
  meanShareInterval95,
  shareInterval95,
  type Interval,
  type MeanInterval,
} from "./intervals.ts";
export { betaCdf, betaQuantile, studentQuantile } from "./quantiles.ts";
export { fromNormals, normalCdf } from "./likelihood/normals.ts";
export {
  plainMonteCarlo,
  subsetSimulation,
  type Likelihood,
} from "./likelihood/subset-simulation.ts";
export { badReconstructionLikelihood } from "./stability/likelihood.ts";
export { inventedDetail } from "./stability/invented-detail.ts";
export { lostDetailSearch } from "./stability/lost-detail-search.ts";
export { lookFor, type Looked, type Recovery } from "./stability/recovery.ts";
export { samplingRates } from "./stability/sampling-rates.ts";
export { practicalFaults } from "./stability/practice.ts";
export {
  ascentPresets,
  instabilityAscent,
  type AscentOptions,
} from "./stability/instability-ascent.ts";
export { symmetries } from "./stability/symmetries.ts";
export { structuralChange } from "./stability/structural-change.ts";
export type { Findings, StabilityTest, Subject } from "./stability/test.ts";
export {
  worstCasePerturbation,
  type WorstCaseOptions,
} from "./stability/worst-case-perturbation.ts";
export { differences, type Difference } from "./differences.ts";
export { answerOf, type Answer } from "./report/answer.ts";
export type { ReportOptions } from "./report/audit-report.ts";
export { renderComparison } from "./report/comparison.ts";
export { renderCsv } from "./report/measurements.ts";
export { renderFigures, renderHtml, renderMarkdown, type Figure } from "./report/render.ts";
export { readResult } from "./result.ts";
