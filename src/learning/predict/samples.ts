// Labelled images as samples to train on, prepared as a network prepares the pictures that it is
// used on.
import type { LabelledImages } from "../../data/index.ts";
import { ShapeError } from "../../engine/index.ts";
import type { Network } from "../nn/network.ts";
import type { Dataset } from "../train/dataset.ts";
import { plain, preprocessed, scale, type Preprocessing } from "./preprocessing.ts";
import type { Pixels } from "./resample.ts";

/** An image's planes as pictures have them: three, equal where it is grey. */
function pixelsAt(images: LabelledImages, i: number): Pixels {
  const [channels, height, width] = images.shape;
  const size = height * width;
  const own = new Float32Array(channels * size);
  images.pixels(i, own);
  if (channels === 3) return { height, width, planes: own };
  if (channels !== 1)
    throw new ShapeError(`preparedFor: images of ${channels} channels; give grey or colour`, {});
  const planes = new Float32Array(3 * size);
  for (let c = 0; c < 3; c++) planes.set(own, c * size);
  return { height, width, planes };
}

/** Values from −1 to 1 → the network's range, mean and deviation. */
function scaled(data: Dataset, steps: Preprocessing): Dataset {
  const [channels] = data.inputShape;
  return {
    ...data,
    ...(data.varied && { varied: { ...data.varied, from: scaled(data.varied.from, steps) } }),
    read(i, input, target, epoch) {
      data.read(i, input, target, epoch);
      for (let k = 0; k < input.length; k++) input[k] = (input[k] + 1) / 2;
      scale(input, channels, steps);
    },
  };
}

/**
 * The images by the network's own preprocessing, targets one-hot rows. `change`, such as
 * augmentation, is given them with values from −1 to 1, before they are scaled by range, mean and
 * deviation. What preprocessing refuses is refused when the image is read.
 */
export function preparedFor(
  network: Network,
  images: LabelledImages,
  options: { readonly change?: (data: Dataset) => Dataset } = {},
): Dataset {
  const { change } = options;
  if (!change) return prepared(network, images);
  const { mean: _, deviation: __, ...steps } = network.trained?.preprocessing ?? {};
  const unscaled = { ...network.trained, preprocessing: { ...steps, range: [-1, 1] as const } };
  const changed = change(prepared({ ...network, trained: unscaled }, images));
  return scaled(changed, network.trained?.preprocessing ?? plain);
}
function prepared(network: Network, images: LabelledImages): Dataset {
  const { prepare } = images;
  return {
    length: images.length,
    inputShape: network.architecture.input,
    targetShape: [images.classes.length],
    ...(prepare && { prepare: (indices: readonly number[]) => prepare.call(images, indices) }),
    read(i, input, target) {
      input.set(preprocessed(network, pixelsAt(images, i), `image ${i}`));
      target.fill(0);
      target[images.label(i)] = 1;
    },
  };
}
