// A question to answer before one looks: choose, then read whether it is so and why.
import type { JSX } from "preact";
import { oneOf, useSetting } from "../settings.ts";

export interface Question {
  readonly asks: string;
  readonly options: readonly string[];
  /** The right one's place. */
  readonly right: number;
  readonly because: string;
}
const places = ["0", "1", "2", "3"] as const;
const guess = oneOf("guess", ["none", ...places], "none");

export function Predict({ asks, options, right, because }: Question): JSX.Element {
  const [chosen, choose] = useSetting(guess);
  return (
    <fieldset class="predict">
      <legend>
        <span class="tag">Predict first</span> {asks}
      </legend>
      <div class="options">
        {options.map((option, i) => (
          <label key={option} class="option">
            <input
              type="radio"
              name="guess"
              value={i}
              checked={chosen === places[i]}
              onChange={() => choose(places[i])}
            />
            {option}
          </label>
        ))}
      </div>
      <p class="because" aria-live="polite">
        {chosen !== "none" && (
          <>
            <strong class={Number(chosen) === right ? "good" : "bad"}>
              {Number(chosen) === right ? "✓ Yes." : `✗ No: ${options[right]}.`}
            </strong>{" "}
            {because}
          </>
        )}
      </p>
    </fieldset>
  );
}
