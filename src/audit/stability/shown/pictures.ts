// A test's pictures as composed figures.
import { decibels, fixed, percent, type Label, type Picture, type PictureGrid } from "../../../report/index.ts";
import type { Measurement } from "../../schema.ts";
import { windowsOf } from "../../scales.ts";
import type { Found } from "./found.ts";

type Shown = Measurement & { readonly pictures: NonNullable<Measurement["pictures"]> };
const hasPictures = (m: Measurement): m is Shown => m.pictures !== undefined;

/** The last one pictured, which is the largest. */
function worstOf(found: Found, method: string, image: number): Shown | undefined {
  return found.test.measurements
    .filter((m) => m.method === method && m.image === image)
    .filter(hasPictures)
    .at(-1);
}
const maximum = (value: number): Label => ({ text: `maximum ${fixed(value, 3)}` });

function beforeAndAfter(shown: readonly Shown[], input: string): PictureGrid["rows"] {
  const row = (text: string, cell: (m: Shown) => Picture): PictureGrid["rows"][number] => ({
    label: { text },
    cells: shown.map(cell),
  });
  return [
    row(input, (m) => ({ picture: m.pictures.perturbedImage, label: `${input}, for ${m.method}` })),
    row("before", (m) => ({
      picture: `reconstruction ${m.image} ${m.method}`,
      label: `${m.method}, unperturbed`,
      caption: { text: `${decibels(m.psnr.before)},`, soft: `SSIM ${fixed(m.ssim.before, 3)}` },
    })),
    row("after", (m) => ({
      picture: m.pictures.reconstruction,
      label: `${m.method}, perturbed`,
      caption: {
        text: `${decibels(m.psnr.after)},`,
        strong: true,
        soft: `SSIM ${fixed(m.ssim.after, 3)}; with noise of that norm ${decibels(m.noise.psnr)}`,
      },
    })),
    row("error after", (m) => ({
      picture: m.pictures.error,
      label: `error of ${m.method}, perturbed`,
      caption: maximum(m.pictures.maxError),
    })),
  ];
}

/** For every image a figure: each method before and after, under what was found for it. */
export function comparison(found: Found, words: { what: string; input: string }): PictureGrid[] {
  return found.images.flatMap((image, i): PictureGrid[] => {
    const shown = found.methods.map((m) => worstOf(found, m, i)).filter((m) => m !== undefined);
    if (shown.length === 0) return [];
    return [
      {
        kind: "pictures",
        id: `${found.test.id}-${i}-methods`,
        title: `${image.label}: ${words.what}`,
        shape: found.shape,
        columns: shown.map((m) => ({
          text: m.method,
          mark: found.methods.indexOf(m.method),
          soft: `${m.label}: ${percent(m.relativeNorm)}`,
        })),
        rows: beforeAndAfter(shown, words.input),
        windows: windowsOf(found.scales[i]),
      },
    ];
  });
}

function galleryRow(m: Shown): PictureGrid["rows"][number] {
  const { pictures } = m;
  const change = `${fixed(m.psnr.before, 2)} → ${decibels(m.psnr.after)}`;
  return {
    label: { text: [m.series, m.label].filter(Boolean).join(": ") },
    cells: [
      { picture: pictures.perturbedImage, label: "perturbed image" },
      { picture: pictures.perturbation, label: "perturbation", caption: { text: percent(m.relativeNorm) } },
      {
        picture: pictures.perturbationGained,
        label: "perturbation, enlarged",
        caption: { text: `×${pictures.gain}` },
      },
      { picture: pictures.reconstruction, label: "reconstruction", caption: { text: change } },
      { picture: pictures.error, label: "error", caption: maximum(pictures.maxError) },
    ],
  };
}
/**
 * For every method and image, folded: each perturbation as it is and enlarged, and what it does.
 */
export function gallery(found: Found): PictureGrid[] {
  const r = found.test.domain === "image" ? "r" : "A*r";
  return found.methods.flatMap((method, m) =>
    found.images.flatMap((image, i): PictureGrid[] => {
      const own = found.test.measurements.filter((x) => x.method === method && x.image === i).filter(hasPictures);
      if (own.length === 0) return [];
      return [
        {
          kind: "pictures",
          id: `${found.test.id}-${i}-${m}-gallery`,
          title: image.label,
          fold: `${method}: perturbations and reconstructions`,
          shape: found.shape,
          columns: [`x + ${r}`, `|${r}| ×1`, `|${r}| enlarged`, "x̂", "error"].map((text) => ({ text })),
          rows: own.map(galleryRow),
          windows: windowsOf(found.scales[i]),
        },
      ];
    }),
  );
}
