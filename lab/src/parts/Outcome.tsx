// What the bench says of a method: a sign, a word and a colour, and the sentence with its numbers.
import type { JSX } from "preact";

const words: Readonly<Record<string, readonly [sign: string, word: string, kind: string]>> = {
  fail: ["✗", "Instability observed", "bad"],
  pass: ["✓", "Not observed", "good"],
  inconclusive: ["?", "Undecided", "open"],
};
const wordsOf = (outcome: string): readonly [string, string, string] => words[outcome] ?? ["–", outcome, "open"];
/** "✓ Not observed" */
export const outcomeWords = (outcome: string): string => wordsOf(outcome).slice(0, 2).join(" ");

export function Outcome(props: { outcome: string; name: string; explanation: string }): JSX.Element {
  const [sign, word, kind] = wordsOf(props.outcome);
  return (
    <li class={`outcome ${kind}`}>
      <strong>
        {sign} {word}
      </strong>
      : {props.name} – {props.explanation}.
    </li>
  );
}
