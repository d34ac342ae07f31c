// Section 3: kernels from random to edge-like, as they are learned from labelled edges.
import { straightEdges } from "fiducial/data";
import {
  adam,
  classification,
  compileEvaluation,
  crossEntropy,
  fit,
  kernels,
  nn,
  type KernelName,
  type Network,
} from "fiducial/learning";
import { quickly } from "../engine.ts";
import type { Context } from "../protocol.ts";
import { inMemory } from "../samples.ts";

export const [count, size] = [8, 5];
const [SIDE, EVERY] = [16, 4];

export interface Snapshot {
  readonly step: number;
  /** [8, 1, 5, 5] */
  readonly kernels: Float32Array;
  /** Of 200 edges that it is not trained on. */
  readonly accuracy: number;
  readonly loss: number;
}
export interface LearnedKernels {
  readonly snapshots: readonly Snapshot[];
  readonly classes: readonly string[];
  /** Beside the learned ones. */
  readonly made: readonly { readonly name: KernelName; readonly data: readonly number[] }[];
}

/** Trains a network with one layer of eight kernels to tell four directions of edges apart. */
export async function learnKernels(
  { seed }: { seed: number },
  { signal }: Context,
): Promise<LearnedKernels> {
  const backend = await quickly();
  const images = straightEdges({ count: 800, seed: 1, size: SIDE });
  const data = await inMemory(classification(images));
  const tested = await inMemory(
    classification(straightEdges({ count: 200, seed: 1001, size: SIDE })),
  );
  const layers = [
    nn.conv2d({ outChannels: count, kernelSize: size }),
    nn.relu(),
    nn.globalAvgPool2d(),
    nn.flatten(),
    nn.linear({ outFeatures: 4 }),
  ];
  const fresh = nn.sequential({ input: [1, SIDE, SIDE], seed, layers });
  const loss = crossEntropy();
  const evaluate = await compileEvaluation(fresh, { data: tested, loss, batchSize: 200, backend });
  const snapshots: Snapshot[] = [];
  const keep = async (step: number, network: Network): Promise<void> => {
    const { accuracy = 0, loss: value } = await evaluate(network, tested);
    const weights = network.parameters.get("0.conv2d.weight")!.data;
    snapshots.push({ step, kernels: weights.slice(), accuracy, loss: value });
  };
  await keep(0, fresh);
  const trained = await fit(fresh, {
    ...{
      data,
      loss,
      optimizer: adam({ learningRate: 2e-2 }),
      epochs: 10,
      batchSize: 50,
      seed,
      backend,
      signal,
    },
    checkpointEvery: EVERY,
    on: { checkpoint: ({ step, network }) => keep(step, network) },
  });
  await keep(160, trained);
  const names = ["verticalEdge", "horizontalEdge", "sobelVertical", "sobelHorizontal"] as const;
  return {
    snapshots,
    classes: images.classes,
    made: names.map((name) => ({ name, data: kernels[name].data })),
  };
}
