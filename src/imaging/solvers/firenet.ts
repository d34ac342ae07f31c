// FIRENET: a network whose layers are the restarted iterations of a square-root LASSO, with a proof
// of its accuracy and stability instead of training.
import { arithmetic, ConfigError, type GraphBuilder, type Value } from "../../engine/index.ts";
import { atUnitScale, type Reconstructor } from "../reconstructor.ts";
import { describeWeight, weightFor } from "./tuned.ts";
import { haarAdjoint, haarDetails, type Details } from "./undecimated-haar.ts";

/** h(Dz), a part of a cost: ‖D‖ ≤ 1, its adjoint, and the projection that is h's dual. */
export interface Penalty<Parts> {
  readonly forward: (z: Value) => Parts;
  readonly adjoint: (parts: Parts) => Value;
  /** Of `dual` (0 where it is left out) + step·`moved` onto the set where h's conjugate is 0. */
  readonly project: (dual: Parts | undefined, moved: Parts, step: number) => Parts;
}
export interface RestartOptions<Parts> {
  readonly forward: (z: Value) => Value;
  readonly adjoint: (y: Value) => Value;
  /** The proximal map of step·g. */
  readonly shrink?: (z: Value, step: number) => Value;
  readonly penalty?: Penalty<Parts>;
  readonly outer: number;
  readonly inner: number;
  /** The error of the input. */
  readonly delta: number;
  /** At least ‖A‖. */
  readonly operatorNorm: number;
}

/** How much of a step belongs to a penalty, and not to the misfit. */
const PENALTY_SHARE = 0.7;

/**
 * z ≈ argmin g(z) + h(Dz) + ‖Az − y‖ for y [N,…], by `outer` restarts of `inner` steps of Chambolle
 * and Pock on a problem that is scaled up at each: ε ← (δ + ε)/e, β = ε/2L, α = 1/(β·inner), the
 * mean of the steps on αy, divided by α again. The duals, which lie in the same sets at every
 * scale, go on. Steps τ and σ of both duals keep τ(σ_A L² + σ_D) = 1, L ≥ ‖A‖. The distance to the
 * minimum falls like e^(−outer), down to what δ, the error of the input, allows. Source: Colbrook,
 * Antun, Hansen, PNAS 2022; Chambolle & Pock 2011.
 */
export function restartedPrimalDual<Parts = never>(
  b: GraphBuilder,
  y: Value,
  options: RestartOptions<Parts>,
): Value {
  const { adjoint, outer, inner, delta, operatorNorm } = options;
  const { add, div, mul, reshape } = arithmetic(b);
  const x0 = mul(adjoint(y), 0);
  const perImage = x0.shape.map((n, i) => (i === 0 ? n : 1));
  const step = primalDualStep(b, options);
  let epsilon = normOf(b, y);
  let state: State<Parts> = { x: x0, misfit: mul(y, 0) };
  for (let k = 0; k < outer; k++) {
    epsilon = mul(add(epsilon, delta), 1 / Math.E);
    const alpha = div((2 * operatorNorm) / inner, epsilon);
    // one number per image; x may have other axes than y
    const forX = alpha.shape.length === perImage.length ? alpha : reshape(alpha, perImage);
    const data = mul(y, alpha);
    state = { ...state, x: mul(state.x, forX) };
    let sum: Value | undefined;
    for (let j = 0; j < inner; j++) {
      state = step(state, data);
      sum = sum ? add(sum, state.x) : state.x;
    }
    state = { ...state, x: div(mul(sum!, 1 / inner), forX) };
  }
  return state.x;
}

interface State<Parts> {
  readonly x: Value;
  /** The dual of the misfit. */
  readonly misfit: Value;
  /** The dual of the penalty, 0 where it is left out. */
  readonly parts?: Parts;
}
/** ‖v‖ of every image [N,…], as [N,1,…]. */
function normOf(b: GraphBuilder, v: Value): Value {
  const { add, reshape, sqrt, square, sum } = arithmetic(b);
  const axes = v.shape.map((_, i) => i).slice(1);
  return reshape(sqrt(add(sum(square(v), axes), 1e-20)), [v.shape[0], ...axes.map(() => 1)]);
}
/** One step of Chambolle and Pock, on the problem for `data`. */
function primalDualStep<Parts>(
  b: GraphBuilder,
  { forward, adjoint, shrink, penalty, operatorNorm: L }: RestartOptions<Parts>,
): (state: State<Parts>, data: Value) => State<Parts> {
  const { add, div, mul, sub } = arithmetic(b);
  const share = penalty ? PENALTY_SHARE : 0;
  /** Factors of 1 are left out of the graph. */
  const times = (v: Value, factor: number): Value => (factor === 1 ? v : mul(v, factor));
  return ({ x, misfit, parts }, data) => {
    const back = adjoint(misfit);
    const slope = penalty && parts ? add(back, penalty.adjoint(parts)) : back;
    const moved = sub(x, times(slope, 1 / L));
    const next = shrink ? shrink(moved, 1 / L) : moved;
    const ahead = sub(mul(next, 2), x);
    const raised = add(misfit, times(sub(forward(ahead), data), (1 - share) / L));
    return {
      x: next,
      misfit: div(raised, b.emit("maximum", { a: normOf(b, raised), b: b.scalar(1) }, {})),
      ...(penalty && { parts: penalty.project(parts, penalty.forward(ahead), share * L) }),
    };
  };
}

