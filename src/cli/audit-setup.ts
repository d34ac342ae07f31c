// What an audit's options ask for, as a spec and what it names. The command and its workers open
// the
// audit from that.
import {
  ascentPresets,
  auditFromSpec,
  specVersion,
  type AuditOptions,
  type AuditSpec,
  type Given,
  type TestSpec,
} from "../audit/index.ts";
import { openBackend, present, type Backend } from "../engine/index.ts";
import { acquisitionFaults, coilDropOut, gaussianNoise, networksByHash } from "../imaging/index.ts";
import { loadNetwork, saveNetwork, type Network } from "../learning/index.ts";
import type { AuditValues, testNames, testOptions } from "./audit-options.ts";
import { measuredKspace, type Audited } from "./audit-kspace.ts";
import {
  chooseBackend,
  chooseMeasuring,
  chooseNoise,
  classicalMethod,
  loadImages,
  type Images,
  type Noted,
} from "./inputs.ts";
import { loadModel, OTHER_MODELS, type Model } from "./models.ts";
import { unlikeTraining } from "./likeness.ts";
import { usesMask } from "./operator-inputs.ts";
import type { Values } from "./options.ts";
import type { Terminal } from "./terminal.ts";

type TestValues = Values<typeof testOptions>;
type TestName = (typeof testNames)[number];
const chosen = ({ tests }: TestValues, name: TestName): boolean => tests.includes(name) || tests.includes("all");

/** The tests that the options ask for. */
function testsOf(options: AuditValues): TestSpec[] {
  const coils = options.operator === "multi-coil";
  const { maxLoss: maxPsnrLoss, leastRecovery, preset, region } = options;
  const named: Readonly<Record<Exclude<TestName, "certificates">, TestSpec>> = {
    ascent: {
      kind: "instabilityAscent",
      maxPsnrLoss,
      ...(preset ? ascentPresets[preset] : { relativeNorms: options.norms, iterations: options.iterations }),
    },
    "worst-case": {
      kind: "worstCasePerturbation",
      domain: options.domain,
      ball: options.norm,
      relativeBudgets: options.budgets,
      maxPsnrLoss,
      steps: options.steps,
      restarts: options.restarts,
      ...(region ? { region } : {}),
    },
    invented: { kind: "inventedDetail" },
    details: { kind: "structuralChange", placements: options.placements, leastRecovery },
    "lost-detail": { kind: "lostDetailSearch", leastShare: leastRecovery },
    rates: { kind: "samplingRates" },
    practice: {
      kind: "practicalFaults",
      maxPsnrLoss,
      ...(coils ? { faults: [...acquisitionFaults, coilDropOut].map((f) => f.name) } : {}),
    },
    symmetries: { kind: "symmetries" },
    likelihood: { kind: "badReconstructionLikelihood", samples: options.samples },
  };
  return Object.entries(named)
    .filter(([name]) => chosen(options, name as TestName))
    .map(([, test]) => test);
}

/** An audit as it is handed to another thread: the spec, and the bytes of what it names. */
export interface Handed {
  readonly spec: AuditSpec;
  readonly arrays: Given["arrays"];
  readonly checkpoints: readonly Uint8Array[];
}
export interface Setup {
  readonly audit: AuditOptions & { readonly spec: AuditSpec };
  readonly sampling: Noted;
  readonly handed: Handed;
  /** The one that is audited, and those beside it. */
  readonly models: readonly Model[];
}

/** The scans, each with how it is unlike what the network was trained on. */
function withUnlikeness({ spec, set }: Images, network: Network, terminal: Terminal): AuditSpec["images"] {
  if (spec.kind !== "given") return spec;
  const unlike = unlikeTraining(network, set);
  const records = spec.images.map((record, i) => present({ ...record, unlike: unlike[i] }));
  for (const { label, unlike: how } of records) if (how !== undefined) terminal.note(`${label}: ${how}`);
  return { ...spec, images: records };
}

/** What stands beside the network: all tests are worth another classical method. */
function besideOf(options: AuditValues): readonly string[] {
  const { methods, tests } = options;
  const plain = usesMask(options) ? "zero-filled" : "filtered-back-projection";
  return methods ?? ["total-variation", ...(tests.includes("all") ? ["wavelet"] : []), plain];
}

/** Those beside the network that is audited; what the package brings unless given. */
async function modelsBeside({ model, size }: AuditValues): Promise<readonly Model[]> {
  const paths = model.length === 0 ? OTHER_MODELS : model.slice(1);
  const models: Model[] = [];
  // --as is the first one's
  for (const path of paths) models.push(await loadModel({ model: path, size }));
  return models;
}

/** Measurements simulated from images, or k-space as it is, of whose noise nothing is known. */
async function auditedOn(options: AuditValues, model: Model, backend: Backend, terminal: Terminal): Promise<Audited> {
  if (options.kspace !== undefined) return measuredKspace(options, options.kspace, model);
  const { operator, arrays, sampling } = await chooseMeasuring(options, model);
  const images = await loadImages(options, model.shape, backend, terminal);
  return {
    operator,
    sampling,
    arrays: new Map([...images.arrays, ...arrays]),
    images: withUnlikeness(images, model.network, terminal),
    sigma: chooseNoise(options, model),
  };
}

/** Everything that the options ask for. */
export async function setUpAudit(options: AuditValues, terminal: Terminal): Promise<Setup> {
  const tests = testsOf(options);
  const model = await loadModel({ ...options, model: options.model[0] });
  const beside = await modelsBeside(options);
  const { name } = options;
  const first = name === undefined ? model.network : { ...model.network, name };
  const networks = [first, ...beside.map(({ network }) => network)];
  const named = networksByHash(networks);
  const backend = await chooseBackend({ ...options, threads: 1 }, terminal);
  const { operator, sampling, arrays, images, sigma } = await auditedOn(options, model, backend, terminal);
  const spec: AuditSpec = {
    version: specVersion,
    operator: operator.spec!,
    // to a measurement none is added
    noise: gaussianNoise({ sigma: sigma ?? 0 }),
    images,
    methods: [
      ...[...named.keys()].map((sha256) => ({ kind: "networkReconstructor", sha256 }) as const),
      ...besideOf(options).map((name) => classicalMethod(name, options, sigma)),
    ],
    tests,
    certificates: chosen(options, "certificates"),
    seed: options.seed,
    backend: { name: backend.name, precision: options.precision },
  };
  return {
    audit: { ...auditFromSpec(spec, { arrays, networks: named }, backend), spec },
    sampling,
    models: [model, ...beside],
    handed: { spec, arrays, checkpoints: networks.map(saveNetwork) },
  };
}

/** The same audit in another thread. */
export async function openHanded({ spec, arrays, checkpoints }: Handed): Promise<AuditOptions> {
  const networks = networksByHash(checkpoints.map((bytes) => loadNetwork(bytes, "the network")));
  const { name, precision } = spec.backend;
  const backend: Backend = await openBackend(name as "wasm" | "reference", { precision, threads: 1 });
  return auditFromSpec(spec, { arrays, networks }, backend);
}
