// Somebody's ONNX file on the command line: audited in one command, refused in one line.
import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { encode } from "fast-png";
import { describe, expect, it } from "vitest";
import { at, ended, fiducial, file, refused } from "./program.ts";

const folder = fileURLToPath(new URL("fixtures/onnx/", import.meta.url));
const onnx = (name: string): string => `${folder}${name}`;
const recipe = (name: string, fields: object): string =>
  file(name, JSON.stringify({ format: "fiducial-onnx-1", ...fields }));
const quick = [
  ...["--methods", "zero-filled", "--count", "1", "--tests", "ascent", "--iterations", "3"],
  ...["--norms", "0.02", "--acceleration", "2"],
];
const figures = (folderName: string): unknown => {
  const { methods, tests } = JSON.parse(
    readFileSync(`${at(folderName)}/result.json`, "utf8"),
  ) as Record<string, unknown>;
  return { methods, tests };
};

describe("fiducial audit --model net.onnx", () => {
  it("audits by a recipe, in one thread and in workers alike, and in shards", () => {
    const by = recipe("cascade.json", {
      inputs: { image: { is: "image" }, kspace: { is: "measurement" }, mask: { is: "mask" } },
      scale: "none",
    });
    const args = ["audit", "--model", onnx("cascade-dft.onnx"), "--as", by, ...quick];
    const one = fiducial([...args, "--threads", "1", "--out", at("one")]);
    expect(one.status).toBe(0);
    expect(one.err).toContain('"mask" the mask, lowest frequency at the centre (N1HW)');
    expect(fiducial([...args, "--threads", "2", "--out", at("two")]).status).toBe(0);
    expect(figures("two")).toEqual(figures("one"));
    for (const shard of ["1/2", "2/2"])
      expect(
        fiducial([...args, "--shard", shard, "--threads", "1", "--out", at(`part-${shard[0]}`)])
          .status,
      ).toBe(0);
    const merged = fiducial(["merge", at("part-1"), at("part-2"), "--out", at("merged")]);
    expect(merged.err).not.toContain("internal error");
    expect(figures("merged")).toEqual(figures("one"));
  }, 240_000);
  it("guesses one magnitude, says so, and writes the recipe that does the same", () => {
    const args = [
      "reconstruct",
      "--model",
      onnx("unet-legacy.onnx"),
      "--count",
      "1",
      "--acceleration",
      "2",
      "--json",
    ];
    const guessed = fiducial([...args, "--out", at("a"), "--write-recipe", at("guessed.json")]);
    expect(guessed.status).toBe(0);
    expect(guessed.err).toMatch(/taken without a recipe.*magnitude.*phase kept; scale peak/);
    const again = fiducial([...args, "--out", at("b"), "--as", at("guessed.json")]);
    const images = (run: typeof again): unknown[] =>
      (JSON.parse(run.out) as { images: { psnr: number }[] }).images.map(({ psnr }) => psnr);
    expect(images(again)).toEqual(images(guessed));
  }, 240_000);
});

describe("fiducial classify --model net.onnx", () => {
  const torch = JSON.parse(readFileSync(onnx("networks.json"), "utf8")) as Record<string, number[]>;
  it("gives PyTorch's probabilities, and a saliency map", () => {
    // channels last, as pictures have them
    const cells = 16 * 16;
    const data = Uint16Array.from({ length: 3 * cells }, (_, i) =>
      Math.round(65535 * torch.pixels[(i % 3) * cells + Math.floor(i / 3)]),
    );
    const picture = file(
      "picture.png",
      encode({ width: 16, height: 16, data, channels: 3, depth: 16 }),
    );
    const run = fiducial([
      "classify",
      "--model",
      onnx("classifier.onnx"),
      picture,
      "--top",
      "4",
      "--json",
      "--explain",
      at("why"),
    ]);
    expect(run.status).toBe(0);
    const [{ classes }] = JSON.parse(run.out) as {
      classes: { name: string; probability: number }[];
    }[];
    for (const { name, probability } of classes)
      expect(Math.abs(probability - torch.classes[Number(name.split(" ")[1])])).toBeLessThan(1e-4);
    expect(readFileSync(`${at("why")}/saliency-1.png`).length).toBeGreaterThan(100);
  }, 240_000);
});

