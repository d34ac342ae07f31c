// Looking inside: every activation by name, every partial derivative, one node term by term.
import {
  ConfigError,
  formatShape,
  gradients,
  GraphBuilder,
  openBackend,
  ops,
  random,
  sizeOf,
  type Backend,
  type HostData,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import type { Loss } from "../nn/losses.ts";
import { applyNetwork, type Network } from "../nn/network.ts";

export interface Tensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/**
 * Every layer's output by its name, in the order of computation, for inputs [N, …input]; "input" is
 * the input itself.
 */
export async function trace(
  network: Network,
  options: { inputs: ArrayLike<number>; count?: number; backend: Backend },
): Promise<Map<string, Tensor>> {
  const { inputs, count = 1, backend } = options;
  const b = new GraphBuilder(ops);
  const x = b.input("input", [count, ...network.architecture.input]);
  const values: [string, Value][] = [["input", x]];
  applyNetwork(b, network, x, {
    onLayer: (name, _kind, y) => {
      values.push([name, y]);
    },
  });
  for (const [name, y] of values) b.output(name, y);
  const out = await (await backend.compile(b)).execute({ input: inputs });
  return new Map(values.map(([name, y]) => [name, { shape: y.shape, data: Float64Array.from(out[name]) }]));
}

export interface GradientVector {
  readonly cost: number;
  /** ∂C/∂w of every parameter: the gradient vector ∇C. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** ∂C/∂a of every layer's output a, and of the input. */
  readonly activations: ReadonlyMap<string, Tensor>;
  /** The outputs a themselves. */
  readonly values: ReadonlyMap<string, Tensor>;
}

/**
 * The whole gradient vector of C = loss(network(inputs), targets) for one batch, by parameter name,
 * and the derivative with respect to every layer's output.
 */
export async function gradientVector(
  network: Network,
  options: { loss: Loss; inputs: ArrayLike<number>; targets: ArrayLike<number>; count: number; backend: Backend },
): Promise<GradientVector> {
  const { loss, inputs, targets, count, backend } = options;
  const b = new GraphBuilder(ops);
  const x = b.input("input", [count, ...network.architecture.input]);
  const layers: [string, Value][] = [["input", x]];
  const { y, parameters } = applyNetwork(b, network, x, {
    onLayer: (name, _kind, value) => {
      layers.push([name, value]);
    },
  });
  const cost = loss.apply(b, y, b.input("target", [count, ...y.shape.slice(1)]));
  b.output("cost", cost);
  const wrt = [...parameters, ...layers];
  gradients(
    b,
    cost,
    wrt.map(([, v]) => v),
  ).forEach((g, i) => b.output(`d${i}`, g));
  layers.forEach(([, v], i) => b.output(`a${i}`, v));
  const out = await (await backend.compile(b)).execute({ input: inputs, target: targets });
  const tensor = (shape: Shape, data: ArrayLike<number>): Tensor => ({ shape, data: Float64Array.from(data) });
  return {
    cost: out.cost[0],
    parameters: new Map([...parameters].map(([name, v], i) => [name, tensor(v.shape, out[`d${i}`])])),
    activations: new Map(layers.map(([name, v], i) => [name, tensor(v.shape, out[`d${parameters.size + i}`])])),
    values: new Map(layers.map(([name, v], i) => [name, tensor(v.shape, out[`a${i}`])])),
  };
}

/**
 * Largest |slope by ∇C − slope by central differences| over Σ|terms|, along `directions` random
 * directions in all parameters, in float64: below 1e-6 when every derivative is right and no kink
 * is near.
 */
export async function checkGradients(
  network: Network,
  options: {
    loss: Loss;
    inputs: ArrayLike<number>;
    targets: ArrayLike<number>;
    count: number;
    seed: number;
    directions?: number;
  },
): Promise<number> {
  const { loss, inputs, targets, count, seed, directions = 3 } = options;
  const b = new GraphBuilder(ops);
  const { y, parameters } = applyNetwork(b, network, b.input("input", [count, ...network.architecture.input]));
  const cost = loss.apply(b, y, b.input("target", [count, ...y.shape.slice(1)]));
  b.output("cost", cost);
  const names = [...parameters.keys()];
  gradients(b, cost, [...parameters.values()]).forEach((g, i) => b.output(names[i], g));
  const plan = await (await openBackend("reference")).compile(b);
  const rng = random(seed);
  let worst = 0;
  for (let k = 0; k < directions; k++) {
    const direction = new Map(
      names.map((name) => [
        name,
        Float64Array.from({ length: sizeOf(network.parameters.get(name)!.shape) }, () => rng.normal()),
      ]),
    );
    const at = async (t: number): Promise<Record<string, HostData>> => {
      for (const name of names)
        await plan.write(
          name,
          Float64Array.from(network.parameters.get(name)!.data, (v, i) => v + t * direction.get(name)![i]),
        );
      return plan.execute({ input: inputs, target: targets });
    };
    const h = 1e-6;
    const costAt = async (t: number): Promise<number> => (await at(t)).cost[0];
    const near = (await costAt(h)) - (await costAt(-h));
    const far = (await costAt(2 * h)) - (await costAt(-2 * h));
    const expected = (8 * near - far) / (12 * h);
    const out = await at(0);
    let [slope, scale] = [0, 1e-30];
    for (const name of names)
      direction.get(name)!.forEach((d, i) => {
        slope += d * out[name][i];
        scale += Math.abs(d * out[name][i]);
      });
    worst = Math.max(worst, Math.abs(slope - expected) / scale);
  }
  return worst;
}

export interface NodeTerm {
  /** Where the input value is: [feature], or [channel, row, column]. */
  readonly at: readonly number[];
  readonly input: number;
  readonly weight: number;
  readonly product: number;
}
/** z = Σ input·weight + bias */
export interface NodeExplanation {
  readonly terms: readonly NodeTerm[];
  readonly bias: number;
  readonly sum: number;
}

/**
 * The weighted sum of one node of a convolution or linear layer of the network's own list, term by
 * term, for one input. `node` is [feature], or [channel, row, column]. Inputs in the padding are
 * left out: they are 0. Throws ConfigError for another layer or a node that is not there.
 */
export async function explainNode(
  network: Network,
  options: { layer: string; node: readonly number[]; input: ArrayLike<number>; backend: Backend },
): Promise<NodeExplanation> {
  const { layer: name, node, input, backend } = options;
  const { layers } = network.architecture;
  const index = layers.findIndex((l, i) => `${i}.${l.kind}` === name);
  const layer = layers[index];
  if (layer?.kind !== "linear" && !(layer?.kind === "conv2d" && (layer.paddingMode ?? "zeros") === "zeros"))
    throw new ConfigError(
      `explainNode: "${name}" is no linear layer or zero-padded convolution of the network; there are ${layers.map((l, i) => `${i}.${l.kind}`).join(", ")}`,
      { name },
    );
  const values = await trace(network, { inputs: input, backend });
  const from = values.get(index === 0 ? "input" : `${index - 1}.${layers[index - 1].kind}`)!;
  const out = values.get(name)!;
  if (node.length !== out.shape.length - 1 || node.some((v, i) => !(v >= 0 && v < out.shape[i + 1])))
    throw new ConfigError(
      `explainNode: there is no node ${formatShape(node)} in ${name}, whose output is ${formatShape(out.shape.slice(1))}`,
      { node },
    );
  const weights = network.parameters.get(`${name}.weight`)!;
  const bias = network.parameters.get(`${name}.bias`)?.data[node[0]] ?? 0;
  const terms: NodeTerm[] = [];
  const term = (at: readonly number[], value: number, weight: number): void => {
    terms.push({ at, input: value, weight, product: value * weight });
  };
  if (layer.kind === "linear") {
    const n = from.shape[1];
    for (let i = 0; i < n; i++) term([i], from.data[i], weights.data[node[0] * n + i]);
  } else {
    const [, C, H, W] = from.shape;
    const { kernelSize: k, stride = 1, dilation = 1, groups = 1, padding = 0 } = layer;
    const p = padding === "same" ? ((k - 1) * dilation) / 2 : padding === "valid" ? 0 : padding;
    const perGroup = C / groups;
    const first = Math.floor(node[0] / (layer.outChannels / groups)) * perGroup;
    for (let c = 0; c < perGroup; c++)
      for (let i = 0; i < k; i++)
        for (let j = 0; j < k; j++) {
          const [r, q] = [node[1] * stride - p + i * dilation, node[2] * stride - p + j * dilation];
          if (r >= 0 && r < H && q >= 0 && q < W)
            term(
              [first + c, r, q],
              from.data[((first + c) * H + r) * W + q],
              weights.data[((node[0] * perGroup + c) * k + i) * k + j],
            );
        }
  }
  return { terms, bias, sum: terms.reduce((s, t) => s + t.product, bias) };
}

/** ∂C/∂w = ∂z/∂w · ∂a/∂z · ∂C/∂a for one weight at one node. */
export interface ChainRule {
  /** The input value that the weight multiplies. */
  readonly dzdw: number;
  /** The activation's slope at the node. */
  readonly dadz: number;
  /** What comes back from the layers behind. */
  readonly dCda: number;
  readonly product: number;
}

/**
 * The three factors of the chain rule for every weight of one node z = Σ input·weight + bias and
 * its activation a, the layer after it, for one sample; in the order of explainNode's terms. In a
 * linear layer the products are ∂C/∂w; in a convolution, whose weights serve many nodes, they are
 * this node's share of it. Throws ConfigError as explainNode does, and where no layer of the same
 * shape follows.
 */
export async function explainDerivatives(
  network: Network,
  options: {
    loss: Loss;
    layer: string;
    node: readonly number[];
    input: ArrayLike<number>;
    target: ArrayLike<number>;
    backend: Backend;
  },
): Promise<ChainRule[]> {
  const { loss, layer, node, input, target, backend } = options;
  const { terms } = await explainNode(network, { layer, node, input, backend });
  const b = new GraphBuilder(ops);
  const x = b.input("input", [1, ...network.architecture.input]);
  const layers: [string, Value][] = [];
  const { y } = applyNetwork(b, network, x, {
    onLayer: (name, _kind, value) => {
      layers.push([name, value]);
    },
  });
  const index = layers.findIndex(([name]) => name === layer);
  const [z, a] = [layers[index][1], layers[index + 1]?.[1]];
  if (a === undefined || a.shape.join() !== z.shape.join())
    throw new ConfigError(`explainDerivatives: no activation follows ${layer}; name a layer before one`, { layer });
  const flat = node.reduce((at, v, i) => at * z.shape[i + 1] + v, 0);
  const chosen = new Float32Array(sizeOf(a.shape));
  chosen[flat] = 1;
  const one = b.emit(
    "sum",
    { x: b.emit("mul", { a, b: b.constant(chosen, a.shape) }, {}) },
    { axes: a.shape.map((_, i) => i) },
  );
  const cost = loss.apply(b, y, b.input("target", [1, ...y.shape.slice(1)]));
  b.output("dadz", gradients(b, one, [z])[0]);
  b.output("dCda", gradients(b, cost, [a])[0]);
  const out = await (await backend.compile(b)).execute({ input, target });
  const [dadz, dCda] = [out.dadz[flat], out.dCda[flat]];
  return terms.map(({ input: dzdw }) => ({ dzdw, dadz, dCda, product: dzdw * dadz * dCda }));
}
