// Section 9: back-propagation through a whole small network, a convolution's shared weights
// included: every derivative as its products, beside the finite difference, and the update.
import { ConvergenceError, GraphBuilder, ops, type Backend, type Plan } from "fiducial/engine";
import { norm } from "fiducial/imaging";
import {
  applyNetwork,
  constant,
  explainDerivatives,
  fit,
  gradientVector,
  nn,
  sgd,
  trace,
  type ChainRule,
  type Dataset,
  type Network,
} from "fiducial/learning";
import { exactly } from "../engine.ts";
import { networkWith, plain, type Plain } from "../networks.ts";
import { losses, type LossName } from "./cost.ts";
import { activations } from "./node.ts";

export const side = 4;
const classes = 2;
/** Half the width of the finite difference. */
const STEP = 1e-5;

export type Bend = "tanh" | "sigmoid" | "relu";
export interface BackpropAsked {
  readonly image: readonly number[];
  /** Empty: as the seed draws it. */
  readonly kernel: readonly number[];
  readonly seed: number;
  /** The class that is right, 0 or 1. */
  readonly target: number;
  readonly activation: Bend;
  readonly loss: LossName;
  readonly rate: number;
  /** Updates done already. */
  readonly updates: number;
  /** The parameter that is looked at, by its place in the gradient vector. */
  readonly chosen: number;
}

/** A parameter's share at one place: three local numbers and their product. */
export interface Share {
  /** [channel, row, column] of the map, or [output]. */
  readonly at: readonly number[];
  readonly dzdw: number;
  readonly dadz: number;
  readonly dCda: number;
  readonly product: number;
}
export interface Parameter {
  readonly name: string;
  readonly value: number;
  readonly gradient: number;
  readonly difference: number;
  /** After the next update. */
  readonly next: number;
}
export interface Propagated {
  readonly values: Readonly<Record<"z" | "a" | "y", Plain>>;
  /** Softmax of y, where the cost is the cross-entropy. */
  readonly probabilities: readonly number[] | undefined;
  /** ∂C/∂z, ∂C/∂a, ∂C/∂y. */
  readonly derivatives: Readonly<Record<"z" | "a" | "y", Plain>>;
  readonly parameters: readonly Parameter[];
  readonly cost: number;
  readonly costAfter: number;
  /** ‖∇C‖ */
  readonly length: number;
  readonly shares: readonly Share[];
  readonly total: number;
}

/** What a parameter is called: kernel w and its bias, weights v and biases c of the last layer. */
function nameOf(parameter: string, index: number): string {
  if (parameter === "0.conv2d.weight") return `w${Math.floor(index / 2) + 1},${(index % 2) + 1}`;
  if (parameter === "0.conv2d.bias") return "b";
  const features = (side - 1) ** 2;
  return parameter.endsWith("weight")
    ? `v${Math.floor(index / features) + 1},${(index % features) + 1}`
    : `c${index + 1}`;
}

function networkOf({ image: _, kernel, seed, activation }: BackpropAsked): Network {
  const layers = [
    nn.conv2d({ outChannels: 1, kernelSize: 2 }),
    ...activations[activation],
    nn.flatten(),
    nn.linear({ outFeatures: classes }),
  ];
  const given = kernel.length === 4 ? kernel : undefined;
  return networkWith({ input: [1, side, side], seed, layers }, { "0.conv2d.weight": given });
}
const targetsOf = ({ target }: BackpropAsked): number[] => [1 - target, target];

/** After so many updates by the engine's own gradient descent, one sample, one rate. */
async function trained(
  network: Network,
  asked: BackpropAsked,
  updates: number,
  backend: Backend,
): Promise<Network> {
  if (updates === 0) return network;
  const data: Dataset = {
    length: 1,
    inputShape: [1, side, side],
    targetShape: [classes],
    read(_, input, target) {
      input.set(asked.image);
      target.set(targetsOf(asked));
    },
  };
  const optimizer = sgd({ learningRate: asked.rate });
  const loss = losses[asked.loss];
  return fit(network, {
    ...{
      data,
      loss,
      optimizer,
      epochs: updates,
      batchSize: 1,
      seed: 1,
      backend,
      schedule: constant(),
    },
  });
}

/** The cost as a function of all parameters, in float64. */
async function costPlan(network: Network, asked: BackpropAsked, backend: Backend): Promise<Plan> {
  const b = new GraphBuilder(ops);
  const { y } = applyNetwork(b, network, b.input("input", [1, ...network.architecture.input]));
  b.output("cost", losses[asked.loss].apply(b, y, b.input("target", y.shape)));
  return backend.compile(b);
}
/** (C(w + h) − C(w − h)) / 2h of every parameter, one at a time. */
async function differencesOf(
  network: Network,
  asked: BackpropAsked,
  backend: Backend,
): Promise<Map<string, number[]>> {
  const plan = await costPlan(network, asked, backend);
  const feed = { input: asked.image, target: targetsOf(asked) };
  const all = new Map<string, number[]>();
  for (const [name, { data }] of network.parameters) {
    const moved = async (index: number, by: number): Promise<number> => {
      await plan.write(
        name,
        Float64Array.from(data, (v, i) => (i === index ? v + by : v)),
      );
      return (await plan.execute(feed)).cost[0];
    };
    const slopes: number[] = [];
    for (let i = 0; i < data.length; i++)
      slopes.push(((await moved(i, STEP)) - (await moved(i, -STEP))) / (2 * STEP));
    await plan.write(name, data);
    all.set(name, slopes);
  }
  return all;
}

