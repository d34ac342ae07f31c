// What audits say: the one that ran here, and up to two results that were opened.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Choice, Controls } from "../parts/controls.tsx";
import { download } from "../parts/download.ts";
import { NumberTable } from "../parts/NumberTable.tsx";
import { Opener } from "../parts/Opener.tsx";
import { Report } from "../parts/Report.tsx";
import { Shown } from "../parts/words.tsx";
import { oneOf, useSetting } from "../settings.ts";
import type { Claim, ShownResult } from "../worker/calls/audit.ts";
import { useEngine } from "../worker/client.ts";

const words: Readonly<Record<string, string>> = {
  fail: "✗ fail",
  pass: "✓ pass",
  inconclusive: "? undecided",
};
/** As the report has them: of accuracy, too, which is no instability. */
const outcomeWords = (outcome: string): string => words[outcome] ?? `– ${outcome}`;
const wantedOutcome = oneOf("outcome", ["all", "fail", "inconclusive", "pass"], "all");

function ClaimTable({ claims, of }: { claims: readonly Claim[]; of: string }): JSX.Element {
  const [outcome, setOutcome] = useSetting(wantedOutcome);
  const [method, setMethod] = useState("all");
  const methods = [...new Set(claims.map((c) => c.method))];
  const chosen = claims.filter(
    (c) =>
      (outcome === "all" || c.outcome === outcome) && (method === "all" || c.method === method),
  );
  const rows = chosen.map((c) => [
    c.method,
    outcomeWords(c.outcome),
    c.title,
    c.figure,
    c.explanation,
  ]);
  return (
    <>
      <Controls>
        <Choice
          label="Verdicts"
          value={outcome}
          options={[
            ["all", "all"],
            ["fail", "fail"],
            ["inconclusive", "undecided"],
            ["pass", "pass"],
          ]}
          onChange={setOutcome}
        />
        <Choice
          label="Method"
          value={method}
          options={[["all", "all methods"], ...methods.map((m) => [m, m] as const)]}
          onChange={setMethod}
        />
      </Controls>
      <NumberTable
        caption={`What ${of} says, ${chosen.length} of ${claims.length} verdicts`}
        head={["method", "verdict", "claim", "figure of threshold", "why"]}
        sentences
        rows={rows.length > 0 ? rows : [["none of these", "", "", "", ""]]}
      />
    </>
  );
}

function OneResult({ result }: { result: ShownResult }): JSX.Element {
  const { name, sha256, answer, claims, json, html } = result;
  return (
    <section class="result" aria-label={name}>
      <h2>{name === "this audit" ? "The audit that ran here" : name}</h2>
      <p class="answer">{answer}</p>
      <ClaimTable claims={claims} of={name} />
      <div class="buttons">
        <button type="button" onClick={() => download("result.json", json, "application/json")}>
          Save result.json
        </button>
        <button type="button" onClick={() => download("report.html", html, "text/html")}>
          Save report.html
        </button>
      </div>
      <p class="note">
        SHA-256 {sha256.slice(0, 16)}…; <code>npx fiducial report result.json</code> draws the
        report from it again.
      </p>
      <details class="report-fold" open>
        <summary>The report, as the command line writes it</summary>
        <Report html={html} label={`report of ${name}`} />
      </details>
    </section>
  );
}

/** Two results' verdicts side by side, and in what their audits differ. */
function Compared({ a, b }: { a: ShownResult; b: ShownResult }): JSX.Element {
  const answer = useEngine("compareResults", { a: a.sha256, b: b.sha256 });
  const keys = [
    ...new Map([...a.claims, ...b.claims].map((c) => [`${c.title}: ${c.method}`, c])).keys(),
  ];
  const of = ({ claims }: ShownResult, key: string): string => {
    const claim = claims.find((c) => `${c.title}: ${c.method}` === key);
    return claim ? `${outcomeWords(claim.outcome)}, ${claim.figure}` : "–";
  };
  return (
    <section class="result" aria-label="Compared">
      <h2>Both, side by side</h2>
      <NumberTable
        caption={`Verdicts of ${a.name} and ${b.name}`}
        head={["claim: method", "first", "second"]}
        rows={keys.map((key) => [key, of(a, key), of(b, key)])}
      />
      <Shown answer={answer}>
        {(found) => (
          <NumberTable
            caption={
              found.length === 0
                ? "The audits themselves do not differ"
                : "In what the audits differ"
            }
            head={["field", "first", "second"]}
            rows={
              found.length === 0 ? [["nothing", "", ""]] : found.map((d) => [d.field, d.a, d.b])
            }
          />
        )}
      </Shown>
    </section>
  );
}

const say = ({ name, claims }: ShownResult): string => `${name}: ${claims.length} verdicts.`;
export function AuditResults({ own }: { own: ShownResult | undefined }): JSX.Element {
  const [first, setFirst] = useState<ShownResult>();
  const [second, setSecond] = useState<ShownResult>();
  const what = "The result.json of an audit; it stays in this tab.";
  return (
    <>
      {own && <OneResult result={own} />}
      <Controls>
        <Opener
          label="Open a result"
          call="openResult"
          what={what}
          beside={{}}
          say={say}
          onOpened={setFirst}
        />
        {first && (
          <Opener
            label="And another"
            call="openResult"
            what={what}
            beside={{}}
            say={say}
            onOpened={setSecond}
          />
        )}
      </Controls>
      {first && second && <Compared a={first} b={second} />}
      {first && <OneResult result={first} />}
      {second && <OneResult result={second} />}
    </>
  );
}
