// Section 15: what is said to help, each searched for its own worst case under the same budget.
import { instabilityAscent, type Measurement } from "fiducial/audit";
import { ConfigError } from "fiducial/engine";
import { networkReconstructor, type Reconstructor } from "fiducial/imaging";
import type { ProblemAsked } from "../break/asked.ts";
import { networkAt } from "../break/networks.ts";
import { methodOf, openProblem } from "../break/problem.ts";
import { runTest } from "../break/watched.ts";
import { searchesOn, type GradientBackend } from "../engine.ts";
import type { Context } from "../protocol.ts";

export const remedyNames = [
  "unet",
  "put-back",
  "smoothed",
  "cascade",
  "tv",
  "wavelet",
  "zero",
] as const;
export type RemedyName = (typeof remedyNames)[number];
export interface RemediesAsked {
  readonly problem: ProblemAsked;
  /** ‖r‖ as a share of ‖x‖. */
  readonly norm: number;
  readonly steps: number;
  /** What the searches take their gradients on. */
  readonly backend: GradientBackend;
  readonly remedies: readonly RemedyName[];
}
export interface Remedied {
  readonly remedy: RemedyName;
  readonly name: string;
  readonly measurement: Measurement;
}
export type RemediesNews =
  | { readonly done: number; readonly remedy: number }
  | { readonly remedied: Remedied };

async function remedyOf(name: RemedyName, asked: ProblemAsked): Promise<Reconstructor> {
  if (name !== "put-back" && name !== "smoothed") return methodOf(name, asked);
  const network = await networkAt("unet", asked.size);
  if (name === "put-back") {
    const form = { dataConsistency: true };
    return networkReconstructor({
      network,
      form,
      name: `${network.name}, measured cells put back`,
    });
  }
  return networkReconstructor({
    network,
    smoothing: { sigma: 0.05, samples: 8 },
    name: `${network.name}, smoothed`,
  });
}

export async function compareRemedies(asked: RemediesAsked, context: Context): Promise<number> {
  const { problem: wanted, norm, steps, remedies } = asked;
  const opened = await openProblem(wanted);
  const methods: Reconstructor[] = [];
  for (const name of remedies) methods.push(await remedyOf(name, wanted));
  const test = instabilityAscent({ relativeNorms: [norm], iterations: steps });
  const { problem, backend } = opened;
  const searches = await searchesOn(asked.backend);
  const options = { problem, methods, seed: wanted.seed, backend, ...searches };
  let at = 0;
  await runTest(options, test, context, {
    tick: (done) => context.progress({ done, remedy: at } satisfies RemediesNews),
    piece(m, { error, findings }) {
      const measurement = findings?.measurements[0];
      if (!measurement) throw new ConfigError(`${error ?? "nothing was found"}.`);
      at = m + 1;
      context.progress({
        remedied: { remedy: remedies[m], name: methods[m].name, measurement },
      } satisfies RemediesNews);
    },
  });
  return test.steps;
}
