// What an audit's options ask for, as a spec and what it names. The command and its workers open
// the audit from that.
import type { MessagePort } from "node:worker_threads";
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
import {
  acquisitionFaults,
  coilDropOut,
  gaussianNoise,
  networksByHash,
  type RunProgram,
} from "../imaging/index.ts";
import { loadNetwork, saveNetwork, type Network } from "../learning/index.ts";
import type { AuditValues, testNames, testOptions } from "./audit-options.ts";
import { measuredKspace, type Audited } from "./audit-kspace.ts";
import { openCommand, questionOf, type Program } from "./programs.ts";
import { programBehind } from "./program-port.ts";
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
const chosen = ({ tests }: TestValues, name: TestName): boolean =>
  tests.includes(name) || tests.includes("all");

/** The tests that the options ask for. */
function testsOf(options: AuditValues): TestSpec[] {
  const coils = options.operator === "multi-coil";
  const { maxLoss: maxPsnrLoss, leastRecovery, preset, region } = options;
  const queried = present({ queries: options.queries });
  const named: Readonly<Record<Exclude<TestName, "certificates">, TestSpec>> = {
    ascent: {
      kind: "instabilityAscent",
      maxPsnrLoss,
      ...(preset
        ? ascentPresets[preset]
        : { relativeNorms: options.norms, iterations: options.iterations, ...queried }),
    },
    "worst-case": {
      kind: "worstCasePerturbation",
      domain: options.domain,
      ball: options.norm,
      relativeBudgets: options.budgets,
      maxPsnrLoss,
      steps: options.steps,
      restarts: options.restarts,
      ...queried,
      ...(region ? { region } : {}),
    },
    invented: { kind: "inventedDetail", ...queried },
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

/**
 * An audit as it is handed to another thread: the spec, the bytes of what it names, and the way to
 * ask its program.
 */
export interface Handed {
  readonly spec: AuditSpec;
  readonly arrays: Given["arrays"];
  readonly checkpoints: readonly Uint8Array[];
  readonly port?: MessagePort;
}
export interface Setup {
  readonly audit: AuditOptions & { readonly spec: AuditSpec };
  readonly sampling: Noted;
  readonly handed: Handed;
  readonly program?: Program;
  /** The one that is audited, and those beside it. */
  readonly models: readonly Model[];
}

/** The scans, each with how it is unlike what the network was trained on. */
function withUnlikeness(
  { spec, set }: Images,
  network: Network,
  terminal: Terminal,
): AuditSpec["images"] {
  if (spec.kind !== "given") return spec;
  const unlike = unlikeTraining(network, set);
  const records = spec.images.map((record, i) => present({ ...record, unlike: unlike[i] }));
  for (const { label, unlike: how } of records)
    if (how !== undefined) terminal.note(`${label}: ${how}`);
  return { ...spec, images: records };
}

/** What stands beside the network: all tests are worth another classical method. */
function besideOf(options: AuditValues): readonly string[] {
  const { methods, tests } = options;
  const plain = usesMask(options) ? "zero-filled" : "filtered-back-projection";
  return methods ?? ["total-variation", ...(tests.includes("all") ? ["wavelet"] : []), plain];
}

/**
 * The network that is audited, and those beside it; those that the package brings unless given, or
 * unless a program is audited.
 */
async function modelsOf(options: AuditValues, model: Model): Promise<readonly Model[]> {
  const { name, size, command, model: paths } = options;
  if (command !== undefined && paths.length === 0) return [];
  const named =
    name === undefined || command !== undefined ? model.network : { ...model.network, name };
  const models: Model[] = [{ ...model, network: named }];
  const others = paths.length === 0 ? OTHER_MODELS : paths.slice(1);
  // --as is the first one's
  for (const path of others) models.push(await loadModel({ model: path, size }));
  return models;
}

/** Measurements simulated from images, or k-space as it is, of whose noise nothing is known. */
async function auditedOn(
  options: AuditValues,
  { model, networks, backend }: { model: Model; networks: readonly Network[]; backend: Backend },
  terminal: Terminal,
): Promise<Audited> {
  if (options.kspace !== undefined)
    return measuredKspace(options, options.kspace, model, networks.length > 0);
  const { operator, arrays, sampling } = await chooseMeasuring(options, model);
  const images = await loadImages(options, model.shape, backend, terminal);
  return {
    operator,
    sampling,
    arrays: new Map([...images.arrays, ...arrays]),
    images: networks.length > 0 ? withUnlikeness(images, model.network, terminal) : images.spec,
    sigma: chooseNoise(options, model),
  };
}

/** The program by the hash of its spec, as methods run it. */
function programsOf(
  { methods }: AuditSpec,
  program: Program | undefined,
): NonNullable<Given["programs"]> {
  const own = methods.filter((method) => method.kind === "command");
  if (!program) return new Map();
  const run: RunProgram = (measurements, operator) =>
    program.ask(questionOf(measurements, operator));
  return new Map(own.map(({ sha256 }) => [sha256, run]));
}

/** What measures, and what searches where that is a graphics card: verdicts repeat anywhere. */
async function chooseBackends(
  options: AuditValues,
  terminal: Terminal,
): Promise<{ backend: Backend; searching?: Backend }> {
  const isOnCard = options.backend === "webgpu";
  const measuring = isOnCard ? "wasm" : options.backend;
  const backend = await chooseBackend({ ...options, backend: measuring, threads: 1 }, terminal);
  if (!isOnCard) return { backend };
  const searching = await chooseBackend({ ...options, threads: 1 }, terminal);
  terminal.note(
    `searches run on ${searching.adapter}; what they find is measured on ${backend.name}`,
  );
  return { backend, searching };
}

/** Everything that the options ask for. */
export async function setUpAudit(options: AuditValues, terminal: Terminal): Promise<Setup> {
  const tests = testsOf(options);
  const model = await loadModel({ ...options, model: options.model[0] });
  const models = await modelsOf(options, model);
  const networks = models.map(({ network }) => network);
  const named = networksByHash(networks);
  const { backend, searching } = await chooseBackends(options, terminal);
  const on = await auditedOn(options, { model, networks, backend }, terminal);
  const { operator, sampling, arrays, images, sigma } = on;
  const command =
    options.command === undefined ? undefined : openCommand(options, options.command, on);
  const spec: AuditSpec = {
    version: specVersion,
    operator: operator.spec!,
    // to a measurement none is added
    noise: gaussianNoise({ sigma: sigma ?? 0 }),
    images,
    methods: [
      ...(command ? [command.spec] : []),
      ...[...named.keys()].map((sha256) => ({ kind: "networkReconstructor", sha256 }) as const),
      ...besideOf(options).map((name) => classicalMethod(name, options, sigma)),
    ],
    tests,
    certificates: chosen(options, "certificates"),
    seed: options.seed,
    backend: {
      name: backend.name,
      precision: options.precision,
      ...present({ searches: searching?.adapter }),
    },
  };
  const program = command?.program;
  return present({
    audit: {
      ...auditFromSpec(
        spec,
        { arrays, networks: named, programs: programsOf(spec, program) },
        backend,
        searching,
      ),
      spec,
    },
    sampling,
    models,
    handed: { spec, arrays, checkpoints: networks.map(saveNetwork) },
    program,
  });
}

/** The same audit in another thread. */
export async function openHanded({
  spec,
  arrays,
  checkpoints,
  port,
}: Handed): Promise<AuditOptions> {
  const networks = networksByHash(checkpoints.map((bytes) => loadNetwork(bytes, "the network")));
  const { name, precision, searches } = spec.backend;
  const backend: Backend = await openBackend(name as "wasm" | "reference", {
    precision,
    threads: 1,
  });
  const searching = searches === undefined ? undefined : await openBackend("webgpu");
  const programs = programsOf(spec, port && programBehind(port));
  return auditFromSpec(spec, { arrays, networks, programs }, backend, searching);
}
