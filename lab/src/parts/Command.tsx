// The command line that finds the numbers of a section again.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

export interface CommandProps {
  line: string;
  /** What it repeats, where a page has several. */
  what?: string;
  children?: ComponentChildren;
}
export function Command({ line, what = "these numbers", children }: CommandProps): JSX.Element {
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    void navigator.clipboard?.writeText(line).then(() => setCopied(true));
  };
  return (
    <div class="command">
      <p class="note">The same numbers by the command line:</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: so that arrows scroll it */}
      <section class="line" tabIndex={0} aria-label={`The command line that repeats ${what}`}>
        <code>
          {line.split(" ").map((word, i) => (
            <span key={i}>
              {i > 0 && " "}
              <span class="word">{word}</span>
            </span>
          ))}
        </code>
      </section>
      <button type="button" onClick={copy}>
        {copied ? "Copied" : "Copy"}
      </button>
      {children}
    </div>
  );
}
