// Giving way: what trains or evaluates lets its thread do other work now and again, so that a page
// that does it by itself answers meanwhile.
import { pausing } from "../../engine/index.ts";

/**
 * What follows an execution longer than this, or the first one, is divided by pauses of its own.
 */
const LONG_MS = 10;

export interface Pauses {
  /** A pause where one is due. Rejects with the signal's reason where it is aborted. */
  due(): Promise<void> | undefined;
  /** Does the work, which reads its inputs at once, and waits for a pause that is due then. */
  before<T>(work: (watched: { signal?: AbortSignal }) => Promise<T>): Promise<T>;
  /** Waits for a pause that is due, does the work, and says whether it must give way inside. */
  during<T>(work: (watched: { signal?: AbortSignal }) => Promise<T>): Promise<T>;
}
/** The bits of what is computed do not depend on them. */
export function pauses(signal?: AbortSignal): Pauses {
  const due = pausing(signal ?? new AbortController().signal);
  const never = new AbortController().signal;
  let quick = false;
  const done: Pauses["during"] = async (work) => {
    const begun = performance.now();
    const own = signal ?? (quick ? undefined : never);
    const result = await work(own ? { signal: own } : {});
    quick = performance.now() - begun <= LONG_MS;
    return result;
  };
  return {
    due,
    async before(work) {
      const result = await done(work);
      const waited = due();
      if (waited) await waited;
      return result;
    },
    async during(work) {
      const waited = due();
      if (waited) await waited;
      return done(work);
    },
  };
}
