// Antun et al.'s test: one ascent over image-domain perturbations, looked at as r₁, r₂, r₃ grow.
import { ConfigError } from "../../engine/index.ts";
import { heavyBallAscent } from "../attack/ascent.ts";
import type { StabilityTest } from "./test.ts";

const subscripts = ["₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"];

/** |r₁| < |r₂| < … at `relativeNorms` of ‖x‖, stops of one heavy-ball ascent of ½‖f(A(x+r)) − f(Ax)‖² − (λ/2)‖r‖². A method fails when it answers any of them with more than `maxAmplification` times the perturbation's norm. */
export function instabilityAscent(options: { relativeNorms?: readonly number[]; lambda?: number; stepSize?: number; momentum?: number; start?: number; iterations?: number; maxAmplification?: number } = {}): StabilityTest {
  const { relativeNorms = [0.01, 0.03, 0.06], lambda = 0.1, stepSize = 0.02, momentum = 0.9, start = 1e-4, iterations = 80, maxAmplification = 3 } = options;
  if (relativeNorms.length === 0 || relativeNorms.length > subscripts.length || relativeNorms.some((e, i) => !(e > (relativeNorms[i - 1] ?? 0)))) throw new ConfigError(`instabilityAscent: the norms ${relativeNorms.join(", ")} must be positive, increase, and be at most ${subscripts.length}`, { relativeNorms });
  if (!(iterations >= 1) || !(stepSize > 0) || !(momentum >= 0 && momentum < 1)) throw new ConfigError(`instabilityAscent: iterations ${iterations} must be at least 1, the step size ${stepSize} positive, the momentum ${momentum} in [0, 1)`, { iterations, stepSize, momentum });
  return {
    id: "instability-ascent", domain: "image",
    title: "Nearly equal images give nearly equal reconstructions",
    failureTitle: "Nearly equal images give very different reconstructions",
    description: "Perturbations r₁, r₂, r₃ of the image, sampled with it: x̂ = f(A(x + r)). They are stops of one ascent with momentum towards what moves the reconstruction most; beside each, random noise of the same norm.",
    source: "Antun, Renna, Poon, Adcock, Hansen, PNAS 2020 (arXiv 1902.05300), differentiating the whole of f∘A",
    settings: { relativeNorms, lambda, stepSize, momentum, start, iterations },
    thresholds: { maxAmplification },
    steps: iterations,
    async run(subject) {
      let used = 0;
      const stops = await heavyBallAscent(subject.climb, subject.size, { lambda, stepSize, momentum, start, iterations, norms: relativeNorms.map((e) => e * subject.reference) }, subject.rng, () => { used++; return subject.tick(); });
      for (; used < iterations; used++) await subject.tick();
      return stops.map(({ r, iteration, reached }, k) => subject.measure(r, { label: reached ? `r${subscripts[k]}` : "r (no stop reached)", relativeBudget: relativeNorms[k], iteration, picture: true }));
    },
    judge(method, measurements) {
      const worst = measurements.reduce((a, b) => (b.amplification > a.amplification ? b : a));
      const reached = measurements.some((m) => m.label.includes("no stop")) ? " (the ascent reached no stop for at least one image: it found nothing, which is no proof that there is nothing)" : "";
      const ratio = worst.outputChange / worst.noise.meanOutputChange;
      return {
        method: method.name,
        outcome: worst.amplification > maxAmplification ? "fail" : "pass",
        explanation: `answers ${worst.label} of image ${worst.image + 1} (${(100 * worst.relativeNorm).toFixed(2)} % of ‖x‖) with ${worst.amplification.toFixed(2)} times its norm (threshold ${maxAmplification}), ${ratio.toFixed(1)} times as much as random noise of that norm${reached}`,
      };
    },
  };
}
