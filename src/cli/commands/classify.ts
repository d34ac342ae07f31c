// fiducial classify: what a classifier sees in pictures.
import { join } from "node:path";
import { ConfigError } from "../../engine/index.ts";
import { writePng } from "../../data/index.ts";
import {
  featureSheet,
  loadNetwork,
  predict,
  saliency,
  topClasses,
  type Network,
} from "../../learning/index.ts";
import { DONE } from "../errors.ts";
import { readFile, writeFiles } from "../files.ts";
import { chooseBackend, pictureInput } from "../inputs.ts";
import { modelOptions } from "../models.ts";
import { isOnnx, openOnnxClassifier, tellOnnx, type OnnxFacts } from "../onnx-models.ts";
import { computing, flagOf, integer, printing, text, type Values } from "../options.ts";
import { givenPictureOptions, pictureOptions, preprocessingOf } from "../picture-options.ts";
import { table } from "../terminal.ts";
import { command, type Command } from "./command.ts";

interface Opened {
  readonly network: Network;
  readonly onnx?: OnnxFacts;
}
const choosing = { ...modelOptions, ...pictureOptions } as const;
function openClassifier(path: string, choice: Values<typeof choosing>): Opened {
  const bytes = readFile(path);
  if (isOnnx(path, bytes)) {
    const { network, ...onnx } = openOnnxClassifier(path, bytes, {
      ...choice,
      pictures: preprocessingOf(choice),
    });
    return { network, onnx };
  }
  const own = (["as", "size"] as const).filter((name) => choice[name] !== undefined);
  const [given] = [...own, ...givenPictureOptions(choice)];
  if (given !== undefined)
    throw new ConfigError(
      `${flagOf(given)}: ${path} is a checkpoint, which says it itself; leave it out`,
      { given },
    );
  return { network: loadNetwork(bytes, path) };
}

export const classifyCommand: Command = command({
  name: "classify",
  operands: "[MODEL] IMAGE…",
  summary:
    "Prints the likeliest classes of pictures (PNG, JPEG, BMP, TIFF, WebP), with their probabilities. MODEL is a checkpoint or an ONNX file.",
  options: {
    model: text({ value: "FILE", help: "the model, instead of naming it first" }),
    ...choosing,
    top: integer({ default: 3, from: 1, help: "classes per picture" }),
    explain: text({
      value: "FOLDER",
      help: "write a sheet per picture there: the picture beside the pixels that the likeliest class hangs on",
    }),
    ...computing,
    ...printing,
  },
  async perform(values, terminal, operands) {
    const [model, pictures] =
      values.model === undefined ? [operands[0], operands.slice(1)] : [values.model, operands];
    if (model === undefined || pictures.length === 0)
      throw new ConfigError(
        "classify: name a checkpoint and at least one picture; see fiducial classify --help",
        {},
      );
    const { network, onnx } = openClassifier(model, values);
    const { input: shape } = network.architecture;
    if (shape.length !== 3 || network.trained?.classes === undefined)
      throw new ConfigError(
        `${model}: it is no classifier of images made by fiducial train classifier`,
        { shape },
      );
    const opened = await chooseBackend(values, terminal);
    tellOnnx(onnx, values.writeRecipe, terminal);
    const results: { image: string; classes: { name: string; probability: number }[] }[] = [];
    for (const path of pictures) {
      const input = await pictureInput(path, network);
      const y = await predict(network, { inputs: input, count: 1, backend: opened });
      const likeliest = topClasses(network, y, values.top);
      const folder = values.explain;
      if (folder !== undefined) {
        const seen = await saliency(network, {
          input,
          output: likeliest[0].index,
          backend: opened,
        });
        // the picture's channels, and what the answer hangs on
        const sheet = featureSheet(
          new Map([
            [
              "",
              {
                shape: [1, shape[0] + 1, ...seen.shape],
                data: Float64Array.from([...input, ...seen.data]),
              },
            ],
          ]),
        );
        writeFiles([
          {
            path: join(folder, `saliency-${results.length + 1}.png`),
            content: writePng(sheet.values, sheet.shape, 1),
          },
        ]);
      }
      results.push({
        image: path,
        classes: likeliest.map(({ name, probability }) => ({ name, probability })),
      });
    }
    terminal.print(
      table(
        ["picture", "class", "probability, %"],
        results.flatMap((r) =>
          r.classes.map((c, i) => [
            i === 0 ? r.image : "",
            c.name,
            (100 * c.probability).toFixed(2),
          ]),
        ),
      ),
    );
    terminal.json(results);
    return DONE;
  },
});
