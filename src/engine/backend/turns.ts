// What is asked of one plan happens in the order in which it is asked, though some of it takes
// time.
import type { Inputs } from "./backend.ts";

/** Does jobs one after the other: at once where nothing is going on, in turn otherwise. */
export class Turns {
  #last: Promise<unknown> | undefined;

  get busy(): boolean {
    return this.#last !== undefined;
  }

  async take<T>(job: () => T | Promise<T>): Promise<T> {
    if (this.#last === undefined) {
      const done = job();
      return done instanceof Promise ? this.#until(done) : done;
    }
    return this.#until(this.#last.then(job));
  }

  async #until<T>(done: Promise<T>): Promise<T> {
    // a job that fails does not hold up the next one
    const settled = done.then(
      () => {},
      () => {},
    );
    this.#last = settled;
    try {
      return await done;
    } finally {
      if (this.#last === settled) this.#last = undefined;
    }
  }
}

/** Copies of the inputs, for a job that waits for its turn. */
export const held = (inputs: Inputs): Inputs =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, values]) => [name, Float64Array.from(values)]),
  );

/** A frame of a screen: with the longest piece of work between two looks it stays under 50 ms. */
const PAUSE_EVERY_MS = 16;
/** A pause where one is due; what it is told is whether the signal may end the work here. */
export type Pause = (mayStop?: boolean) => Promise<void> | undefined;

/**
 * After what else the thread has to do now: timers, messages, what a person did. In Node not by a
 * channel, whose first message loads all of `fetch` there: 50 ms.
 */
function turnOf(goOn: () => void): void {
  const { setImmediate } = globalThis as { setImmediate?(goOn: () => void): void };
  if (setImmediate) {
    setImmediate(goOn);
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    goOn();
  };
  port2.postMessage(null);
}

/**
 * Pauses for one execution: the first when it is first asked for, then one every some
 * milliseconds. A pause lets the thread do other work, and rejects with the signal's reason where
 * it is aborted by then and `mayStop`, which is so unless said otherwise.
 */
export function pausing(signal: AbortSignal): Pause {
  let last = Number.NEGATIVE_INFINITY;
  return (mayStop = true) => {
    if (performance.now() - last < PAUSE_EVERY_MS) return undefined;
    return new Promise<void>((done, stop) =>
      turnOf(() => {
        last = performance.now();
        if (mayStop && signal.aborted) stop(signal.reason);
        else done();
      }),
    );
  };
}

/** The same for work that nothing ends. */
export const givingWay = (): Pause => pausing(new AbortController().signal);

/** Values that are copied at a time, some milliseconds. */
const COPIED = 2 ** 20;
/** Copies an array, with pauses where it is large. */
export async function copyInto(
  place: Float32Array,
  values: Float32Array | Float64Array,
  pause: Pause,
): Promise<void> {
  for (let at = 0; at < values.length; at += COPIED) {
    place.set(values.subarray(at, at + COPIED), at);
    const waited = pause();
    if (waited) await waited;
  }
}
