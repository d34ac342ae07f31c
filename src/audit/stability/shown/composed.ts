// The figure of a searched test, as journals print it: every method before, under its own worst
// case, and under what was found for the audited one; the damage enlarged; what changed.
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
import { windowsOf } from "../../scales.ts";
import type { Transfer } from "../../schema.ts";
import { loss, undisturbed, type Found } from "./found.ts";
import { scaleBar, worstOf, type Shown } from "./pictures.ts";

type Row = PictureGrid["rows"][number];

/** A method in the figure: at its own worst, and under what was found for the audited one. */
interface Suffering {
  readonly name: string;
  readonly mark: number;
  readonly own: Shown;
  readonly same?: { readonly psnr: number; readonly picture: string };
}
/** One image's figure. */
interface Scene {
  readonly found: Found;
  readonly image: number;
  /** What the audited method suffers. */
  readonly lead: Shown;
  readonly methods: readonly Suffering[];
  readonly region?: Box;
  /** What r is called: in the image, or brought there from the measurement. */
  readonly r: string;
}

function sceneOf(found: Found, image: number): Scene | undefined {
  const { test, methods, audited } = found;
  const lead = worstOf(found, audited, image);
  if (!lead) return undefined;
  const sameFor = (name: string): Suffering["same"] => {
    if (name === audited) return { psnr: lead.psnr.after, picture: lead.pictures.reconstruction };
    const tried = test.transfers?.find(
      (t: Transfer) => t.from === audited && t.to === name && t.image === image,
    );
    return tried?.picture === undefined ? undefined : { psnr: tried.psnr, picture: tried.picture };
  };
  const shown = methods.flatMap((name, mark): Suffering[] => {
    const own = worstOf(found, name, image);
    const same = sameFor(name);
    return own ? [{ name, mark, own, ...(same ? { same } : {}) }] : [];
  });
  const region = found.regions[lead.pictures.change ?? ""];
  const r = test.domain === "image" ? "r" : "A*r";
  return { found, image, lead, methods: shown, r, ...(region ? { region } : {}) };
}

const truthOf = ({ image }: Scene, caption = "x, the truth"): Picture => ({
  picture: `image ${image}`,
  label: `image ${image + 1}`,
  caption: { text: caption },
});
const perturbedOf = ({ lead, r, found }: Scene): Picture => ({
  picture: lead.pictures.perturbedImage,
  label: `the image with the perturbation found for ${lead.method}`,
  caption: { text: `x + ${r}`, soft: `of ${found.audited}` },
});
const enlargedOf = ({ lead, r, found }: Scene): Picture => ({
  picture: lead.pictures.perturbationGained,
  label: `the perturbation found for ${lead.method}, enlarged ${lead.pictures.gain} times`,
  caption: { text: `|${r}| × ${lead.pictures.gain}`, soft: `of ${found.audited}` },
});

const before = ({ found, image }: Scene, { name, own }: Suffering): Picture => ({
  picture: undisturbed(found, image, name),
  label: `${name}, undisturbed`,
  caption: { text: decibels(own.psnr.before) },
});
const atWorst = (_: Scene, { name, own }: Suffering): Picture => ({
  picture: own.pictures.reconstruction,
  label: `${name}, under its own worst perturbation`,
  caption: {
    text: decibels(own.psnr.after),
    strong: true,
    soft: `(noise ${decibels(own.noise.psnr)})`,
  },
});
function underSame({ found }: Scene, { name, same }: Suffering): Picture | null {
  if (!same) return null;
  const label = `${name}, under the perturbation found for ${found.audited}`;
  return { picture: same.picture, label, caption: { text: decibels(same.psnr), strong: true } };
}
const changeOf = (_: Scene, { name, own }: Suffering): Picture | null =>
  own.pictures.change === undefined
    ? null
    : { picture: own.pictures.change, label: `change of ${name} under its own worst perturbation` };

