// A test's pictures as composed figures.
import {
  count,
  decibels,
  fixed,
  percent,
  type Box,
  type Label,
  type Picture,
  type PictureGrid,
} from "../../../report/index.ts";
import type { Measurement } from "../../schema.ts";
import { windowsOf } from "../../scales.ts";
import { noiseWords, undisturbed, type Found } from "./found.ts";

export type Shown = Measurement & { readonly pictures: NonNullable<Measurement["pictures"]> };
const hasPictures = (m: Measurement): m is Shown => m.pictures !== undefined;

/** The last one pictured, which is the largest. */
export function worstOf(found: Found, method: string, image: number): Shown | undefined {
  return found.test.measurements
    .filter((m) => m.method === method && m.image === image)
    .filter(hasPictures)
    .at(-1);
}
const maximum = (value: number): Label => ({ text: `maximum ${fixed(value, 3)}` });

/** About a quarter of the width; the size of a pixel is not known. */
export function scaleBar([, width]: Found["shape"]): NonNullable<PictureGrid["scaleBar"]> {
  const pixels =
    [1, 2, 4, 8, 16, 32, 64, 128, 256].findLast((n) => n <= Math.max(1, width / 4)) ?? 1;
  return { pixels, text: count(pixels, "pixel") };
}

interface Column {
  readonly own: Shown;
  /** Where what was found changes the image most. */
  readonly region?: Box;
}
const outline = ({ region }: Column): Pick<Picture, "boxes"> => (region ? { boxes: [region] } : {});

function beforeAndAfter(
  found: Found,
  shown: readonly Column[],
  input: string,
): PictureGrid["rows"] {
  const row = (text: string, cell: (c: Column) => Picture | null): PictureGrid["rows"][number] => ({
    label: { text },
    cells: shown.map(cell),
  });
  const enlarged = (
    picture: (m: Shown) => string,
    label: string,
    { own, region }: Column,
  ): Picture | null => {
    const of = `${label}, enlarged, for ${own.method}`;
    return region ? { picture: picture(own), label: of, crop: region } : null;
  };
  const before = (m: Shown): string => undisturbed(found, m.image, m.method);
  const crops = [
    row("input, enlarged", (c) => enlarged((m) => m.pictures.perturbedImage, input, c)),
    row("before, enlarged", (c) => enlarged(before, "before", c)),
    row("after, enlarged", (c) => enlarged((m) => m.pictures.reconstruction, "after", c)),
  ];
  return [
    row(input, (c) => ({
      picture: c.own.pictures.perturbedImage,
      label: `${input}, for ${c.own.method}`,
      ...outline(c),
    })),
    row("before", (c) => ({
      picture: before(c.own),
      label: `${c.own.method}, undisturbed`,
      caption: {
        text: `${decibels(c.own.psnr.before)},`,
        soft: `SSIM ${fixed(c.own.ssim.before, 3)}`,
      },
      ...outline(c),
    })),
    row("after", (c) => ({
      picture: c.own.pictures.reconstruction,
      label: `${c.own.method}, perturbed`,
      caption: {
        text: `${decibels(c.own.psnr.after)},`,
        strong: true,
        soft: `SSIM ${fixed(c.own.ssim.after, 3)} (noise ${decibels(c.own.noise.psnr)})`,
      },
      ...outline(c),
    })),
    ...(shown.some((c) => c.region) ? crops : []),
    row("error after", (c) => ({
      picture: c.own.pictures.error,
      label: `error of ${c.own.method}, perturbed`,
      caption: maximum(c.own.pictures.maxError),
    })),
  ];
}

/** For every image a figure: each method before and after, under what was found for it. */
export function comparison(found: Found, words: { what: string; input: string }): PictureGrid[] {
  return found.images.flatMap((image, i): PictureGrid[] => {
    const shown = found.methods.flatMap((method): Column[] => {
      const own = worstOf(found, method, i);
      const region = found.regions[own?.pictures.change ?? ""];
      return own ? [{ own, ...(region ? { region } : {}) }] : [];
    });
    if (shown.length === 0) return [];
    return [
      {
        kind: "pictures",
        id: `${found.test.id}-${i}-methods`,
        title: `${image.label}: ${words.what}`,
        note: `In brackets: with ${noiseWords(shown[0].own)}.`,
        ...(i === 0
          ? {}
          : { fold: `The same of ${count(found.images.length - 1, "other image")}` }),
        shape: found.shape,
        small: true,
        columns: shown.map(({ own }) => ({
          text: own.method,
          mark: found.methods.indexOf(own.method),
          soft: `${own.label}: ${percent(own.relativeNorm)}`,
        })),
        rows: beforeAndAfter(found, shown, words.input),
        windows: windowsOf(found.scales[i]),
        scaleBar: scaleBar(found.shape),
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
      {
        picture: pictures.perturbation,
        label: "perturbation",
        caption: { text: percent(m.relativeNorm) },
      },
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
      const own = found.test.measurements
        .filter((x) => x.method === method && x.image === i)
        .filter(hasPictures);
      if (own.length === 0) return [];
      return [
        {
          kind: "pictures",
          id: `${found.test.id}-${i}-${m}-gallery`,
          title: image.label,
          fold: `${method}: perturbations and reconstructions`,
          shape: found.shape,
          columns: [`x + ${r}`, `|${r}| ×1`, `|${r}| enlarged`, "x̂", "error"].map((text) => ({
            text,
          })),
          rows: own.map(galleryRow),
          windows: windowsOf(found.scales[i]),
        },
      ];
    }),
  );
}
