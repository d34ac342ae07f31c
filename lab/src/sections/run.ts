// A long computation as the page sees it: started by hand, told about in notes, stopped at any time
// and when the page goes elsewhere.
import { useEffect, useRef } from "preact/hooks";
import { change, useAddress } from "../address.ts";
import { ask, type Asked, type EngineError } from "../worker/client.ts";
import type { Argument, CallName, Result } from "../worker/protocol.ts";
import { useFramed } from "./framed.ts";

export type Phase = "idle" | "running" | "done" | "stopped" | "failed";
export interface Run<S, R> {
  readonly phase: Phase;
  /** What the notes add up to. */
  readonly seen: S;
  readonly result: R | undefined;
  readonly error: string | undefined;
  start(): void;
  stop(): void;
}
interface State<S, R> {
  readonly phase: Phase;
  readonly seen: S;
  readonly result: R | undefined;
  readonly error: string | undefined;
}

/**
 * `after` adds a note to what was seen. A run that was begun is in the address, so that a reload
 * begins it again; `setting` is its name there.
 */
export function useRun<K extends CallName, S, N>(
  name: K,
  argument: Argument<K>,
  nothing: S,
  after: (seen: S, news: N) => S,
  setting = "run",
): Run<S, Result<K>> {
  const idle: State<S, Result<K>> = {
    phase: "idle",
    seen: nothing,
    result: undefined,
    error: undefined,
  };
  const [state, update, answer] = useFramed(idle);
  const going = useRef<Asked<Result<K>> | undefined>(undefined);
  const begun = useAddress().settings.get(setting) === "1";
  const halt = (): void => {
    going.current?.stop();
    going.current = undefined;
  };
  const begin = (): void => {
    halt();
    answer(() => ({ ...idle, phase: "running" }));
    const mine = ask(name, argument, (news: N) => {
      if (going.current === mine)
        update((before) => ({ ...before, seen: after(before.seen, news) }));
    });
    going.current = mine;
    const settle = (end: Partial<State<S, Result<K>>>): void => {
      if (going.current === mine) update((before) => ({ ...before, ...end }));
    };
    mine.result.then(
      (result) => settle({ phase: "done", result }),
      (error: EngineError) => settle({ phase: "failed", error: error.message }),
    );
  };
  const key = JSON.stringify(argument);
  const known = useRef<string | undefined>(undefined);
  useEffect(() => {
    const again = known.current !== undefined;
    known.current = key;
    halt();
    answer(() => idle);
    if (again) change({ [setting]: undefined });
    else if (begun) begin();
    return halt;
  }, [key]);
  return {
    ...state,
    start() {
      change({ [setting]: "1" });
      begin();
    },
    stop() {
      halt();
      change({ [setting]: undefined });
      answer((before) => ({ ...before, phase: "stopped" }));
    },
  };
}
