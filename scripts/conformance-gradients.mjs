// Derivatives of a case's network against central differences, in float64, along a random direction
// in all its inputs at once.
import { arithmetic, gradients, openBackend, random, sizeOf } from "fiducial";
import { inputsOf, opened } from "./conformance-run.mjs";

const MOST_NUMBERS = 4000;
const backend = await openBackend("reference");

/** Σ c·y over all outputs, c random: one number that every output matters to. */
function costOf(b, outputs, rng) {
  const { add, mul, sum } = arithmetic(b);
  return outputs
    .map((y) => {
      const weights = Float64Array.from({ length: sizeOf(y.shape) }, () => rng.normal());
      return sum(mul(y.value(), b.constant(weights, y.shape)));
    })
    .reduce(add);
}
/**
 * Relative to Σ|terms|; undefined where there is nothing to compare: no float goes in, the outputs
 * do not depend on it, or a kink is near (differences of two widths, or to both sides, disagree).
 */
export async function checkGradients(one) {
  const inputs = inputsOf(one);
  const { b, outputs, fed, values } = opened(one, inputs);
  const traced = outputs.filter((y) => y.known() === undefined && /^b?float/.test(y.type));
  const size = fed.reduce((n, { data }) => n + data.length, 0);
  if (fed.length === 0 || traced.length === 0 || size > MOST_NUMBERS || b.nodes.length > 4000)
    return undefined;
  const rng = random(7);
  const cost = costOf(b, traced, rng);
  b.output("cost", cost);
  const wrt = fed.map(({ name }) => values[name]);
  gradients(b, cost, wrt).forEach((g, i) => b.output(`d${i}`, g));
  const plan = await backend.compile(b);
  const directions = fed.map(({ data }) => Float64Array.from(data, () => rng.normal()));
  const at = (t) =>
    plan.execute(
      Object.fromEntries(
        fed.map(({ name, data }, i) => [
          name,
          Float64Array.from(data, (v, j) => v + t * directions[i][j]),
        ]),
      ),
    );
  const cost0 = async (t) => (await at(t)).cost[0];
  const slope = async (h) =>
    (8 * ((await cost0(h)) - (await cost0(-h))) - ((await cost0(2 * h)) - (await cost0(-2 * h)))) /
    (12 * h);
  const out = await at(0);
  let [sum, terms] = [0, 0];
  fed.forEach((_, i) => {
    directions[i].forEach((d, j) => {
      sum += d * out[`d${i}`][j];
      terms += Math.abs(d * out[`d${i}`][j]);
    });
  });
  const [wide, narrow] = [await slope(1e-4), await slope(2e-5)];
  const scale = Math.max(terms, Math.abs(wide));
  if (!(scale > 0) || !Number.isFinite(scale) || Math.abs(wide - narrow) > 1e-6 * scale)
    return undefined;
  // at a kink the slopes on both sides differ, whatever the step
  const h = 1e-5;
  const bend = ((await cost0(h)) - 2 * out.cost[0] + (await cost0(-h))) / h;
  if (Math.abs(bend) > 1e-2 * scale) return undefined;
  return Math.abs(sum - narrow) / scale;
}
