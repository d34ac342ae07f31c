// A plan that outlives its device: what changed its parameters is written down, and done again on
// the next device when one is lost.
import { BackendError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Graph } from "../../graph/ir.ts";
import type { ExecuteOptions, HostData, Inputs, Plan } from "../backend.ts";
import { Turns } from "../turns.ts";

/** After so many executions, or so many numbers fed, the parameters are read back instead. */
const MOST = { executions: 256, numbers: 2 ** 24 };
/** Devices lost one after the other before it is given up. */
const ATTEMPTS = 3;

/** Something that changed parameters. */
type Change = (plan: Plan) => Promise<unknown>;

/** Inputs as they are now: they may be fed again. */
const copied = (inputs: Inputs): Inputs =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, values]) => [name, new Float32Array(values)]),
  );

export const isLoss = (error: unknown): boolean =>
  error instanceof BackendError && error.data.lost === true;

/** `build` makes the plan on a device that works, with the graph's first values. */
export async function durable(graph: Graph, build: () => Promise<Plan>): Promise<Plan> {
  const plan = await build();
  const keeper = new Keeper(graph, plan, build);
  const isStateful = graph.updates.size > 0;
  const fed = graph.nodes.reduce(
    (n, node) => n + (node.kind === "input" ? sizeOf(node.shape) : 0),
    0,
  );
  return {
    steps: plan.steps,
    get memoryBytes() {
      return keeper.memoryBytes;
    },
    read: (name) => keeper.ask((p) => p.read(name)),
    async write(name, values) {
      const own = new Float32Array(values);
      return keeper.change((p) => p.write(name, own), own.length);
    },
    async execute(
      inputs: Inputs = {},
      options: ExecuteOptions = {},
    ): Promise<Record<string, HostData>> {
      const own = copied(inputs);
      const run = (p: Plan): ReturnType<Plan["execute"]> => p.execute(own, options);
      if (!isStateful) return keeper.ask(run);
      return keeper.change(run, fed, (p) => p.execute(own, { outputs: [] }));
    },
    async profile(inputs: Inputs = {}) {
      const own = copied(inputs);
      return keeper.change(
        (p) => p.profile(own),
        fed,
        (p) => p.execute(own, { outputs: [] }),
      );
    },
  };
}

class Keeper {
  readonly #graph: Graph;
  readonly #build: () => Promise<Plan>;
  readonly #turns = new Turns();
  #plan: Plan;
  /** Parameters as they once were; their first values where one is missing. */
  #known = new Map<string, HostData>();
  /** What was done since. */
  #since: Change[] = [];
  #numbers = 0;

  constructor(graph: Graph, plan: Plan, build: () => Promise<Plan>) {
    [this.#graph, this.#plan, this.#build] = [graph, plan, build];
  }
  get memoryBytes(): number {
    return this.#plan.memoryBytes;
  }

  /** What changes no parameter. */
  ask<T>(job: (plan: Plan) => Promise<T>): Promise<T> {
    return this.#turns.take(() => this.#whole(job));
  }
  /** What does; `again` is how it is repeated once it is done. */
  change<T>(job: (plan: Plan) => Promise<T>, numbers: number, again: Change = job): Promise<T> {
    return this.#turns.take(async () => {
      const given = await this.#whole(job);
      this.#since.push(again);
      this.#numbers += numbers;
      if (this.#since.length >= MOST.executions || this.#numbers >= MOST.numbers)
        await this.#whole(() => this.#note());
      return given;
    });
  }

  /** `job` on a plan that is as it should be, however many devices that takes. */
  async #whole<T>(job: (plan: Plan) => Promise<T>): Promise<T> {
    let isLost = false;
    for (let attempt = 1; ; attempt++) {
      try {
        if (isLost) await this.#rebuild();
        return await job(this.#plan);
      } catch (error) {
        if (!isLoss(error) || attempt === ATTEMPTS) throw error;
        isLost = true;
      }
    }
  }
  async #rebuild(): Promise<void> {
    this.#plan = await this.#build();
    for (const [name, values] of this.#known) await this.#plan.write(name, values);
    for (const change of this.#since) await change(this.#plan);
  }

  /** Reads the parameters, so that what came before can be forgotten. */
  async #note(): Promise<void> {
    const known = new Map<string, HostData>();
    for (const node of this.#graph.nodes)
      if (node.kind === "parameter") known.set(node.name, await this.#plan.read(node.name));
    [this.#known, this.#since, this.#numbers] = [known, [], 0];
  }
}
