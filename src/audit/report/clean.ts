// What every method makes of the undisturbed measurement.
import {
  decibels,
  fixed,
  percent,
  type Picture,
  type PictureGrid,
  type Section,
  type Table,
} from "../../report/index.ts";
import type { Accuracy, AuditResult } from "../schema.ts";

const accuracyOf = (result: AuditResult, method: string, image: number): Accuracy | undefined =>
  result.accuracy.find((a) => a.method === method && a.image === image);

function imageGrid(result: AuditResult, image: number): PictureGrid {
  const { images, operator } = result.problem;
  const { label, preparation } = images[image];
  const shown = result.methods.flatMap(({ name }, mark) => {
    const accuracy = accuracyOf(result, name, image);
    return accuracy ? [{ name, mark, accuracy }] : [];
  });
  const mask: Picture = {
    picture: "mask",
    label: "sampling mask",
    caption: { text: `what is measured of k-space: ${percent(Number(operator.sampledFraction))}` },
  };
  return {
    kind: "pictures",
    id: `clean-${image}`,
    title: label,
    ...(preparation === "none" ? {} : { note: preparation }),
    shape: [Number(operator.height), Number(operator.width)],
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
          image === 0 && result.pictures.mask !== undefined ? mask : null,
          ...shown.map(({ name, accuracy }) => ({
            picture: `error ${image} ${name}`,
            label: `error of ${name}`,
            caption: { text: `error, maximum ${fixed(accuracy.maxError, 3)}` },
          })),
        ],
      },
    ],
    windows: { colour: result.scales[image].error, grey: result.scales[image].magnitude },
  };
}

function accuracyTable(result: AuditResult): Table {
  const methods = result.methods.map((m) => m.name);
  return {
    kind: "table",
    id: "accuracy",
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

export const cleanSection = (result: AuditResult): Section => ({
  id: "clean",
  title: "Without perturbation",
  details: [...result.problem.images.map((_, i) => imageGrid(result, i)), accuracyTable(result)],
});