describe("fiducial inspect net.onnx", () => {
  it("lists the nodes, their shapes and parameters, of a file that takes a recipe too", () => {
    const run = fiducial([
      "inspect",
      onnx("cascade-dft.onnx"),
      "--json",
      "--write-recipe",
      at("begun.json"),
    ]);
    expect(run.status).toBe(0);
    const { nodes } = JSON.parse(run.out) as {
      nodes: { op: string; shape?: number[]; parameters: number }[];
    };
    expect(nodes.filter(({ op }) => op === "DFT")).toHaveLength(8);
    expect(nodes.every(({ shape }) => shape !== undefined)).toBe(true);
    const learned = nodes.filter(({ op }) => op === "Conv").map(({ parameters }) => parameters);
    expect(learned).toEqual([2 * 6 * 9 + 6, 6 * 2 * 9 + 2, 2 * 6 * 9 + 6, 6 * 2 * 9 + 2]);
    const begun = JSON.parse(readFileSync(at("begun.json"), "utf8")) as { inputs: unknown };
    expect(begun.inputs).toEqual({
      image: { is: "image" },
      kspace: { is: "measurement" },
      mask: { is: "mask" },
    });
  });
});

describe("what cannot be audited is refused in one line that says what to do", () => {
  const audit = (model: string, ...more: string[]) =>
    fiducial(["audit", "--model", model, "--out", at("none"), ...more]);
  it("two images and no recipe", () =>
    refused(
      audit(onnx("cascade-dft.onnx")),
      /3 inputs, "image" \[1×2×32×32\], "kspace"/,
      "--as FILE",
      "--write-recipe",
    ));
  it("a classifier", () =>
    refused(audit(onnx("classifier.onnx")), /as a classifier does|no image/, "fiducial classify"));
  it("axes without a size", () =>
    refused(audit(onnx("unet-dynamic.onnx")), "[batch×1×height×width]", "--size N"));
  it("a size that the export fixed", () =>
    refused(
      audit(
        onnx("cascade-dft.onnx"),
        "--size",
        "48",
        "--as",
        recipe("fixed.json", {
          inputs: { image: { is: "image" }, kspace: { is: "measurement" }, mask: { is: "mask" } },
        }),
      ),
      /"image" is \[1×2×32×32\] for images of 48×48: the export fixed its size/,
    ));
  it("weights that are not beside it", () => {
    mkdirSync(at("alone"));
    copyFileSync(onnx("external.onnx"), at("alone/external.onnx"));
    refused(audit(at("alone/external.onnx")), "external.onnx.data", "put it beside the model");
  });
  it("weights that a link takes out of its folder", () => {
    mkdirSync(at("linked"));
    copyFileSync(onnx("external.onnx"), at("linked/external.onnx"));
    symlinkSync(onnx("external.onnx.data"), at("linked/external.onnx.data"));
    refused(audit(at("linked/external.onnx")), "external.onnx.data", "which is not there");
  });
  it("a recipe with many mistakes, all of them at once", () =>
    refused(
      audit(
        onnx("unet-legacy.onnx"),
        "--as",
        recipe("wrong.json", { inputs: { image: { is: "picture" } }, scal: "rms", iterations: 0 }),
      ),
      'no field "scal"',
      "iterations must be a whole number",
      /is must be one of image, measurement/,
    ));
  it("a recipe of another file, every mismatch at once", () =>
    refused(
      audit(
        onnx("cascade-dft.onnx"),
        "--as",
        recipe("other.json", {
          inputs: { x: { is: "image" }, image: { is: "image", layout: "NHWC" } },
        }),
      ),
      'has no input "x"',
      'its input "kspace" [1×2×32×32] is not in the recipe',
      /"image" has 32 cells along its axis 3, C of its layout/,
      "4 mismatches",
    ));
  it("a recipe of weights for an ONNX file", () =>
    refused(
      audit(
        onnx("unet-legacy.onnx"),
        "--as",
        file("w.json", '{"format":"fiducial-recipe-1","inputs":{}}'),
      ),
      "fiducial-onnx-1",
    ));
  it("an operator without k-space, for a network that asks for it", () =>
    ended(
      audit(
        onnx("corner.onnx"),
        "--operator",
        "radon",
        "--count",
        "1",
        "--as",
        recipe("corner.json", {
          inputs: { kspace: { is: "measurement", layout: "NHWC" } },
          output: { layout: "NHWC" },
        }),
      ),
      2,
      /its input "kspace" is the measurement, and .* samples no grid/,
    ));
  it("a block that is not there", () =>
    refused(
      audit(
        onnx("varnet-0.onnx"),
        "--as",
        recipe("blocks.json", {
          inputs: { image: { is: "image" } },
          unrolled: "kspace",
          blocks: ["varnet-7.onnx"],
        }),
      ),
      '"varnet-7.onnx" is not in its folder',
    ));
});
