// What the bench says of a method: a sign, a word and a colour, and the sentence with its numbers.
import type { JSX } from "preact";

const words: Readonly<Record<string, readonly [sign: string, word: string, kind: string]>> = {
  fail: ["✗", "Instability observed", "bad"],
  pass: ["✓", "Not observed", "good"],
  inconclusive: ["?", "Undecided", "open"],
};
export function Outcome(props: {
  outcome: string;
  name: string;
  explanation: string;
}): JSX.Element {
  const [sign, word, kind] = words[props.outcome] ?? ["–", props.outcome, "open"];
  return (
    <li class={`outcome ${kind}`}>
      <strong>
        {sign} {word}
      </strong>
      : {props.name} – {props.explanation}.
    </li>
  );
}
