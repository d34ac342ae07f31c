// Giving way: what trains or evaluates lets its thread do other work now and again, so that a page
// that does it by itself answers meanwhile.
import { pausing } from "../../engine/index.ts";

/**
 * What follows an execution longer than this, or the first one, is divided by pauses of its own.
 */
const LONG_MS = 20;

export interface Pauses {
  /** A pause where one is due. Rejects with the signal's reason where it is aborted. */
  due(): Promise<void> | undefined;
  /** Waits for a pause that is due, does the work, and says whether it must give way inside. */
  during<T>(work: (watched: { signal?: AbortSignal }) => Promise<T>): Promise<T>;
}
/** The bits of what is computed do not depend on them. */
export function pauses(signal?: AbortSignal): Pauses {
  const due = pausing(signal ?? new AbortController().signal);
  const never = new AbortController().signal;
  let quick = false;
  return {
    due,
    async during(work) {
      const waited = due();
      if (waited) await waited;
      const begun = performance.now();
      const own = signal ?? (quick ? undefined : never);
      const result = await work(own ? { signal: own } : {});
      quick = performance.now() - begun <= LONG_MS;
      return result;
    },
  };
}
