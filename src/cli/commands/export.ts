// fiducial export: a network as an ONNX file, for PyTorch's and ONNX Runtime's users.
import { ConfigError } from "../../engine/index.ts";
import { exportReconstructor, needsMeasurement } from "../../imaging/index.ts";
import {
  exportNetwork,
  summarize,
  type Network,
  type ExportedOnnx,
  type ExportOnnxOptions,
} from "../../learning/index.ts";
import { DONE } from "../errors.ts";
import { checkWritable, fileExists, writeFiles } from "../files.ts";
import { chooseMeasuring, noteSampling, samplingOptions } from "../inputs.ts";
import { brought, modelOptions, openNetwork } from "../models.ts";
import { choice, common, flagOf, option, printing, text, type Values } from "../options.ts";
import { table, type Terminal } from "../terminal.ts";
import { command, type Command } from "./command.ts";

function batchOf(given: string, flag: string): number | "any" {
  const count = Number(given);
  if (given === "any" || (Number.isInteger(count) && count >= 1 && count <= 4096))
    return given === "any" ? given : count;
  throw new ConfigError(`${flag} ${given}: give any, or a whole number between 1 and 4096`, {
    batch: given,
  });
}
const { noise: _, ...measuring } = samplingOptions;
const options = {
  model: text({
    value: "FILE|NAME",
    help: `checkpoint of the network, or one that the package brings: ${[...brought.keys()].join(", ")}`,
    default: [...brought.keys()][0],
  }),
  ...modelOptions,
  out: text({ value: "FILE", default: "network.onnx", help: "the ONNX file" }),
  from: choice(["measurement", "image"], {
    help: "what a reconstruction network is given: measurement, with the operator and all data consistency in the file, or the zero-filled image (image, where the network needs nothing else)",
  }),
  batch: option<number | "any", "any">({
    value: "N|any",
    default: "any",
    help: "images at a time; any, where the network allows it",
    read: batchOf,
  }),
  dft: choice(["matrix", "op"], {
    default: "matrix",
    help: "Fourier transforms as products with constant matrices (matrix), or as nodes DFT (op)",
  }),
  ...measuring,
  seed: common.seed,
  ...printing,
} as const;
type Options = Values<typeof options>;

const isComplexImage = (shape: readonly number[]): boolean => shape.length === 3 && shape[0] === 2;
/** From complex images to complex images of one size. */
function reconstructs(network: Network): boolean {
  const { input } = network.architecture;
  if (!isComplexImage(input)) return false;
  const output = summarize(network).layers.at(-1)?.shape ?? input;
  return output.join() === input.join();
}
/** Throws ConfigError for options that say how is measured, where nothing is. */
function checkUnmeasured(values: Options, why: string): void {
  const named = Object.keys(measuring) as (keyof typeof measuring)[];
  const given = named.find((name) => values[name] !== measuring[name].default);
  if (given !== undefined) throw new ConfigError(`${flagOf(given)}: ${why}`, { option: given });
}

/** The file, and how the measurement is taken, where it is in it. */
async function exported(
  network: Network,
  values: Options,
  terminal: Terminal,
): Promise<ExportedOnnx> {
  const { batch, dft, from } = values;
  const how: ExportOnnxOptions = { batch, dft };
  if (!reconstructs(network)) {
    const plain =
      "the network is no reconstruction, it is exported from its own input to its output; leave it out";
    if (from !== undefined) throw new ConfigError(`--from ${from}: ${plain}`, { from });
    checkUnmeasured(values, plain);
    return exportNetwork(network, how);
  }
  const needs = needsMeasurement(network);
  if (from === "image" && needs !== undefined)
    throw new ConfigError(`--from image: the network ${needs}; give --from measurement`, { from });
  if ((from ?? (needs === undefined ? "image" : "measurement")) === "image") {
    checkUnmeasured(
      values,
      "an image alone is measured by nothing; give --from measurement too, or leave it out",
    );
    return exportReconstructor({ network, from: "image", ...how });
  }
  const [, H, W] = network.architecture.input;
  const model = { network, shape: [H, W] as const, embedded: false };
  const { operator, sampling } = await chooseMeasuring({ ...values, noise: undefined }, model);
  const file = exportReconstructor({ network, from: { measurement: operator }, ...how });
  noteSampling(sampling, terminal);
  return file;
}

export const exportCommand: Command = command({
  name: "export",
  summary:
    "Writes a network as one ONNX file (opset 17) with its weights, and, from the measurement, its operator: for ONNX Runtime, PyTorch and others.",
  options,
  async perform(values, terminal) {
    const { model, out } = values;
    const known = fileExists(model) ? undefined : brought.get(model);
    const network = await openNetwork(known ?? model, values);
    checkWritable(out);
    const { bytes, inputs, outputs, nodes, fixedBatch } = await exported(network, values, terminal);
    writeFiles([{ path: out, content: bytes }]);
    if (fixedBatch !== undefined) terminal.note(`One image at a time: ${fixedBatch}`);
    const rows = [
      ...inputs.map(({ name, shape }) => ["input", name, shape.join("×")]),
      ...outputs.map(({ name, shape }) => ["output", name, shape.join("×")]),
    ];
    terminal.print(table(["", "name", "shape"], rows));
    terminal.print(`\n${out}: ${nodes} nodes, ${(bytes.length / 2 ** 20).toFixed(1)} MiB\n`);
    terminal.json({ out, inputs, outputs, nodes, bytes: bytes.length, fixedBatch });
    return DONE;
  },
});
