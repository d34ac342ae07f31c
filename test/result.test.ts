// What a result from a file is held to: the same as the published schema says to other tools, and
// nothing but a FormatError for what is none.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { readResult, type AuditResult } from "fiducial/audit";
import { FormatError, random } from "fiducial/engine";
import { at, fiducial, file, quick, refused } from "./program.ts";

const few = ["--samples", "20", "--count", "1", "--placements", "2"];
fiducial(["audit", ...quick, "--tests", "all", ...few, "--out", at("all")]);
const text = readFileSync(at("all/result.json"), "utf8");
type Node = Record<string, unknown>;
const signed = (result: Node): string => {
  const { sha256: _, ...rest } = result;
  const sha256 = createHash("sha256").update(JSON.stringify(rest)).digest("hex");
  return JSON.stringify({ ...rest, sha256 });
};
const schema = JSON.parse(
  readFileSync(new URL("../schema/result.schema.json", import.meta.url), "utf8"),
) as object;
const validate = new Ajv2020({ strict: false }).compile(schema);

/** Every object and list of a result that its schema describes, and where it stands. */
function places(value: unknown, path: string): { node: Node; path: string }[] {
  if (typeof value !== "object" || value === null || path.endsWith(".spec")) return [];
  const inside = Object.entries(value).flatMap(([key, v]) =>
    places(v, `${path}.${key.replace(/^\d+$/, "n")}`),
  );
  return [{ node: value as Node, path }, ...inside];
}
const strange = [
  "",
  "a\u001b]",
  0,
  -1,
  0.5,
  7,
  null,
  true,
  [],
  ["x"],
  [[1]],
  {},
  { text: "x" },
  { kind: "film" },
];

/** Changes, removes or adds one field. */
function change(node: Node, rng: ReturnType<typeof random>): void {
  const keys = Object.keys(node);
  const key = keys[rng.integer(keys.length)] ?? "0";
  const way = rng.integer(6);
  if (way === 0 && !Array.isArray(node)) delete node[key];
  else if (way === 1 && !Array.isArray(node)) node.unheard = 1;
  else node[key] = strange[rng.integer(strange.length)];
}

describe("a result from a file", () => {
  it("is refused by the reader where the published schema refuses it, and read where it does not", () => {
    const result: Node = { ...(JSON.parse(text) as Node), pictures: { mask: "iVBORw0KGgo=" } };
    const all = places(result, "result");
    // every kind of place as often as any other, however many there are of it
    const kinds = [...new Set(all.map((p) => p.path))];
    expect(kinds.length).toBeGreaterThan(60);
    const rng = random(1);
    let refusals = 0;
    for (let n = 0; n < 700; n++) {
      const path = kinds[n % kinds.length];
      const same = all.filter((p) => p.path === path);
      const { node } = same[rng.integer(same.length)];
      const before = Array.isArray(node) ? [...(node as unknown[])] : { ...node };
      change(node, rng);
      const bad = JSON.parse(signed(result)) as Node;
      for (const key of Object.keys(node)) delete node[key];
      Object.assign(node, before, Array.isArray(before) ? { length: before.length } : {});
      const right = validate(bad);
      let refusal: unknown;
      try {
        readResult(JSON.stringify(bad), "file");
      } catch (error) {
        refusal = error;
      }
      if (refusal !== undefined) expect(refusal, path).toBeInstanceOf(FormatError);
      const message = refusal instanceof Error ? refusal.message : "";
      expect(message, path).not.toMatch(/\p{Cc}/u);
      // which images there are is nothing that a schema can say
      if (!/there are \d+ images|scales for/.test(message))
        expect([path, refusal === undefined, message]).toEqual([path, right, message]);
      if (refusal !== undefined) refusals++;
    }
    expect(validate(JSON.parse(signed(result))), "every change was taken back").toBe(true);
    expect(refusals).toBeGreaterThan(300);
  });
  it("names the field that is of another type", () => {
    const { tests, ...rest } = JSON.parse(text) as AuditResult;
    const [first, ...others] = tests;
    const bad = { ...rest, tests: [{ ...first, title: 7 }, ...others] };
    const path = file("wrong-type.json", signed(bad as unknown as Node));
    refused(
      fiducial(["report", path, "--out", at("never")]),
      /wrong-type\.json.*tests\[0\]\.title: it must be a text/,
    );
  });
});
