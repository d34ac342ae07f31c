// Every section looks as it did when its picture was stored: main, 64 pixels wide, in colour, so
// that letters are grey and figures are themselves. LAB_SNAPSHOTS=write stores new pictures.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decode, encode } from "fast-png";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { breakSections, chromium, insideSections, openLab, quick, type Lab } from "./lab-page.ts";

const folder = fileURLToPath(new URL("fixtures/lab-snapshots/", import.meta.url));
const WIDTH = 64;
/** Of 255: other fonts and other ways of smoothing move letters by less than that. */
const [MEAN, BLOCK] = [5, 60];

interface Look {
  readonly height: number;
  /** RGB, row after row. */
  readonly data: Uint8Array;
}
/** Means of whole blocks of a screenshot. */
function reduced(png: Uint8Array): Look {
  const { width, height, channels, data } = decode(png);
  const step = Math.floor(width / WIDTH);
  const rows = Math.floor(height / step);
  const small = new Uint8Array(3 * WIDTH * rows);
  for (let i = 0; i < small.length; i++) {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH)];
    let sum = 0;
    for (let p = 0; p < step; p++)
      for (let q = 0; q < step; q++)
        sum += data[channels * ((y * step + p) * width + x * step + q) + c];
    small[i] = Math.round(sum / step ** 2);
  }
  return { height: rows, data: small };
}
async function lookAt(lab: Lab, at: string): Promise<Look> {
  const page = await lab.open(at);
  const look = reduced(await page.locator("main").screenshot());
  await page.context().close();
  return look;
}

/** How far two looks are apart: their mean, and the share of pixels that are far apart. */
function apart(a: Look, b: Look): { mean: number; far: number; rows: number } {
  const length = Math.min(a.data.length, b.data.length);
  let [sum, far] = [0, 0];
  for (let i = 0; i < length; i++) {
    const difference = Math.abs(a.data[i] - b.data[i]);
    sum += difference;
    if (difference > BLOCK) far++;
  }
  return { mean: sum / length, far: far / length, rows: Math.abs(a.height - b.height) };
}
/** Pixels far apart that a section may have, of a thousand. */
const FAR = 0.004;
const alike = ({ mean, far, rows }: ReturnType<typeof apart>): boolean =>
  mean <= MEAN && far <= FAR && rows <= 4;

const stored = (name: string): string => `${folder}${name}.png`;
function store(name: string, { height, data }: Look): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(stored(name), encode({ width: WIDTH, height, data, channels: 3, depth: 8 }));
}
function known(name: string): Look {
  const { height, data } = decode(readFileSync(stored(name)));
  return { height, data: Uint8Array.from(data) };
}

const sections: readonly (readonly [name: string, at: string])[] = [
  ...insideSections.map((name) => [name, name] as const),
  ...breakSections.map((name) => [name, `break/${name}?${quick}`] as const),
  ["audit", `audit/audit?${quick}`],
];

describe.runIf(chromium)("the lab's sections", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(async () => {
    await lab?.close();
  });

  it("look twice the same, and as they were stored", async () => {
    for (const [name, at] of sections) {
      const [first, second] = [await lookAt(lab, at), await lookAt(lab, at)];
      expect(Buffer.from(first.data).equals(Buffer.from(second.data)), `${name}, twice`).toBe(true);
      if (process.env.LAB_SNAPSHOTS === "write") store(name, first);
      const found = apart(first, known(name));
      expect(alike(found), `${name}: ${JSON.stringify(found)}`).toBe(true);
    }
  });

  it("do not look so with the sign of one kernel turned", async () => {
    const turned = await lookAt(lab, "slide?kernels=-1_0_1_-1_0_1_-1_0_1");
    const found = apart(turned, known("slide"));
    expect(alike(found), JSON.stringify(found)).toBe(false);
  });
});
