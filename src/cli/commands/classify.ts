// fiducial classify: what a classifier sees in pictures.
import { ConfigError, exp, FormatError, formatShape, openBackend, ShapeError } from "../../engine/index.ts";
import { readPicture } from "../../data/index.ts";
import { loadNetwork, predict } from "../../learning/index.ts";
import { readFile } from "../files.ts";
import { common, type Arguments } from "../options.ts";
import { table, type Terminal } from "../terminal.ts";
import type { Command } from "./command.ts";

const { backend, json, debug, help } = common;

export const classifyCommand: Command = {
  name: "classify",
  usage: "MODEL IMAGE… [options]",
  summary: "Prints the likeliest classes of pictures (PNG, JPEG), with their probabilities.",
  options: { top: { value: "N", default: "3", help: "classes per picture" }, backend, json, debug, help },
  async run(args: Arguments, terminal: Terminal): Promise<number> {
    const [model, ...pictures] = args.positionals;
    if (model === undefined || pictures.length === 0) throw new ConfigError("classify: name a checkpoint and at least one picture; see fiducial classify --help", {});
    const network = loadNetwork(readFile(model), model);
    const { input } = network.architecture;
    const [C, H, W] = input;
    if (input.length !== 3 || network.provenance.classes === undefined) throw new ConfigError(`${model}: it is no classifier of images made by fiducial train classifier`, { input });
    const classes = JSON.parse(String(network.provenance.classes)) as string[];
    const top = Math.min(classes.length, args.integer("top", 1));
    const opened = await openBackend(args.choice("backend", ["auto", "wasm", "reference"]));
    const results: { image: string; classes: { name: string; probability: number }[] }[] = [];
    for (const path of pictures) {
      const picture = readPicture(readFile(path), path);
      if (picture.height !== H || picture.width !== W) throw new ShapeError(`${path}: it is ${picture.height}×${picture.width}, the network takes ${formatShape(input)}; resize it`, { input });
      if (C === 1 && !picture.grey && ![0, Math.floor((H * W) / 2)].every((k) => new Set(picture.pixel(Math.floor(k / W), k % W)).size === 1)) throw new FormatError(`${path}: it is in colour, the network takes grey pictures; convert it`, { input });
      const values = new Float32Array(C * H * W);
      for (let i = 0; i < H; i++) for (let j = 0; j < W; j++) picture.pixel(i, j).slice(0, C).forEach((v, c) => { values[(c * H + i) * W + j] = 2 * v - 1; });
      const y = await predict(network, { inputs: values, count: 1, backend: opened });
      const largest = Math.max(...y);
      const weights = Array.from(y, (v) => exp(v - largest));
      const total = weights.reduce((a, b) => a + b, 0);
      const order = weights.map((_, i) => i).sort((a, b) => weights[b] - weights[a]).slice(0, top);
      results.push({ image: path, classes: order.map((i) => ({ name: classes[i], probability: weights[i] / total })) });
    }
    terminal.print(table(["picture", "class", "probability, %"], results.flatMap((r) => r.classes.map((c, i) => [i === 0 ? r.image : "", c.name, (100 * c.probability).toFixed(2)]))));
    if (args.has("json")) process.stdout.write(`${JSON.stringify(results)}\n`);
    return 0;
  },
};
