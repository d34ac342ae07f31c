// Looking inside: every activation by name, every partial derivative. One node term by term:
// explain.ts.
import {
  DtypeError,
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
import type { Loss } from "../train/losses/loss.ts";
import { applyNetwork, type ApplyOptions, type Network } from "../nn/network.ts";
import { identityPhysics } from "../nn/scope.ts";
import { targetFormOf, wrongTarget } from "../train/targets.ts";

export interface Tensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/**
 * "running" (as in use, the default): batch norm takes the statistics that training has kept.
 * "batch": those of the inputs at hand, as a training step does. Dropout drops nothing in either.
 */
export type StatisticsOption = Pick<ApplyOptions, "statistics">;

/** Every layer by its name, in the order of computation; "input" is the input itself. */
export function layersOf(
  b: GraphBuilder,
  network: Network,
  count: number,
  { statistics = "running" }: StatisticsOption,
): { y: Value; parameters: Map<string, Value>; layers: [string, Value][] } {
  const x = b.input("input", [count, ...network.architecture.input]);
  const layers: [string, Value][] = [["input", x]];
  const onLayer = (name: string, _kind: string, y: Value): void => {
    layers.push([name, y]);
  };
  const physics = identityPhysics(x);
  return { ...applyNetwork(b, network, x, { statistics, onLayer, physics }), layers };
}
/**
 * The loss's cost of y. Throws DtypeError for a target that is no distribution over the classes of
 * a loss that wants one, or no label.
 */
export function costOf(b: GraphBuilder, loss: Loss, y: Value, targets: ArrayLike<number>): Value {
  const [count, classes, ...places] = y.shape;
  const numbered = loss.classes && targets.length * classes === sizeOf(y.shape) && classes !== 1;
  const shape = numbered ? [count, ...places] : y.shape;
  const per = sizeOf(shape) / count;
  const form = targetFormOf(loss, y.shape.slice(1));
  for (let i = 0; i < count; i++) {
    const wrong = wrongTarget(Array.from(targets).slice(i * per, (i + 1) * per), form);
    if (wrong !== undefined) throw new DtypeError(`${loss.name}: sample ${i} has ${wrong}`, { i });
  }
  return loss.apply(b, y, b.input("target", shape));
}

/**
 * Every layer's output by its name, in the order of computation, for inputs [N, …input]; "input" is
 * the input itself. `statistics` are batch norm's: the running ones unless "batch" is asked for.
 */
export async function trace(
  network: Network,
  options: { inputs: ArrayLike<number>; count?: number; backend: Backend } & StatisticsOption,
): Promise<Map<string, Tensor>> {
  const { inputs, count = 1, backend } = options;
  const b = new GraphBuilder(ops);
  const { layers: values } = layersOf(b, network, count, options);
  for (const [name, y] of values) b.output(name, y);
  const out = await (await backend.compile(b)).execute({ input: inputs });
  return new Map(
    values.map(([name, y]) => [name, { shape: y.shape, data: Float64Array.from(out[name]) }]),
  );
}

export interface GradientVector {
  readonly cost: number;
  /** What batch norm took: the statistics that training has kept, or those of this batch. */
  readonly statistics: "running" | "batch";
  /** ∂C/∂w of every parameter: the gradient vector ∇C. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** ∂C/∂a of every layer's output a, and of the input. */
  readonly activations: ReadonlyMap<string, Tensor>;
  /** The outputs a themselves. */
  readonly values: ReadonlyMap<string, Tensor>;
}

/**
 * The whole gradient vector of C = loss(network(inputs), targets) for one batch, by parameter name,
 * and the derivative with respect to every layer's output. With `statistics` "batch" it is the
 * gradient of a training step without dropout; with "running", the default, that of the network in
 * use.
 */
export async function gradientVector(
  network: Network,
  options: {
    loss: Loss;
    inputs: ArrayLike<number>;
    targets: ArrayLike<number>;
    count: number;
    backend: Backend;
  } & StatisticsOption,
): Promise<GradientVector> {
  const { loss, inputs, targets, count, backend, statistics = "running" } = options;
  const b = new GraphBuilder(ops);
  const { y, parameters, layers } = layersOf(b, network, count, { statistics });
  const cost = costOf(b, loss, y, targets);
  b.output("cost", cost);
  const wrt = [...parameters, ...layers];
  gradients(
    b,
    cost,
    wrt.map(([, v]) => v),
  ).forEach((g, i) => b.output(`d${i}`, g));
  layers.forEach(([, v], i) => b.output(`a${i}`, v));
  const out = await (await backend.compile(b)).execute({ input: inputs, target: targets });
  const tensor = (shape: Shape, data: ArrayLike<number>): Tensor => ({
    shape,
    data: Float64Array.from(data),
  });
  return {
    cost: out.cost[0],
    statistics,
    parameters: new Map(
      [...parameters].map(([name, v], i) => [name, tensor(v.shape, out[`d${i}`])]),
    ),
    activations: new Map(
      layers.map(([name, v], i) => [name, tensor(v.shape, out[`d${parameters.size + i}`])]),
    ),
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
  } & StatisticsOption,
): Promise<number> {
  const { loss, inputs, targets, count, seed, directions = 3 } = options;
  const b = new GraphBuilder(ops);
  const { y, parameters } = layersOf(b, network, count, options);
  const cost = costOf(b, loss, y, targets);
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
        Float64Array.from({ length: sizeOf(network.parameters.get(name)!.shape) }, () =>
          rng.normal(),
        ),
      ]),
    );
    const at = async (t: number): Promise<Record<string, HostData>> => {
      for (const name of names)
        await plan.write(
          name,
          Float64Array.from(
            network.parameters.get(name)!.data,
            (v, i) => v + t * direction.get(name)![i],
          ),
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
