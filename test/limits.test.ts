// Inputs that are larger than any that is written are refused in one line, before they use up the
// heap: V8 would end the process.
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { arraySet, readNpyArray, readVolume } from "fiducial/data";
import { FormatError, parseJson } from "fiducial/engine";
import { nn, saveNetwork } from "fiducial/learning";
import { readResult } from "fiducial/audit";
import { dicom, npy } from "./fixtures/files.mjs";
import { at, fiducial, file, network, quick, refused } from "./program.ts";

const many = 2 ** 24;
describe("JSON", () => {
  it("of too many values or bytes is refused before it is parsed", () => {
    const lists = `[${"[],".repeat(many / 2)}[]]`;
    expect(() => parseJson(lists, "a: it", "mend it")).toThrow(
      /a: it has over 16777216 values.*mend it/,
    );
    expect(() => readResult(lists, "a")).toThrow(FormatError);
    expect(() => parseJson(new Uint8Array(2 ** 28 + 1), "a: it", "mend it")).toThrow(
      /a: it has 268435457 bytes/,
    );
    // marks inside of texts count as well, so there is room for many
    expect(parseJson(JSON.stringify(["[{:,".repeat(1e6)]), "a", "b")).toHaveLength(1);
  });
  it("that is no command, no architecture or none at all is one line", () => {
    fiducial(["audit", ...quick, "--count", "1", "--out", at("run")]);
    const report = () => fiducial(["report", at("run/result.json"), "--out", at("again")]);
    for (const [content, says] of [
      ["{", /run\.json: it is no JSON.*remove it/],
      ["null", /run\.json: it holds no command; remove it/],
      ['{"command":7}', /run\.json: it holds no command/],
    ] as const) {
      writeFileSync(at("run/run.json"), content);
      refused(report(), says);
    }
    for (const [content, says] of [
      ["{", /arch\.json: it is no JSON/],
      ["null", /arch\.json: it should be/],
      ['{"layers":7}', /arch\.json: it should be/],
      ['{"input":7,"layers":[]}', /arch\.json: it takes images 7, the data's are \[1,28,28\]/],
      ['{"input":{},"layers":[]}', /arch\.json: it takes images \{\}/],
    ] as const) {
      const arch = file("arch.json", content);
      const out = at("never.safetensors");
      refused(
        fiducial([
          "train",
          "classifier",
          "--data",
          "strokes",
          "--count",
          "9",
          "--arch",
          arch,
          "--out",
          out,
        ]),
        says,
      );
    }
  });
});

describe("DICOM", () => {
  it("of more items than any scan has is refused before it is parsed", () => {
    const items = new Uint8Array(8 * (2 ** 20 + 1));
    for (let at = 0; at < items.length; at += 8) items.set([0xfe, 0xff, 0, 0xe0], at);
    // the same bytes as values: told before anything is parsed
    const bytes = dicom([[0x08, 0x1140, "UN", items]]);
    expect(() => readVolume(bytes, "a.dcm")).toThrow(
      /a\.dcm: it has 1048577 items, more than any scan/,
    );
  });
});

describe("networks", () => {
  it("of more layers than a graph is made of are refused, however they are nested", () => {
    const relus = (n: number): nn.Layer[] => Array.from({ length: n }, () => nn.relu());
    const build = (layers: nn.Layer[]) => () => nn.sequential({ input: [4], layers, seed: 1 });
    expect(build(relus(10_001))).toThrow(/there are 10001 of them; a network has at most 10000/);
    expect(
      build([
        nn.residual({ body: relus(6000) }),
        nn.branches({ branches: [relus(3000), relus(3000)] }),
      ]),
    ).toThrow(/there are 12002 of them/);
    const deep = { ...network, architecture: { ...network.architecture, layers: relus(50_000) } };
    refused(
      fiducial(["inspect", file("deep.safetensors", saveNetwork(deep))]),
      /there are 50000 of them/,
    );
  });
});

describe("labels", () => {
  const set = (label: number): unknown =>
    arraySet(
      readNpyArray(npy("|u1", [1, 1, 1], Uint8Array.of(1)), "images"),
      readNpyArray(npy("<f8", [1], new Uint8Array(Float64Array.of(label).buffer)), "labels"),
      "set",
    );
  it("are whole numbers, and few enough to have a class each", () => {
    expect(set(7)).toMatchObject({ length: 1, classes: { length: 8 } });
    for (const label of [2 ** 31, 1e9, 100_001, -1, 0.5, Number.NaN])
      expect(() => set(label), String(label)).toThrow(/labels are whole numbers from 0/);
  });
});
