// Reports as plain data: every kind in every form, numbers for people, and text from anywhere that
// stays text.
import { existsSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  besideLimit,
  count,
  csvOf,
  decibels,
  detailCsv,
  figure,
  fixed,
  isKind,
  legible,
  percent,
  probability,
  reportFigures,
  reportMarkdown,
  reportPage,
  withArticle,
  type Cell,
  type Detail,
  type Outcome,
  type Report,
} from "fiducial/report";

const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";

/** A report with every kind and every field; `of` gives each of its texts. */
function everything(of: (what: string) => string): Report {
  const shown = (id: string): { id: string; title: string; note: string } => ({
    id: of(id),
    title: of(`title of ${id}`),
    note: of(`note of ${id}`),
  });
  const cells: Cell[] = [
    of("head"),
    1.5,
    null,
    { text: of("words"), mark: 1, strong: true, soft: of("soft"), to: of("section"), shade: 0.5 },
    { text: -0.001, format: "ratio", outcome: "fail", shade: -0.5 },
  ];
  const picture = {
    picture: of("picture"),
    label: of("label"),
    caption: { text: of("caption"), soft: of("soft") },
  };
  const details: Detail[] = [
    {
      kind: "table",
      ...shown("table"),
      columns: cells.map((_, i) => ({ name: of(`column ${i}`), format: "percent", mark: i })),
      rows: [cells, cells],
    },
    {
      kind: "curves",
      ...shown("curves"),
      fold: of("fold"),
      label: of("label"),
      x: { name: of("x"), fromZero: true },
      y: { name: of("y"), whole: true },
      lines: [{ x: 1, text: of("line") }],
      curves: [0, 1, 7].map((mark) => ({
        name: of(`curve ${mark}`),
        mark,
        points: [
          { x: 0, y: 1 + mark, low: 0.5, high: 9 },
          { x: 2, y: null },
          { x: 3, y: 100, xLow: 2, xHigh: 4 },
        ],
        dashed: [{ x: 0, y: 1 }],
        dots: [{ x: 1, y: 2 }],
      })),
    },
    {
      kind: "pictures",
      ...shown("pictures"),
      shape: [40, 60],
      columns: [{ text: of("first"), mark: 0 }, { text: of("second") }],
      rows: [
        {
          label: { text: of("row") },
          cells: [
            { ...picture, boxes: [[10, 20, 5, 6]] },
            { ...picture, crop: [10, 20, 5, 6] },
          ],
        },
        { label: { text: of("row") }, cells: [null, { ...picture, picture: "there is none" }] },
      ],
      small: true,
      windows: { grey: [0, 1], white: of("white"), colour: { of: of("error"), top: 0.25 } },
      scaleBar: { pixels: 10, text: of("1 cm") },
    },
    {
      kind: "bars",
      ...shown("bars"),
      axis: of("axis"),
      label: of("label"),
      threshold: { value: 2, text: of("threshold") },
      groups: [
        { name: of("group"), bars: [{ name: of("bar"), mark: 0, value: 3, low: 2, high: 4 }] },
        { name: of("group"), bars: [{ name: of("bar"), mark: 1, value: -1 }] },
      ],
    },
    {
      kind: "verdicts",
      ...shown("verdicts"),
      lines: (["pass", "fail", "inconclusive", "error", "not-applicable"] as const).map(
        (outcome: Outcome, mark) => ({
          name: of("method"),
          mark,
          outcome,
          explanation: of("explanation"),
          figure: of("judged"),
        }),
      ),
    },
    {
      kind: "facts",
      ...shown("facts"),
      facts: { [of("name")]: of("value"), number: 2, yes: true, list: [1, 2] },
    },
    { kind: "text", ...shown("text"), paragraphs: [of("paragraph")], code: of("command") },
  ];
  return {
    name: of("name"),
    title: of("title"),
    subtitle: of("subtitle"),
    sections: [{ id: of("section"), title: of("section"), outcome: "fail", details }],
    pictures: { [of("picture")]: png },
  };
}