/** The nodes whose sums a parameter stands in, and its place among a node's rules. */
function nodesOf(
  parameter: string,
  index: number,
): { layer: string; nodes: number[][]; rule: number } {
  const [layer, part] = [
    parameter.slice(0, parameter.lastIndexOf(".")),
    parameter.split(".").at(-1),
  ];
  const out = side - 1;
  if (layer === "0.conv2d") {
    const nodes = Array.from({ length: out * out }, (_, i) => [0, Math.floor(i / out), i % out]);
    return { layer, nodes, rule: part === "bias" ? 4 : index };
  }
  const features = out * out;
  return part === "bias"
    ? { layer, nodes: [[index]], rule: features }
    : { layer, nodes: [[Math.floor(index / features)]], rule: index % features };
}
async function sharesOf(
  network: Network,
  asked: BackpropAsked,
  parameter: { name: string; index: number },
  backend: Backend,
): Promise<{ shares: Share[]; total: number }> {
  const { layer, nodes, rule } = nodesOf(parameter.name, parameter.index);
  const options = {
    loss: losses[asked.loss],
    layer,
    input: asked.image,
    target: targetsOf(asked),
    backend,
  };
  const rules: ChainRule[] = [];
  for (const node of nodes)
    rules.push((await explainDerivatives(network, { ...options, node }))[rule]);
  const shares = rules.map(({ dzdw, through, product }, i): Share => {
    // an activation sends z to one node; a closed ReLU to none
    const { dadz = 0, dCda = 0 } = through[0] ?? {};
    return { at: nodes[i], dzdw, dadz, dCda, product };
  });
  return { shares, total: rules[0].total };
}

export async function backpropagate(asked: BackpropAsked): Promise<Propagated> {
  const backend = await exactly();
  const loss = losses[asked.loss];
  const network = await trained(networkOf(asked), asked, asked.updates, backend);
  const next = await trained(network, asked, 1, backend);
  const feed = { loss, inputs: asked.image, targets: targetsOf(asked), count: 1, backend };
  const gradient = await gradientVector(network, feed);
  const after = await gradientVector(next, feed);
  if (!Number.isFinite(gradient.cost) || !Number.isFinite(after.cost))
    throw new ConvergenceError(
      "The steps are so long that the cost grows without end: lower the learning rate.",
      {},
    );
  const differences = await differencesOf(network, asked, backend);
  const list = [...network.parameters].flatMap(([name, { data }]) =>
    Array.from(data, (value, index) => ({ name, index, value })),
  );
  const parameters = list.map(
    ({ name, index, value }): Parameter => ({
      name: nameOf(name, index),
      value,
      gradient: gradient.parameters.get(name)!.data[index],
      difference: differences.get(name)![index],
      next: next.parameters.get(name)!.data[index],
    }),
  );
  const names = { z: "0.conv2d", a: `1.${asked.activation}`, y: "3.linear" } as const;
  const planes = (from: ReadonlyMap<string, Plain>): Record<"z" | "a" | "y", Plain> => ({
    z: plain(from.get(names.z)!),
    a: plain(from.get(names.a)!),
    y: plain(from.get(names.y)!),
  });
  return {
    values: planes(gradient.values),
    probabilities:
      asked.loss === "squared"
        ? undefined
        : await probabilitiesOf(gradient.values.get(names.y)!, backend),
    derivatives: planes(gradient.activations),
    parameters,
    cost: gradient.cost,
    costAfter: after.cost,
    length: norm(parameters.map((p) => p.gradient)),
    ...(await sharesOf(network, asked, list[asked.chosen] ?? list[0], backend)),
  };
}
async function probabilitiesOf({ data }: Plain, backend: Backend): Promise<number[]> {
  const softmax = nn.sequential({ input: [data.length], seed: 1, layers: [nn.softmax()] });
  return Array.from((await trace(softmax, { inputs: data, backend })).get("0.softmax")!.data);
}

/** What nudging one parameter does, beside what its derivative promises. */
export async function nudge(
  asked: BackpropAsked & { by: number },
): Promise<{ cost: number; nudged: number }> {
  const backend = await exactly();
  const network = await trained(networkOf(asked), asked, asked.updates, backend);
  const plan = await costPlan(network, asked, backend);
  const feed = { input: asked.image, target: targetsOf(asked) };
  const cost = (await plan.execute(feed)).cost[0];
  let offset = 0;
  for (const [name, { data }] of network.parameters) {
    const index = asked.chosen - offset;
    offset += data.length;
    if (index < 0 || index >= data.length) continue;
    await plan.write(
      name,
      Float64Array.from(data, (v, i) => (i === index ? v + asked.by : v)),
    );
  }
  return { cost, nudged: (await plan.execute(feed)).cost[0] };
}
