// Section 6: one node, activations, two layers with and without them, and the softmax.
import { arithmetic, gradients, GraphBuilder, ops } from "fiducial/engine";
import {
  applyNetwork,
  explainNode,
  nn,
  trace,
  type Network,
  type NodeTerm,
} from "fiducial/learning";
import { exactly } from "../engine.ts";
import { networkWith } from "../networks.ts";

export const activations = {
  none: [],
  relu: [nn.relu()],
  leakyRelu: [nn.leakyRelu({ slope: 0.1 })],
  sigmoid: [nn.sigmoid()],
  tanh: [nn.tanh()],
  silu: [nn.silu()],
} as const;
export type ActivationName = keyof typeof activations;

/** From −6 to 6. */
const line = Array.from({ length: 121 }, (_, i) => -6 + 0.1 * i);

/** The outputs of a network [1] → [1] at many inputs, and its slopes there. */
async function curveOf(
  network: Network,
  at: readonly number[],
): Promise<{ values: number[]; slopes: number[] }> {
  const b = new GraphBuilder(ops);
  const x = b.input("x", [at.length, 1]);
  const { y } = applyNetwork(b, network, x);
  b.output("y", y);
  // every sample's output depends on its own input alone
  b.output("slope", gradients(b, arithmetic(b).sum(y), [x])[0]);
  const out = await (await (await exactly()).compile(b)).execute({ x: at });
  return { values: Array.from(out.y), slopes: Array.from(out.slope) };
}
const network1 = (layers: Network["architecture"]["layers"], seed = 1): Network =>
  nn.sequential({ input: [1], seed, layers });

export interface ActivationCurve {
  readonly name: ActivationName;
  readonly at: readonly number[];
  readonly values: readonly number[];
  readonly slopes: readonly number[];
}
export async function activationCurves(_: object): Promise<ActivationCurve[]> {
  const all: ActivationCurve[] = [];
  for (const name of Object.keys(activations) as ActivationName[])
    all.push({ name, at: line, ...(await curveOf(network1(activations[name]), line)) });
  return all;
}

export interface NodeAnswer {
  readonly terms: readonly NodeTerm[];
  readonly z: number;
  readonly a: number;
  /** ∂a/∂z */
  readonly slope: number;
}
export async function oneNode(asked: {
  inputs: readonly number[];
  weights: readonly number[];
  bias: number;
  activation: ActivationName;
}): Promise<NodeAnswer> {
  const { inputs, weights, bias, activation } = asked;
  const network = networkWith(
    { input: [inputs.length], seed: 1, layers: [nn.linear({ outFeatures: 1 })] },
    { "0.linear.weight": weights, "0.linear.bias": [bias] },
  );
  const backend = await exactly();
  const { terms, sum } = await explainNode(network, {
    layer: "0.linear",
    node: [0],
    input: inputs,
    backend,
  });
  const { values, slopes } = await curveOf(network1(activations[activation]), [sum]);
  return { terms, z: sum, a: values[0], slope: slopes[0] };
}

export interface Bent {
  readonly at: readonly number[];
  readonly withActivation: readonly number[];
  readonly without: readonly number[];
}
/** Two layers, [1] → 6 → [1], the same weights with an activation between them and without. */
export async function twoLayers({
  activation,
  seed,
}: {
  activation: ActivationName;
  seed: number;
}): Promise<Bent> {
  const layers = [nn.linear({ outFeatures: 6 }), nn.linear({ outFeatures: 1 })] as const;
  const straight = network1(layers, seed);
  const between = activations[activation];
  const bent = network1([layers[0], ...between, layers[1]], seed);
  const last = between.length + 1;
  const same = networkWith(
    { ...bent.architecture, seed },
    Object.fromEntries(
      [...straight.parameters].map(([name, { data }]) => [
        name.replace("1.linear", `${last}.linear`),
        // larger than they are drawn, so that the bends are within sight
        Array.from(data, (v) => 2 * v),
      ]),
    ),
  );
  const doubled = networkWith(
    { ...straight.architecture, seed },
    Object.fromEntries(
      [...straight.parameters].map(([name, { data }]) => [name, Array.from(data, (v) => 2 * v)]),
    ),
  );
  return {
    at: line,
    withActivation: (await curveOf(same, line)).values,
    without: (await curveOf(doubled, line)).values,
  };
}

export async function softmaxOf(asked: {
  scores: readonly number[];
  temperature: number;
}): Promise<number[]> {
  const { scores, temperature } = asked;
  const network = nn.sequential({
    input: [scores.length],
    seed: 1,
    layers: [nn.softmax({ temperature })],
  });
  return Array.from(
    (await trace(network, { inputs: scores, backend: await exactly() })).get("0.softmax")!.data,
  );
}
