// Results that older versions wrote are read, shown and compared: one of every schema, as its last
// commit wrote it (fixtures/old-result.mjs).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  readResult,
  renderComparison,
  renderCsv,
  renderFigures,
  renderHtml,
  renderMarkdown,
} from "fiducial/audit";
import { at, fiducial, file, refused } from "./program.ts";

const versions = ["1.0", "1.1", "1.2"];
const jsonOf = (version: string): string =>
  gunzipSync(readFileSync(new URL(`fixtures/result-${version}.json.gz`, import.meta.url))).toString(
    "utf8",
  );
const options = { command: "npx fiducial audit" };

describe.each(versions)("a result of schema %s", (version) => {
  const json = jsonOf(version);
  const stored = JSON.parse(json) as ReturnType<typeof readResult>;
  const result = readResult(json, "old.json");
  it("keeps its version, its SHA-256 and every number", () => {
    expect(stored.schemaVersion).toBe(version);
    expect(result).toMatchObject({
      schemaVersion: version,
      sha256: stored.sha256,
      scales: stored.scales,
    });
    // JSON has no infinity
    const plain = JSON.parse(JSON.stringify(result)) as typeof result;
    stored.tests.forEach((test, i) => expect(plain.tests[i]).toMatchObject(test));
    expect(plain.accuracy).toEqual(stored.accuracy);
  });
  it("is shown: every test that found something has details, every verdict its words", () => {
    const page = renderMarkdown(result, options);
    for (const { id, title, measurements, details, verdicts } of result.tests) {
      expect(page, id).toContain(title);
      expect(details.length > 0, id).toBe(measurements.length > 0 || id === "sampling-rates");
      for (const { method, outcome } of verdicts)
        expect(page).toMatch(new RegExp(`${method}[\\s\\S]*${outcome}`));
    }
    expect(page).not.toMatch(/undefined|NaN|\[object/);
    expect(renderHtml(result, options)).toContain(result.sha256);
    expect(renderFigures(result, options).length).toBeGreaterThan(10);
    const rows = renderCsv(result).trimEnd().split("\r\n");
    expect(rows).toHaveLength(1 + result.tests.reduce((n, t) => n + t.measurements.length, 0));
  });
  it("is compared with one of every schema", () => {
    for (const other of versions) {
      const page = renderComparison(result, readResult(jsonOf(other), "other.json"));
      expect(page).toContain(stored.sha256);
      expect(page).not.toMatch(/undefined|NaN|\[object/);
      expect(/\| schema version \|/.test(page)).toBe(other !== version);
    }
  });
  it("is read by the commands, and refused in one line when it was changed", () => {
    const path = file(`result-${version}.json`, json);
    const out = at(`report-${version}`);
    expect(fiducial(["report", path, "--out", out]).status).toBe(0);
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain(stored.sha256);
    expect(fiducial(["compare", path, path]).status).toBe(0);
    const changed = file("changed.json", json.replace('"seed":1', '"seed":2'));
    refused(fiducial(["report", changed, "--out", at("never")]), /does not fit its SHA-256/);
  });
});