/** Every tag with its attributes' names, and nothing of what is written between or in them. */
const skeleton = (html: string): string =>
  (html.replace(/<style>[\s\S]*?<\/style>/, "").match(/<[^>"]*(?:"[^"]*"[^>"]*)*>/g) ?? [])
    .map((tag) => tag.replace(/="[^"]*"/g, ""))
    .join("");
const hostile = [
  "<script>alert(1)</script>",
  `"><img src=x onerror=alert(1)>`,
  `' onmouseover='alert(1)`,
  "javascript:alert(1)",
  "</style><script>alert(1)</script>",
  "&lt;b&gt; &#60; &amp;",
  '=HYPERLINK("http://example.org")',
  "+1+cmd|' /C calc'!A0",
  "@SUM(A1)",
  "\t=1+1",
  "../../../escaped",
  "..",
  "/etc/passwd",
  "C:\\con",
  "[a](javascript:alert(1)) ![b](c) `d` *e* _f_ ~g~ $h$",
  "a | b\n| c | d |\n\n# heading\n- list",
  "\u001b[31mred\u001b]0;title\u0007\u009b2J",
  "\u202etxet desrever",
  "\ud800 half",
  "",
  "constructor",
  "__proto__",
];

describe("text from anywhere", () => {
  const plain = everything((what) => what);
  it.each(hostile)("is text in a page: %j changes no tag", (text) => {
    // where nothing is written, nothing is drawn around it
    const page = reportPage(everything((what) => `${what} ${text}`));
    expect(skeleton(page)).toBe(skeleton(reportPage(plain)));
    expect(page).not.toMatch(
      /<script|<img[^>]*onerror=|href="(?!#|data:)|https?:\/\/(?!example\.org)/,
    );
    expect(page.replaceAll("\n", "")).not.toMatch(/\p{Cc}|\p{Cs}|[\u202a-\u202e]/u);
    expect(reportPage(everything(() => text))).not.toMatch(
      /<script|<[a-z]+[^>"]*(?:"[^"]*"[^>"]*)*onerror/,
    );
  });
  it.each(hostile)("is text in Markdown: %j makes no column, link, heading or tag", (text) => {
    const columns = (markdown: string): number[] =>
      markdown
        .split("\n")
        .filter((line) => line.startsWith("|"))
        .map((line) => line.replace(/\\./g, "").split("|").length);
    const markdown = reportMarkdown(everything((what) => `${what} ${text}`));
    expect(columns(markdown)).toEqual(columns(reportMarkdown(plain)));
    expect(markdown.split("\n").filter((l) => /^ {0,3}#/.test(l))).toHaveLength(
      reportMarkdown(plain)
        .split("\n")
        .filter((l) => /^#/.test(l)).length,
    );
    const prose = markdown.split("\n").filter((line) => !line.startsWith("    "));
    expect(prose.join(" ").replace(/\\./g, "")).not.toMatch(/[<>[\]`~$_]|\p{Cc}|&(#|\w+;)/u);
  });
  it.each(hostile)("is text in a spreadsheet: %j is never computed", (text) => {
    const [cell] = csvOf([[text]]).split("\r\n");
    const value = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
    expect(value).not.toMatch(/^\s*[=+\-@]|^[\t\r]|\p{Cc}/u);
    for (const detail of everything(() => text).sections[0].details)
      for (const own of detailCsv(detail).split(/\r\n|,/)) expect(own).not.toMatch(/^"?\s*[=+@]/);
  });
  it("leaves numbers alone in a spreadsheet", () => {
    expect(csvOf([[-1.5, "-1.5", "+2e-7", 1e-12, Number.NaN, null, undefined, "- 1", "-a"]])).toBe(
      "-1.5,-1.5,+2e-7,1e-12,,,,'- 1,'-a\r\n",
    );
  });
  it("a figure's file name never leaves its folder, whatever it is called, and no two are one file", () => {
    const names = fc.oneof(fc.constantFrom(...hostile), fc.string(), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(fc.array(names, { minLength: 1, maxLength: 8 }), (given) => {
        const [table, curves] = plain.sections[0].details;
        const details = given.map((id): Detail => ({ ...curves, id }));
        const pictures = Object.fromEntries(given.map((id) => [id, png]));
        const files = reportFigures({
          ...plain,
          sections: [{ ...plain.sections[0], details: [table, ...details] }],
          pictures,
        });
        expect(files.length).toBeGreaterThanOrEqual(2 * given.length);
        for (const { name } of files) {
          expect(name).toMatch(/^[A-Za-z0-9+][A-Za-z0-9.+-]*\.(png|svg|csv)$/);
          expect(name).not.toMatch(/\.\.|^(con|nul|aux|prn)\./i);
          expect(name.length).toBeLessThan(120);
        }
        expect(new Set(files.map((f) => f.name.toLowerCase())).size).toBe(files.length);
      }),
    );
  });
  it("control characters are shown, not obeyed", () => {
    expect(legible("a\u001b[31m\u0007\n\tb\u009b\u202e\ud800c")).toBe("a␛[31m␇ b���c");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (s) => !/\p{Cc}|\p{Cs}/u.test(legible(s))),
    );
  });
});

describe("numbers for people", () => {
  it("have no sign before a zero, and a dash where there is none", () => {
    const printers = [
      (v: number) => fixed(v, 2),
      percent,
      decibels,
      figure,
      (v: number) => fixed(v, 0),
    ];
    fc.assert(
      fc.property(fc.double(), (v) => {
        for (const print of printers)
          expect(print(v)).not.toMatch(/^[-−]0(\.0*)?( |$)|NaN|Infinity|-/);
      }),
    );
    expect([
      fixed(-0.001, 2),
      percent(-0.00001),
      decibels(-0.004),
      fixed(null, 2),
      percent(Number.NaN),
    ]).toEqual(["0.00", "0.00 %", "0.00 dB", "–", "–"]);
    expect([
      fixed(-1.5, 1),
      decibels(3.14159),
      percent(0.1234),
      figure(1234.5),
      probability(0.0002),
    ]).toEqual(["−1.5", "3.14 dB", "12.34 %", "1230", "2.0e−4"]);
  });
  it("never read as the limit that they are judged by, unless they are it", () => {
    const writers: readonly (readonly [typeof fixed, number])[] = [
      [fixed, 2],
      [decibels, 2],
      [percent, 0],
      [(v, digits) => probability(v, digits), 0],
    ];
    const limits = fc.constantFrom(0.01, 0.1, 0.5, 3, 6);
    const away = fc.double({ min: 1e-6, max: 0.01, noNaN: true });
    fc.assert(
      fc.property(limits, away, fc.boolean(), (limit, distance, above) => {
        const value = above ? limit + distance : limit - distance;
        for (const [write, digits] of writers)
          expect(besideLimit(value, limit, { write, digits })).not.toBe(
            besideLimit(limit, limit, { write, digits }),
          );
      }),
    );
    expect([
      besideLimit(6.003, 6, { write: decibels, digits: 2 }),
      besideLimit(6.03, 6, { write: decibels, digits: 2 }),
      besideLimit(0.498, 0.5, { write: percent, digits: 0 }),
      besideLimit(6, 6, { write: decibels, digits: 2 }),
      // not another number, but the rounding of the same
      besideLimit(0.1 + 0.2, 0.3, { write: fixed, digits: 2 }),
    ]).toEqual(["6.003 dB", "6.03 dB", "49.8 %", "6.00 dB", "0.30"]);
  });
  it("take the words beside them along: one image, two images, an arrow, a disc", () => {
    expect([
      count(1, "image"),
      count(2, "image"),
      count(0, "image"),
      withArticle("arrow"),
      withArticle("disc"),
    ]).toEqual(["1 image", "2 images", "no images", "an arrow", "a disc"]);
  });
});

describe("every kind of detail", () => {
  const report = everything((what) => what);
  const page = reportPage(report);
  it("has a renderer, and nothing else has", () => {
    const { details } = report.sections[0];
    expect(details.every((d) => isKind(d.kind))).toBe(true);
    expect(["script", "toString", undefined].some(isKind)).toBe(false);
  });
  it("is drawn in one page that allows no script and no network, and names what a screen reader needs", () => {
    expect(page).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`,
    );
    expect(page).not.toMatch(
      /<script|<link|@import|url\(|https?:|src="(?!data:)|undefined|NaN|\[object/,
    );
    expect(page).not.toMatch(
      /<th[^>]*><\/th>|<img(?![^>]* alt="[^"]+")|<svg(?![^>]*(role="img" aria-label="[^"]+"|aria-hidden="true"))/,
    );
    for (const what of [
      "title of bars",
      "note of curves",
      "1 cm",
      "picture missing",
      "0.250",
      "(white)",
      "(judged)",
      "not applicable",
    ])
      expect(page).toContain(what);
  });
  it("stacks a table of methods on a narrow screen however many they are, and no other wide one", () => {
    const tableOf = (mark: number | undefined): string => {
      const wide = Array.from({ length: 9 }, (_, k) => ({
        name: `column ${k}`,
        ...(mark === undefined || k === 0 ? {} : { mark: mark + k }),
      }));
      const detail: Detail = { kind: "table", id: "wide", columns: wide, rows: [] };
      const section = { id: "only", title: "only", details: [detail] };
      return reportPage({ name: "wide", title: "wide", sections: [section] });
    };
    expect(tableOf(0)).toContain(`<table class="stacks">`);
    expect(tableOf(undefined)).toContain("<table>");
  });
  it("crops a picture to its box and outlines it in the whole", () => {
    expect(page).toContain(`<svg class="crop" viewBox="20 10 6 5" role="img"`);
    expect(page).toMatch(
      /class="box" style="top:25\.00%; ?left:33\.33%; ?height:12\.50%; ?width:10\.00%/,
    );
  });
  it("keeps its numbers in CSV: a row for every cell, point and bar", () => {
    const rows = report.sections[0].details.map((d) => detailCsv(d).split("\r\n").length - 1);
    expect(rows).toEqual([3, 16, 0, 3, 6, 5, 0]);
    expect(detailCsv(report.sections[0].details[1])).toContain("curve 1,solid,0,2,0.5,9,,\r\n");
  });
});

const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);
describe.runIf(chromium)("in a browser", () => {
  it("fits a phone of 360 pixels and a desk of 1280, is dark where that is wished, opens what is folded when printed, and asks for nothing", async () => {
    const { chromium: browsers } = await import("playwright-core");
    const browser = await browsers.launch({
      executablePath: chromium!,
      args: ["--no-sandbox", "--disable-gpu"],
    });
    try {
      const page = await browser.newPage();
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      const long = "a-very-long-name-without-a-place-to-break-it-that-somebody-gave-".repeat(3);
      await page.setContent(reportPage(everything((what) => `${what} ${long}`)));
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(
          width,
        );
      }
      const background = (): Promise<string> =>
        page.evaluate("getComputedStyle(document.body).backgroundColor");
      const light = await background();
      await page.emulateMedia({ colorScheme: "dark" });
      expect(await background()).not.toBe(light);
      const height = (): Promise<number> =>
        page.evaluate("document.querySelector('details svg').getBoundingClientRect().height");
      const seen =
        "document.querySelector('details svg').checkVisibility({ contentVisibilityAuto: true })";
      expect(await page.evaluate(seen)).toBe(false);
      await page.emulateMedia({ media: "print", colorScheme: "light" });
      // the page's policy forbids to wait within it
      await expect.poll(() => page.evaluate(seen)).toBe(true);
      expect(await height()).toBeGreaterThan(50);
      expect(
        await page.evaluate("getComputedStyle(document.querySelector('.ramp')).printColorAdjust"),
      ).toBe("exact");
      expect(asked.filter((url) => !url.startsWith("data:"))).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
