// One gradient step of a search as a compiled plan that keeps the search's state: what is found by
// many of them is in search.ts.
import {
  arithmetic,
  ConvergenceError,
  GraphBuilder,
  gradients,
  ops,
  sizeOf,
  type Arithmetic,
  type Backend,
  type Shape,
  type Value,
} from "../../engine/index.ts";
import { norm, type InverseProblem, type Reconstructor } from "../../imaging/index.ts";
import type { Ball } from "./ascent.ts";
import type { Domain, Scene } from "./objective.ts";

/** Smaller than every value of a goal, and finite: 0 times it must be 0. */
const NOTHING = -1e30;

/** What a search wants: ‖w(x̂ − p)‖ large, or small. */
export interface Goal {
  /** "harm", "change", or what the caller calls it. */
  readonly name: string;
  /** An image [2,H,W]: the truth, the clean reconstruction, or a target. */
  readonly p: ArrayLike<number>;
  /** Compares |x̂| with |p|, as PSNR of magnitudes does, instead of the complex images. */
  readonly magnitudes?: boolean;
  /** Goes towards p instead of away from it. */
  readonly towards?: boolean;
  /** A weight w for every pixel, [H,W]; 1 unless given. */
  readonly window?: ArrayLike<number>;
}

export interface Move {
  /** Length of the step along the gradient, which is normalised in the ball's own norm. */
  readonly stepSize: number;
  /** Share α of the new step; 1 − α of the last one is kept (Croce & Hein's α; 1: no momentum). */
  readonly momentum: number;
  /** Goes on from the best point so far, at rest, instead of from this one. */
  readonly restart?: boolean;
}
/** What one step saw at the point where it stood. */
export interface Sight {
  /** ‖w(x̂ − p)‖, in units of the image. */
  readonly value: number;
  /** Norm of the gradient of value²: 0 where the method does not move. */
  readonly slope: number;
  /** ‖r‖ */
  readonly length: number;
}

export interface SearchStep {
  readonly domain: Domain;
  readonly ball: Ball;
  /** Elements of r. */
  readonly size: number;
  /** Puts r at `start` (within the ball), at rest, with nothing found yet. */
  begin(scene: Scene, goal: Goal, start: ArrayLike<number>): Promise<void>;
  /**
   * Looks at r, remembers the best one, and moves r within the ball of `radius`. Throws
   * ConvergenceError when the reconstruction or its gradient is not finite.
   */
  advance(radius: number, move: Move): Promise<Sight>;
  /** The best r since `begin`. */
  best(): Promise<Float64Array>;
}

/** ‖v‖ of the whole, or of every complex cell of [1,2,…], broadcastable to v. */
function sizeIn(a: Arithmetic, v: Value, ball: Ball): Value {
  const axes = ball === "l2" ? v.shape.map((_, i) => i) : [1];
  const shape = v.shape.map((n, i) => (axes.includes(i) ? 1 : n));
  return a.reshape(a.sqrt(a.sum(a.square(v), axes)), shape);
}
/** v at length 1 in the ball's norm; 0 stays 0. */
function unit(b: GraphBuilder, v: Value, ball: Ball): Value {
  const a = arithmetic(b);
  return a.div(v, b.emit("maximum", { a: sizeIn(a, v, ball), b: b.scalar(1e-30) }, {}));
}
/** v moved to the nearest point of the ball. */
function project(b: GraphBuilder, v: Value, radius: Value, ball: Ball): Value {
  const a = arithmetic(b);
  return a.mul(v, a.div(radius, b.emit("maximum", { a: sizeIn(a, v, ball), b: radius }, {})));
}

/**
 * The mean square of w·(x̂ − p), or of w·(|x̂| − |p|) where `magnitudes` is 1; w holds the scale
 * that makes it about 1 where x̂ is 0.
 */
function misfit(
  b: GraphBuilder,
  values: { x: Value; p: Value; window: Value; magnitudes: Value },
): Value {
  const { add, mean, mul, sqrt, square, sub, sum } = arithmetic(b);
  const [x, p] = [mul(values.x, values.window), mul(values.p, values.window)];
  const pixels = 1 / (x.shape[2] * x.shape[3]);
  const magnitude = (v: Value): Value => sqrt(add(sum(square(v), [1]), 1e-12));
  const complex = mul(sum(square(sub(x, p))), pixels);
  const real = mean(square(sub(magnitude(x), magnitude(p))));
  return add(mul(values.magnitudes, real), mul(sub(1, values.magnitudes), complex));
}

/** `p` where `flag` is 1, `q` where it is 0. */
function choose(b: GraphBuilder, flag: Value, p: Value, q: Value): Value {
  const { add, mul, sub } = arithmetic(b);
  return add(mul(p, flag), mul(q, sub(1, flag)));
}

