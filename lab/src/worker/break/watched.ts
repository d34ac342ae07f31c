// A test of the bench, looked at while it runs: the searches are the library's own, with its seeds,
// so what is found is what the command line finds.
import {
  planAudit,
  type AuditOptions,
  type Measurement,
  type Piece,
  type SearchStep,
  type StabilityTest,
  type Subject,
} from "fiducial/audit";
import { giveWay } from "../samples.ts";
import type { Context } from "../protocol.ts";

/** What is seen at one gradient step of a search. */
export interface Look {
  readonly step: SearchStep;
  /** What is searched for: "harm", which is judged, or "change", a start of it. */
  readonly goal: string;
  /** ‖|x̂(r)| − |x|‖ of the point where it stood, for "harm". */
  readonly value: number;
  readonly radius: number;
}
export interface Watcher {
  /** A method's turn begins. */
  begin?(subject: Subject): void | Promise<void>;
  /** After every gradient step of a search. */
  look?(subject: Subject, look: Look): void | Promise<void>;
  /** A perturbation was measured. */
  measured?(subject: Subject, r: Float64Array, measurement: Measurement): void | Promise<void>;
}

/** The same step, told about. */
function through(step: SearchStep, tell: (look: Look) => void | Promise<void>): SearchStep {
  let goal = "";
  return {
    ...step,
    begin(scene, wanted, start) {
      goal = wanted.name;
      return step.begin(scene, wanted, start);
    },
    async advance(radius, move) {
      const sight = await step.advance(radius, move);
      await tell({ step, goal, value: sight.value, radius });
      return sight;
    },
  };
}

export function watched(test: StabilityTest, watcher: Watcher): StabilityTest {
  return {
    ...test,
    async examine(subject) {
      await watcher.begin?.(subject);
      return test.examine({
        ...subject,
        seek: (wanted) =>
          subject.seek({
            ...wanted,
            through: (step) => through(step, (look) => watcher.look?.(subject, look)),
          }),
        async measure(r, options) {
          const measurement = await subject.measure(r, options);
          await watcher.measured?.(subject, r, measurement);
          return measurement;
        },
      });
    },
  };
}

export interface Ran {
  readonly test: StabilityTest;
  /** Of every method, in their order, one piece an image. */
  readonly pieces: readonly (readonly Piece[])[];
}
/** Milliseconds between two notes of how far a search is: each draws the page anew. */
const TELL_EVERY = 200;
/**
 * One test for every method and image; stops where the page wants no more. A method that fails does
 * so with its error in its piece.
 */
export async function runTest(
  options: Omit<AuditOptions, "tests">,
  test: StabilityTest,
  { signal }: Context,
  on: {
    /** One method on one image is done. */
    piece?(method: number, piece: Piece, image: number): void;
    /** Steps of the piece at hand, now and again. */
    tick?(done: number): void;
  } = {},
): Promise<Ran> {
  const plan = await planAudit({ ...options, tests: [test] });
  const count = plan.header.facts.problem.images.length;
  let [done, told] = [0, 0];
  const tick = async (): Promise<void> => {
    done++;
    if (performance.now() - told >= TELL_EVERY) {
      on.tick?.(done);
      told = performance.now();
    }
    await giveWay();
    signal.throwIfAborted();
  };
  const pieces: Piece[][] = options.methods.map(() => []);
  for (const [m, own] of pieces.entries())
    for (let image = 0; image < count; image++) {
      signal.throwIfAborted();
      done = 0;
      const piece = await plan.compute(`${test.id}-${m}-${image}`, tick);
      own.push(piece);
      on.piece?.(m, piece, image);
    }
  return { test, pieces };
}
