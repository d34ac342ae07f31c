// What every method makes of the undisturbed measurement.
import {
  decibels,
  fixed,
  percent,
  type Detail,
  type Picture,
  type PictureGrid,
  type Table,
} from "../../report/index.ts";
import { windowsOf } from "../scales.ts";
import type { Accuracy, AuditResult } from "../schema.ts";
import { ACCURACY } from "./standing.ts";

const accuracyOf = (result: AuditResult, method: string, image: number): Accuracy | undefined =>
  result.accuracy.find((a) => a.method === method && a.image === image);

/** [height, width] of a PNG: the seventeenth to the twenty-fourth of its bytes. */
function shapeOf(png: string | undefined): [number, number] {
  const head = /^[A-Za-z0-9+/]{32}/.exec(png ?? "")?.[0];
  if (head === undefined) return [1, 1];
  const bytes = Uint8Array.from(atob(head), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return [view.getUint32(20), view.getUint32(16)];
}

/** What is measured, where the operator has a picture of it. */
function maskPicture({ pictures, problem }: AuditResult): Picture | null {
  if (pictures.mask === undefined) return null;
  const { sampledFraction: share } = problem.operator;
  const measured =
    typeof share === "number"
      ? `what is measured of k-space: ${percent(share)}`
      : "what is measured";
  return { picture: "mask", label: "sampling mask", caption: { text: measured } };
}

function imageGrid(result: AuditResult, image: number): PictureGrid {
  const { label, preparation } = result.problem.images[image];
  const shown = result.methods.flatMap(({ name }, mark) => {
    const accuracy = accuracyOf(result, name, image);
    return accuracy ? [{ name, mark, accuracy }] : [];
  });
  return {
    kind: "pictures",
    id: `clean-${image}`,
    title: label,
    ...(preparation === "none" ? {} : { note: preparation }),
    shape: shapeOf(result.pictures[`image ${image}`]),
    columns: [{ text: "truth |x|" }, ...shown.map(({ name, mark }) => ({ text: name, mark }))],
    rows: [
      {
        label: { text: "" },
        cells: [
          { picture: `image ${image}`, label: `image ${image + 1}` },
          ...shown.map(({ name, accuracy }) => ({
            picture: `reconstruction ${image} ${name}`,
            label: `${name} of image ${image + 1}`,
            caption: { text: `${decibels(accuracy.psnr)}, SSIM ${fixed(accuracy.ssim, 3)}` },
          })),
        ],
      },
      {
        label: { text: "" },
        cells: [
          image === 0 ? maskPicture(result) : null,
          ...shown.map(({ name, accuracy }) => ({
            picture: `error ${image} ${name}`,
            label: `error of ${name}`,
            caption: { text: `error, maximum ${fixed(accuracy.maxError, 3)}` },
          })),
        ],
      },
    ],
    windows: windowsOf(result.scales[image]),
  };
}

function accuracyTable(result: AuditResult): Table {
  const methods = result.methods.map((m) => m.name);
  return {
    kind: "table",
    id: "accuracy-figures",
    fold: "Every figure",
    columns: [
      { name: "method" },
      { name: "image" },
      { name: "PSNR, dB", format: "decibels" },
      { name: "SSIM", format: "norm" },
      { name: "NMSE", format: "figure" },
    ],
    rows: result.accuracy.map((a) => [
      { text: a.method, mark: methods.indexOf(a.method) },
      result.problem.images[a.image].label,
      a.psnr,
      a.ssim,
      a.nmse,
    ]),
  };
}

/** Of a measurement without a known truth: what there is to see. */
function unjudgedGrid(result: AuditResult, image: number): PictureGrid {
  const { label, preparation } = result.problem.images[image];
  const residuals = result.tests.find((t) => t.id === ACCURACY)?.scores ?? [];
  const shown = result.methods.flatMap(({ name }, mark) => {
    const own = residuals.find((s) => s.method === name && s.image === image);
    return own ? [{ name, mark, residual: own.figures.residual }] : [];
  });
  const mask = image === 0 ? maskPicture(result) : null;
  return {
    kind: "pictures",
    id: `clean-${image}`,
    title: label,
    ...(preparation === "none" ? {} : { note: preparation }),
    shape: shapeOf(result.pictures[`image ${image}`]),
    columns: [
      { text: "first image |A*y|" },
      ...shown.map(({ name, mark }) => ({ text: name, mark })),
    ],
    rows: [
      {
        label: { text: "" },
        cells: [
          { picture: `image ${image}`, label: `first image of measurement ${image + 1}` },
          ...shown.map(({ name, residual }) => ({
            picture: `reconstruction ${image} ${name}`,
            label: `${name} of measurement ${image + 1}`,
            caption: { text: `leaves ${percent(residual)} of y` },
          })),
        ],
      },
      ...(mask ? [{ label: { text: "" }, cells: [mask, ...shown.map(() => null)] }] : []),
    ],
  };
}

export const cleanDetails = (result: AuditResult): Detail[] =>
  result.problem.truth === "unknown"
    ? result.problem.images.map((_, i) => unjudgedGrid(result, i))
    : [...result.problem.images.map((_, i) => imageGrid(result, i)), accuracyTable(result)];
