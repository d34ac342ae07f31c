// What was found for one method, tried on the others.
import type { Table } from "../../../report/index.ts";
import { mean } from "../../statistics.ts";
import type { Found } from "./found.ts";

/** Rows: for whom it was found; columns: who suffers it. Nothing where nothing was tried. */
export function transferTable({ test, methods, accuracy, images }: Found): Table[] {
  const { transfers } = test;
  if (!transfers || transfers.length === 0) return [];
  const cleanPsnr = (method: string, image: number): number =>
    accuracy.find((a) => a.method === method && a.image === image)?.psnr ?? Number.NaN;
  const gain = (from: string, to: string): number => {
    const own = transfers.filter((t) => t.from === from && t.to === to);
    return own.length === 0 ? Number.NaN : mean(own.map((t) => t.psnr - cleanPsnr(to, t.image)));
  };
  const marked = methods.map((name, mark) => ({ name, mark }));
  const finders = marked.filter((m) => transfers.some((t) => t.from === m.name));
  const suffering = marked.filter((m) => transfers.some((t) => t.to === m.name));
  return [
    {
      kind: "table",
      id: `${test.id}-transfers`,
      title: "What is found for one method, tried on the others",
      note: `PSNR gained or lost in dB${images.length > 1 ? ", mean over the images" : ""}.`,
      columns: [
        { name: "found for" },
        ...suffering.map((m) => ({ ...m, format: "decibels" as const })),
      ],
      rows: finders.map((from) => [
        { text: from.name, mark: from.mark },
        ...suffering.map((to) => gain(from.name, to.name)),
      ]),
    },
  ];
}