/** The part that is shown enlarged; its caption stands under the whole. */
function cropped(row: Row, region: Box): Row {
  const part = ({ picture, label }: Picture): Picture => ({
    picture,
    label: `${label}, enlarged`,
    crop: region,
  });
  const label: Label = { text: row.label.text, soft: "enlarged" };
  return { label, cells: row.cells.map((cell) => (cell ? part(cell) : null)) };
}
function outlined(row: Row, region: Box): Row {
  return { ...row, cells: row.cells.map((cell) => (cell ? { ...cell, boxes: [region] } : null)) };
}

function rowsOf(scene: Scene): Row[] {
  const { methods, region } = scene;
  const row = (
    text: string,
    first: Picture | null,
    cell: (s: Scene, m: Suffering) => Picture | null,
  ): Row => ({
    label: { text },
    cells: [first, ...methods.map((m) => cell(scene, m))],
  });
  const tried = methods.filter((m) => m.same).length > 1;
  const wholes = [
    row("before", truthOf(scene), before),
    ...(tried ? [row("all with the same r", perturbedOf(scene), underSame)] : []),
    row("each at its own worst", tried ? enlargedOf(scene) : perturbedOf(scene), atWorst),
  ];
  const changes = methods.some((m) => m.own.pictures.change !== undefined)
    ? [row("what changed, each at its own worst", tried ? null : enlargedOf(scene), changeOf)]
    : [];
  if (!region) return [...wholes, ...changes];
  return [
    ...wholes.map((own) => outlined(own, region)),
    ...wholes.map((own) => cropped(own, region)),
    ...changes.map((own) => outlined(own, region)),
  ];
}

/** What the pictures show, in numbers. */
function captionOf({ found, lead, methods, region }: Scene): string {
  const letter = found.test.domain === "image" ? "x" : "y";
  const measured =
    lead.noise.measuredNorm === undefined ? "noise as large" : "noise measured as much";
  const said = methods.map(({ name, own, same }) => {
    const other =
      same && name !== found.audited
        ? `, ${decibels(same.psnr)} with the r of ${found.audited}`
        : "";
    return `${name} ${fixed(own.psnr.before, 2)} → ${decibels(own.psnr.after)} (${decibels(own.noise.psnr)})${other}`;
  });
  const head = `‖r‖ is ${percent(lead.relativeNorm)} of ‖${letter}‖. PSNR undisturbed → at its own worst (with ${measured})`;
  const box = region
    ? ` The box is where ${found.audited} changes most: the same place for every method, enlarged as much.`
    : "";
  return `${head}: ${said.join("; ")}.${box}`;
}

function figureOf(scene: Scene): PictureGrid {
  const { found, image, lead, methods } = scene;
  return {
    kind: "pictures",
    id: `${found.test.id}-${image}-methods`,
    title: `${found.images[image].label}: what the worst perturbation found (${lead.label}) does`,
    note: captionOf(scene),
    shape: found.shape,
    small: true,
    columns: [{ text: "the image" }, ...methods.map(({ name, mark }) => ({ text: name, mark }))],
    rows: rowsOf(scene),
    windows: windowsOf(
      found.scales[image],
      lead.pictures.change === undefined ? "error" : "change",
    ),
    scaleBar: scaleBar(found.shape),
  };
}

/** One figure for every image: open for the one that the audited method suffers most from. */
export function composed(found: Found): PictureGrid[] {
  const scenes = found.images.flatMap((_, i) => sceneOf(found, i) ?? []);
  const worst = scenes.reduce((p, q) => (loss(q.lead) > loss(p.lead) ? q : p), scenes[0]);
  const others = scenes.filter((s) => s !== worst);
  const fold = `The same of ${count(others.length, "other image")}`;
  return [
    ...(worst ? [figureOf(worst)] : []),
    ...others.map((scene) => ({ ...figureOf(scene), fold })),
  ];
}