/** The graph: parameters of the scene, the goal and the state; scalars in, scalars out. */
function stepGraph(
  method: Reconstructor,
  problem: InverseProblem,
  domain: Domain,
  ball: Ball,
): GraphBuilder {
  const { operator } = problem;
  const b = new GraphBuilder(ops);
  const { add, mul, reshape, sqrt, square, sub, sum } = arithmetic(b);
  const keep = (name: string, shape: Shape): Value =>
    b.parameter(name, shape, new Float32Array(sizeOf(shape)));
  const image = [1, ...operator.domain];
  const range = [1, ...operator.range];
  const place = domain === "image" ? image : range;
  const scene = { x: keep("x", image), noise: keep("noise", range) };
  const goal = {
    p: keep("p", image),
    window: keep("window", image.slice(-2)),
    magnitudes: keep("magnitudes", []),
  };
  const sign = keep("sign", []);
  const [r, previous, best, bestGradient] = ["r", "previous", "best", "bestGradient"].map((n) =>
    keep(n, place),
  );
  const bestValue = keep("bestValue", []);
  const [radius, stepSize, momentum, restart] = ["radius", "stepSize", "momentum", "restart"].map(
    (n) => b.input(n, []),
  );

  const clean =
    domain === "image" ? operator.forward(b, add(scene.x, r)) : operator.forward(b, scene.x);
  const y = add(clean, scene.noise);
  const xHat = method.apply(b, domain === "image" ? y : add(y, problem.sampled(b, r)), operator);
  const value = mul(sign, misfit(b, { x: xHat, ...goal }));
  const [gradient] = gradients(b, value, [r]);

  const better = b.emit("greater", { a: value, b: bestValue }, {});
  const bestNow = choose(b, better, r, best);
  const bestGradientNow = choose(b, better, gradient, bestGradient);
  b.update(best, bestNow);
  b.update(bestGradient, bestGradientNow);
  b.update(bestValue, choose(b, better, value, bestValue));

  const from = choose(b, restart, bestNow, r);
  const rest = choose(b, restart, bestNow, previous);
  const along = choose(b, restart, bestGradientNow, gradient);
  const stepped = project(b, add(from, mul(unit(b, along, ball), stepSize)), radius, ball);
  const last = mul(sub(from, rest), sub(1, momentum));
  b.update(r, project(b, add(add(from, mul(sub(stepped, from), momentum)), last), radius, ball));
  b.update(previous, from);
  b.output("value", value);
  b.output("slope", sqrt(sum(square(gradient))));
  b.output("length", reshape(sqrt(sum(square(r))), []));
  return b;
}

/** Compiles a method's search step; one plan serves every image, goal and radius. */
export async function compileSearchStep(
  method: Reconstructor,
  problem: InverseProblem,
  options: { readonly domain: Domain; readonly ball?: Ball },
  backend: Backend,
): Promise<SearchStep> {
  const { domain, ball = "l2" } = options;
  const { operator } = problem;
  const plan = await backend.compile(stepGraph(method, problem, domain, ball));
  const size = sizeOf(domain === "image" ? operator.domain : operator.range);
  const pixels = sizeOf(operator.domain.slice(-2));
  const zeros = new Float32Array(size);
  let scale = 1;
  let sign = 1;
  let count = 0;
  return {
    domain,
    ball,
    size,
    async begin({ x, noise }, { p, magnitudes = false, towards = false, window }, start) {
      scale = (norm(x) || norm(p)) / Math.sqrt(pixels) || 1;
      sign = towards ? -1 : 1;
      count = 0;
      const weights = Float64Array.from(
        { length: pixels },
        (_, k) => (window ? window[k] : 1) / scale,
      );
      const values = {
        x,
        noise,
        p,
        window: weights,
        r: start,
        previous: start,
        best: start,
        bestGradient: zeros,
      };
      for (const [name, v] of Object.entries(values)) await plan.write(name, v);
      await plan.write("magnitudes", [magnitudes ? 1 : 0]);
      await plan.write("sign", [sign]);
      await plan.write("bestValue", [NOTHING]);
    },
    async advance(radius, { stepSize, momentum, restart = false }) {
      const inputs = {
        radius: [radius],
        stepSize: [stepSize],
        momentum: [momentum],
        restart: [restart ? 1 : 0],
      };
      const { value, slope, length } = await plan.execute(inputs);
      count++;
      if (!Number.isFinite(value[0] + slope[0]))
        throw new ConvergenceError(
          `the reconstruction is not finite at step ${count} of the search`,
          { step: count },
        );
      const squares = pixels * scale ** 2;
      return {
        value: Math.sqrt(Math.max(0, sign * value[0] * squares)),
        slope: slope[0] * squares,
        length: length[0],
      };
    },
    best: async () => Float64Array.from(await plan.read("best")),
  };
}
