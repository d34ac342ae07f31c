// The numbers of an attack: a curve, a table, and what the bench says of each method.
import type { JSX } from "preact";
import { Curves, type Line, type Point } from "../parts/Curves.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed, percent } from "../parts/numbers.ts";
import { Outcome } from "../parts/Outcome.tsx";
import { sameOf, type Attack, type Seen } from "./attack-run.ts";

type Domain = "image" | "measurement";
const whole = (domain: Domain): string => (domain === "image" ? "‖x‖" : "‖y‖");

export function AttackCurves({ run, domain }: { run: Attack; domain: Domain }): JSX.Element {
  const points = (seen: Seen, of: (s: Seen["stops"][number]) => number): Point[] => [
    [0, seen.clean.psnr],
    ...seen.stops.map((s): Point => [100 * s.measurement.relativeNorm, of(s)]),
  ];
  const lines = run.seen.flatMap((seen, mark): Line[] => [
    { name: `${seen.name}, its worst case`, mark, points: points(seen, (s) => s.image.psnr) },
    {
      name: "noise, measured as much",
      mark,
      dashed: true,
      faint: true,
      points: points(seen, (s) => s.measurement.noise.psnr),
    },
  ]);
  return (
    <Curves
      label="PSNR against the size of the perturbation, for each method's own worst case and for noise; the numbers are in the table"
      x={`‖r‖ / ${whole(domain)}, %`}
      y="PSNR, dB"
      lines={lines}
    />
  );
}

export function AttackTable({ run, domain }: { run: Attack; domain: Domain }): JSX.Element {
  const [first] = run.seen;
  const rows = run.seen.flatMap((seen) => [
    [seen.name, "none", "0 %", fixed(seen.clean.psnr, 2), fixed(seen.clean.ssim, 3), "–", "–", "–"],
    ...seen.stops.map(({ label, image, measurement: m }) => [
      seen.name,
      label,
      percent(m.relativeNorm, 2),
      fixed(m.psnr.after, 2),
      fixed(image.ssim, 3),
      fixed(m.noise.psnr, 2),
      seen === first ? fixed(m.psnr.after, 2) : fixed2(sameOf(run, seen.method, label)?.image.psnr),
      fixed(m.amplification, 2),
    ]),
  ]);
  return (
    <NumberTable
      caption="What is left"
      head={[
        "method",
        "added",
        `‖r‖/${whole(domain)}`,
        "PSNR, dB",
        "SSIM",
        "PSNR, noise (8 draws)",
        `PSNR, r of the ${first?.name ?? "network"}`,
        "change / ‖r‖",
      ]}
      rows={rows}
    />
  );
}
const fixed2 = (v: number | undefined): string => (v === undefined ? "…" : fixed(v, 2));

export function Verdicts({ run }: { run: Attack }): JSX.Element {
  const judged = run.result?.judged ?? [];
  return (
    <ul class="outcomes">
      {judged.map(({ method, outcome, explanation }) => (
        <Outcome
          key={method}
          outcome={outcome}
          name={run.seen.find((s) => s.method === method)?.name ?? method}
          explanation={explanation}
        />
      ))}
    </ul>
  );
}
