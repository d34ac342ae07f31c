// What a network makes of samples, once, to train another one on: a head on a frozen backbone.
import { sizeOf, type Backend } from "../../engine/index.ts";
import { outputShape } from "../nn/cutting.ts";
import type { Network } from "../nn/network.ts";
import { batchReader, range, type Dataset } from "../train/dataset.ts";
import { predict } from "./compile.ts";

/**
 * The samples with a network's outputs for inputs, all computed now: training on them is training
 * behind that network while it stays as it is. What changes samples from epoch to epoch
 * (augmentation) is seen as in the first.
 */
export async function featuresOf(
  network: Network,
  data: Dataset,
  options: { readonly backend: Backend; readonly batch?: number },
): Promise<Dataset> {
  const { backend, batch = 64 } = options;
  const inputShape = outputShape(network);
  const [size, targetSize] = [sizeOf(inputShape), sizeOf(data.targetShape)];
  const features = new Float32Array(data.length * size);
  const targets = new Float32Array(data.length * targetSize);
  const read = batchReader(data);
  const batchAt = (at: number): number[] => range(at, Math.min(at + batch, data.length));
  for (let at = 0; at < data.length; at += batch) {
    const indices = batchAt(at);
    const n = indices.length;
    const input = new Float32Array(n * sizeOf(data.inputShape));
    const target = targets.subarray(at * targetSize, (at + n) * targetSize);
    await read({ input, target }, indices, 0, batchAt(at + n));
    features.set(await predict(network, { inputs: input, count: n, batch, backend }), at * size);
  }
  return {
    length: data.length,
    inputShape,
    targetShape: data.targetShape,
    read(i, input, target) {
      input.set(features.subarray(i * size, (i + 1) * size));
      target.set(targets.subarray(i * targetSize, (i + 1) * targetSize));
    },
  };
}
