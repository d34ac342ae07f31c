// Somebody's weights into a network of ours, with a report of what matched and what did not.
import {
  ConfigError,
  FormatError,
  quoted,
  sizeOf,
  withoutControls,
  type Shape,
} from "../../engine/index.ts";
import type { Network, Parameter } from "../nn/network.ts";
import { checkNames, near } from "../nn/option-types.ts";
import type { GivenTensor, GivenTensors } from "../recipe/open.ts";
import { torchName, type TorchNames } from "./names.ts";

/** A parameter of ours, and the tensor that it was looked for under. */
export interface MatchedWeight {
  readonly name: string;
  readonly from: string;
  readonly shape: Shape;
}
export interface WeightsReport {
  readonly matched: readonly MatchedWeight[];
  /** Nothing is called so in the file, or nothing was named for them (""). */
  readonly missing: readonly MatchedWeight[];
  /** Of another shape in the file: `given`. */
  readonly misshapen: readonly (MatchedWeight & { readonly given: Shape })[];
  /** Tensors of the file that no parameter took; batch counters are left out. */
  readonly unused: readonly { readonly from: string; readonly shape: Shape }[];
}
export interface LoadWeightsOptions {
  /** What parameters are called there; as nn.Sequential has them unless given. */
  readonly names?: TorchNames;
  /** What stands before every name in the file: "state_dict.". */
  readonly prefix?: string;
  /** What does not fit keeps the network's own values, and is reported; otherwise it is refused. */
  readonly partial?: boolean;
  /** The file's name, for messages. */
  readonly file?: string;
}

const times = (shape: Shape): string => (shape.length === 0 ? "one number" : shape.join("×"));
// axes of one cell hold nothing: a bias [8,1,1] is 8 numbers
const withoutOnes = (shape: Shape): string => shape.filter((n) => n !== 1).join();
const isCounter = (name: string): boolean => name.endsWith("num_batches_tracked");

interface Found {
  readonly report: WeightsReport;
  readonly tensors: ReadonlyMap<string, GivenTensor>;
}
function match(
  network: Network,
  given: GivenTensors,
  { names, prefix = "" }: LoadWeightsOptions,
): Found {
  const matched: MatchedWeight[] = [];
  const missing: MatchedWeight[] = [];
  const misshapen: (MatchedWeight & { given: Shape })[] = [];
  const tensors = new Map<string, GivenTensor>();
  const used = new Set<string>();
  for (const [name, { shape }] of network.parameters) {
    const theirs = torchName(name, names);
    const from = theirs === undefined ? "" : prefix + theirs;
    const tensor = given.get(from);
    used.add(from);
    if (!tensor) missing.push({ name, from, shape });
    else if (withoutOnes(tensor.shape) !== withoutOnes(shape))
      misshapen.push({ name, from, shape, given: tensor.shape });
    else {
      matched.push({ name, from, shape });
      tensors.set(name, tensor);
    }
  }
  const unused = [...given].filter(([from]) => !used.has(from) && !isCounter(from));
  const left = unused.map(([from, { shape }]) => ({ from, shape }));
  return { report: { matched, missing, misshapen, unused: left }, tensors };
}

/** What a report says, a line for each parameter or tensor that did not match. */
export function describeWeights({ matched, missing, misshapen, unused }: WeightsReport): string {
  const all = matched.length + missing.length + misshapen.length;
  const rest = unused.map(({ from }) => from);
  const text = (name: string): string => withoutControls(name);
  const lines = [
    `${matched.length} of ${all} parameters matched`,
    ...missing.map(({ name, from, shape }) =>
      from === ""
        ? `missing: nothing is named for ${quoted(name)} of ${times(shape)}`
        : `missing: ${quoted(text(from))}, for ${quoted(name)} of ${times(shape)}${hint(from, rest)}`,
    ),
    ...misshapen.map(
      ({ name, from, shape, given }) =>
        `shape: ${quoted(text(from))} is ${times(given)}, ${quoted(name)} takes ${times(shape)}`,
    ),
    ...unused.map(({ from, shape }) => `unused: ${quoted(text(from))} of ${times(shape)}`),
  ];
  return lines.join("\n");
}
function hint(from: string, rest: readonly string[]): string {
  const meant = near(from, rest).trim();
  return meant === "" ? "" : ` (${withoutControls(meant)})`;
}

/**
 * The network with the numbers of the file's tensors, which loadTensors of data gives, and what
 * matched. Throws FormatError that lists everything that did not, unless `partial` is wanted, and
 * always where nothing matched or values are not finite.
 */
export function loadWeights(
  network: Network,
  tensors: GivenTensors,
  options: LoadWeightsOptions = {},
): { network: Network; report: WeightsReport } {
  checkNames("loadWeights", options, ["names", "prefix", "partial", "file"], []);
  const { partial = false, file = "weights" } = options;
  const found = match(network, tensors, options);
  const { report } = found;
  if (network.parameters.size === 0)
    throw new ConfigError("loadWeights: the network has no parameters", {});
  const whole = report.missing.length + report.misshapen.length + report.unused.length === 0;
  if (report.matched.length === 0 || !(partial || whole)) {
    const said = describeWeights(report).split("\n");
    const names = [...tensors.keys()].slice(0, 4).map((name) => quoted(withoutControls(name)));
    const there = report.matched.length === 0 ? `; the file has ${names.join(", ")}…` : "";
    const shown = said.length > 30 ? [...said.slice(0, 30), `and ${said.length - 30} more`] : said;
    throw new FormatError(`${file}: it does not fit the network: ${shown.join("; ")}${there}`, {
      file,
      report,
    });
  }
  const parameters = new Map<string, Parameter>(network.parameters);
  for (const { name, from, shape } of report.matched) {
    const data = found.tensors.get(name)!.values();
    if (data.length !== sizeOf(shape) || !data.every(Number.isFinite))
      throw new FormatError(
        `${file}: ${quoted(withoutControls(from))} holds values that are not finite`,
        { from },
      );
    parameters.set(name, { shape, data });
  }
  const provenance = { ...network.provenance, weights: file.replace(/^.*[/\\]/, "") };
  return { network: { ...network, parameters, provenance }, report };
}