/**
 * λ Σ_j 2^−j Σ |details of scale j| as a penalty on complex images [N,2,H,W]: |·| over the three
 * details and both parts of a pixel.
 */
function sparseDetails(
  b: GraphBuilder,
  lambda: number,
  levels: number,
): Penalty<readonly Details[]> {
  const { add, div, mul, reshape, sqrt, square, sum } = arithmetic(b);
  /** |v| ≤ radius, of every pixel. */
  const within = (v: Details, radius: number): Details => {
    const [rows, columns, both] = v.map(square);
    const [N, , H, W] = rows.shape;
    const length = sqrt(add(sum(add(add(rows, columns), both), [1]), 1e-12));
    const longest = b.emit("maximum", { a: length, b: b.scalar(radius) }, {});
    const factor = reshape(div(b.scalar(radius), longest), [N, 1, H, W]);
    return [mul(v[0], factor), mul(v[1], factor), mul(v[2], factor)];
  };
  const raised = (dual: Details | undefined, moved: Details, step: number): Details => {
    const at = (i: 0 | 1 | 2): Value =>
      dual ? add(dual[i], mul(moved[i], step)) : mul(moved[i], step);
    return [at(0), at(1), at(2)];
  };
  return {
    forward: (z) => haarDetails(b, z, levels),
    adjoint: (details) => haarAdjoint(b, details),
    project: (dual, moved, step) =>
      moved.map((v, j) => within(raised(dual?.[j], v, step), lambda / 2 ** (j + 1))),
  };
}

/**
 * x̂ ≈ argmin λ Σ_j 2^−j Σ |details of scale j| + ‖Ax − y‖ at unit image scale, in the undecimated
 * Haar frame (the mean of the orthonormal transform's cost over all places of its grid), by
 * restartedPrimalDual: x̂ moves by at most a constant times what y moves. Without λ, the one tuned
 * for noise of deviation `sigma` in y and images of typical brightness: at another scale of y this
 * cost keeps its minimiser, so λ needs no factor. Throws ConfigError for a λ or count that is not
 * positive. Source: Colbrook, Antun, Hansen, PNAS 2022, with λ and an orthonormal transform of
 * their own.
 */
export function firenet(
  options: {
    lambda?: number;
    sigma?: number;
    outer?: number;
    inner?: number;
    delta?: number;
    levels?: number;
  } = {},
): Reconstructor {
  const { lambda, sigma, outer = 5, inner = 20, delta = 1e-9, levels = 3 } = options;
  const positive = (lambda ?? 1) > 0 && outer >= 1 && inner >= 1 && levels >= 1;
  if (!positive || !((sigma ?? 0) >= 0) || !(delta >= 0))
    throw new ConfigError(
      `firenet: lambda ${lambda}, outer ${outer}, inner ${inner} and levels ${levels} must be positive, delta ${delta} and sigma ${sigma} not negative`,
      { lambda, sigma, outer, inner, levels, delta },
    );
  return {
    name: "FIRENET",
    classical: true,
    description: { kind: "firenet", ...describeWeight(options), outer, inner, delta, levels },
    requires: ["norm"],
    apply(b, y, operator) {
      const weight = weightFor("firenet", operator, options).lambda;
      return atUnitScale(operator, b, y, (scaled) =>
        restartedPrimalDual(b, scaled, {
          forward: (x) => operator.forward(b, x),
          adjoint: (v) => operator.adjoint(b, v),
          penalty: sparseDetails(b, weight, levels),
          outer,
          inner,
          delta,
          operatorNorm: operator.norm ?? 1,
        }),
      );
    },
  };
}
