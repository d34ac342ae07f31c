// Training: one plan holds forward pass, gradients and updates; fit feeds it batches in seeded order.
import { ConfigError, ConvergenceError, GraphBuilder, gradients, ops, permutation, random, sizeOf, type Backend, type Shape, type Value } from "../../engine/index.ts";
import type { Loss } from "../nn/losses.ts";
import { applyNetwork, type Network, type Parameter } from "../nn/network.ts";
import type { Optimizer } from "./optimizers.ts";

/** Samples by index. Nothing says they are in memory. */
export interface Dataset {
  readonly length: number;
  readonly inputShape: Shape;
  readonly targetShape: Shape;
  /** Writes sample i. */
  read(i: number, input: Float32Array, target: Float32Array): void;
}
export interface Progress { readonly epoch: number; readonly epochs: number; readonly step: number; readonly steps: number; readonly loss: number }
export interface Epoch { readonly epoch: number; readonly trainLoss: number }
export interface FitOptions {
  readonly data: Dataset;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly backend: Backend;
  readonly on?: { readonly epoch?: (e: Epoch) => void; readonly step?: (p: Progress) => void | Promise<void> };
}
/** What stands between a sample and the network's input, and between its output and the loss: identity for a classifier, a reconstructor's initial image otherwise. */
export type Forward = (b: GraphBuilder, network: Network, input: Value) => { y: Value; parameters: Map<string, Value> };

/** A network with the same architecture and other values. */
export function withParameters(network: Network, read: (name: string) => ArrayLike<number>, provenance: Network["provenance"]): Network {
  const parameters = new Map<string, Parameter>();
  for (const [name, p] of network.parameters) parameters.set(name, { shape: p.shape, data: Float32Array.from(read(name)) });
  return { architecture: network.architecture, parameters, provenance };
}

/** The share of the learning rate left after `step` of `steps`: from 1 to 0, level at both ends. */
function decay(step: number, steps: number): number {
  const t = step / steps;
  return 1 - t * t * (3 - 2 * t);
}

/** Trains by minibatches in a seeded order; a last batch that is not full is left out, another one every epoch. The learning rate falls smoothly to 0 (1 − 3t² + 2t³). Throws ConfigError for impossible options, ConvergenceError at the first loss that is not finite, naming the step. */
export async function fit(network: Network, options: FitOptions, forward: Forward = (b, net, x) => applyNetwork(b, net, x)): Promise<Network> {
  const { data, epochs, batchSize, seed } = options;
  if (!(epochs >= 1) || !(batchSize >= 1)) throw new ConfigError(`fit: epochs ${epochs} and batchSize ${batchSize} must be at least 1`, { epochs, batchSize });
  if (batchSize > data.length) throw new ConfigError(`fit: the batch size ${batchSize} is larger than the set of ${data.length} samples; make it smaller`, { batchSize, length: data.length });
  const b = new GraphBuilder(ops);
  const x = b.input("input", [batchSize, ...data.inputShape]);
  const t = b.input("target", [batchSize, ...data.targetShape]);
  const rate = b.input("rate", []);
  const { y, parameters } = forward(b, network, x);
  const cost = options.loss.apply(b, y, t);
  b.output("loss", cost);
  options.optimizer.apply(b, parameters, gradients(b, cost, [...parameters.values()]), rate);
  const plan = await options.backend.compile(b);

  const rng = random(seed);
  const stepsPerEpoch = Math.floor(data.length / batchSize);
  const steps = epochs * stepsPerEpoch;
  const [inputSize, targetSize] = [sizeOf(data.inputShape), sizeOf(data.targetShape)];
  const input = new Float32Array(batchSize * inputSize);
  const target = new Float32Array(batchSize * targetSize);
  const base = options.optimizer.options.learningRate;
  for (let epoch = 0, step = 0; epoch < epochs; epoch++) {
    const order = permutation(data.length, rng.fork(`epoch ${epoch}`));
    let total = 0;
    for (let k = 0; k < stepsPerEpoch; k++, step++) {
      for (let i = 0; i < batchSize; i++) {
        data.read(order[k * batchSize + i], input.subarray(i * inputSize, (i + 1) * inputSize), target.subarray(i * targetSize, (i + 1) * targetSize));
      }
      const loss = plan.run({ input, target, rate: [base * decay(step, steps)] }).loss[0];
      if (!Number.isFinite(loss)) throw new ConvergenceError(`fit: the loss is ${loss} at step ${step + 1} (epoch ${epoch + 1}); lower the learning rate`, { step, epoch });
      total += loss;
      await options.on?.step?.({ epoch: epoch + 1, epochs, step: step + 1, steps, loss });
    }
    options.on?.epoch?.({ epoch: epoch + 1, trainLoss: total / stepsPerEpoch });
  }
  return withParameters(network, (name) => plan.read(name), { ...network.provenance, trainingSeed: seed, epochs, batchSize, optimizer: options.optimizer.name, learningRate: base, loss: options.loss.name, samples: data.length });
}

/** The network's output for a batch of inputs [N, …input]. */
export async function predict(network: Network, options: { inputs: Float32Array; count: number; backend: Backend }): Promise<Float32Array> {
  const b = new GraphBuilder(ops);
  b.output("y", applyNetwork(b, network, b.input("x", [options.count, ...network.architecture.input])).y);
  return Float32Array.from((await options.backend.compile(b)).run({ x: options.inputs }).y);
}
