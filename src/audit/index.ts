// The public face of the bench: audits, their tests, their results, and reports of them.
export { heavyBallAscent, projectedAscent } from "./attack/ascent.ts";
export { localLipschitz } from "./attack/lipschitz.ts";
export { compileObjective, type Domain, type Objective } from "./attack/objective.ts";
export { audit, type AuditOptions, type AuditProgress } from "./runner.ts";
export { schemaVersion, type AuditResult, type Measurement, type Certificate, type DetailScore, type Outcome, type TestRecord, type Transfer } from "./schema.ts";
export { fromNormals, normalCdf } from "./likelihood/normals.ts";
export { plainMonteCarlo, subsetSimulation, type Likelihood } from "./likelihood/subset-simulation.ts";
export { badReconstructionLikelihood } from "./stability/likelihood.ts";
export { practicalFaults } from "./stability/practice.ts";
export { instabilityAscent } from "./stability/instability-ascent.ts";
export { structuralChange } from "./stability/structural-change.ts";
export type { StabilityTest } from "./stability/test.ts";
export { worstCasePerturbation } from "./stability/worst-case-perturbation.ts";
export { renderHtml, type ReportOptions } from "./report/html.ts";
export { renderComparison } from "./report/comparison.ts";
export { renderCsv } from "./report/csv.ts";
export { readResult } from "./result.ts";
export { renderMarkdown } from "./report/markdown.ts";
