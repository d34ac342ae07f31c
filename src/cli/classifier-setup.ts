// What the options of `train classifier` ask for: the network, the images as they are changed, and
// the way it is trained.
import { ConfigError, FormatError, parseJson, present, quoted } from "../engine/index.ts";
import {
  adam,
  augmented,
  balanced,
  constant,
  cosine,
  crossEntropy,
  mixup,
  nn,
  oneCycle,
  sgd,
  smoothFall,
  warmUp,
  type Dataset,
  type FitOptions,
  type Network,
} from "../learning/index.ts";
import type { LabelledImages } from "../data/index.ts";
import type { ClassifierSettings as Settings } from "./classifier-options.ts";
import { readFile } from "./files.ts";

interface Described {
  readonly input?: unknown;
  readonly layers?: nn.Layer[];
}
const described = `{ "input": [channels, height, width], "layers": [{ "kind": "conv2d", … }, …] }`;
const architectures = {
  lenet5: nn.lenet5,
  resnet20: nn.resnet20,
  resnet18: nn.resnet18,
  vgg: nn.smallVgg,
};

/** A named architecture, or that of a JSON file. */
export function architecture(
  name: string,
  input: readonly [number, number, number],
  classes: number,
  seed: number,
): Network {
  if (Object.hasOwn(architectures, name))
    return architectures[name as keyof typeof architectures]({ classes, seed, input });
  if (!name.endsWith(".json"))
    throw new ConfigError(
      `--arch ${name}: it is ${Object.keys(architectures).join(", ")} or a JSON file`,
      { name },
    );
  const hint = `it should be ${described}`;
  const file = (parseJson(readFile(name), `${name}: it`, hint) ?? {}) as Described;
  if (!Array.isArray(file.layers)) throw new FormatError(`${name}: ${hint}`, {});
  if (file.input !== undefined && String(file.input) !== String(input))
    throw new ConfigError(
      `${name}: it takes images ${quoted(file.input)}, the data's are ${quoted(input)}`,
      {},
    );
  return nn.sequential({ input, layers: file.layers, seed });
}

/** The training samples, changed anew every epoch where the options ask for it. */
export function changed(plain: Dataset, train: LabelledImages, settings: Settings): Dataset {
  const { shift, flip, rotate, scale, jitter: noise, seed, crop, mixup: alpha } = settings;
  const { brightness, contrast, saturation, hue, cutout } = settings;
  const own = Object.entries({ brightness, contrast, saturation, hue, cutout }).filter(
    ([, value]) => value > 0,
  );
  const part = crop === undefined ? {} : { crop: { area: [crop, 1] as const } };
  const change = { shift, flip, rotate, scale, noise, ...Object.fromEntries(own), ...part };
  const even = settings.balanced
    ? balanced(plain, { seed, classOf: (i) => train.label(i) })
    : plain;
  const other = Object.values(change).some(Boolean) ? augmented(even, { ...change, seed }) : even;
  return alpha === undefined ? other : mixup(other, { alpha, seed });
}
/** The optimiser, its schedule and the loss, as the options ask for them. */
export function wayOf(
  settings: Settings,
): Pick<FitOptions, "optimizer" | "loss" | "schedule" | "decayed" | "keepBest"> {
  const { learningRate, weightDecay, labelSmoothing, warmup, keepBest } = settings;
  const schedules = { smooth: smoothFall, cosine, "one-cycle": oneCycle, constant };
  const plain = schedules[settings.schedule]();
  return present({
    optimizer:
      settings.optimizer === "adam"
        ? adam({ learningRate, weightDecay })
        : sgd({ learningRate, momentum: 0.9, weightDecay }),
    loss: crossEntropy({ labelSmoothing }),
    schedule: warmup > 0 ? warmUp(plain, { steps: warmup }) : plain,
    decayed: weightDecay > 0 ? ("weights" as const) : undefined,
    keepBest: keepBest || undefined,
  });
}
