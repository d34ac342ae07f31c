// Starts and stops a long computation, says how far it is, and says it aloud now and then.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Phase } from "../sections/run.ts";

export interface RunButtonsProps {
  run: { readonly phase: Phase; readonly error: string | undefined; start(): void; stop(): void };
  label: string;
  /** How far it is, in a sentence. */
  told: string;
  disabled?: boolean;
}
/** Milliseconds between two things said. */
const SAID_EVERY = 5000;

export function RunButtons({ run, label, told, disabled = false }: RunButtonsProps): JSX.Element {
  const { phase, error, start, stop } = run;
  const [said, say] = useState("");
  const newest = useRef(told);
  newest.current = told;
  useEffect(() => {
    say(newest.current);
    const timer =
      phase === "running" ? setInterval(() => say(newest.current), SAID_EVERY) : undefined;
    return () => clearInterval(timer);
  }, [phase]);
  const again = phase === "done" || phase === "stopped" || phase === "failed";
  return (
    <div class="steps">
      <div class="buttons">
        {phase === "running" ? (
          <button type="button" onClick={stop}>
            ■ Stop
          </button>
        ) : (
          <button type="button" disabled={disabled} onClick={start}>
            ▶ {again ? "Again" : label}
          </button>
        )}
      </div>
      <p class={phase === "failed" ? "failure" : undefined} data-phase={phase}>
        {phase === "failed" ? error : told}
      </p>
      <p class="unseen" role="status">
        {phase === "failed" ? error : said}
      </p>
    </div>
  );
}
