// train reconstructor on one's own images and measured k-space: what is held out, which epoch is
// kept, and what is refused.
import { describe, expect, it } from "vitest";
import { GraphBuilder, openBackend, ops } from "fiducial/engine";
import { brainPhantoms } from "fiducial/imaging";
import { writeNpyComplex } from "fiducial/data";
import { at, fiducial, file, refused, type Run } from "./program.ts";

const side = 16;
const phantoms = brainPhantoms({ shape: [side, side], count: 12, seed: 3 });
const stacked = (name: string, planes: readonly Float32Array[]): string =>
  file(name, writeNpyComplex(planes, [planes.length, side, side]));
async function kspaceOf(image: Float32Array): Promise<Float32Array> {
  const backend = await openBackend("reference");
  const b = new GraphBuilder(ops);
  b.output("y", b.emit("fft2", { x: b.input("x", [1, 2, side, side]) }, { inverse: false }));
  return Float32Array.from((await (await backend.compile(b)).execute({ x: image })).y);
}
const images = Array.from({ length: 12 }, (_, i) => phantoms.image(i));
const kspace = await Promise.all(images.map(kspaceOf));

const small = ["--size", String(side), "--channels", "2", "--cascades", "1", "--crop", "0"];
const train = (...args: string[]): Run =>
  fiducial(["train", "reconstructor", ...small, "--threads", "1", ...args]);

describe("train reconstructor on one's own", () => {
  const own = stacked("images.npy", images);
  it("images holds a tenth of them out, or the share asked for", () => {
    const asked = ["--images", own, "--epochs", "1", "--out", at("a.safetensors")];
    const tenth = train(...asked);
    expect(tenth.err).toMatch(/dB on images held out/);
    expect(tenth.out).toMatch(/mean PSNR of 1 held-out images/);
    const third = train(...asked, "--held-out", "0.25", "--json");
    expect(JSON.parse(third.out).provenance.samples).toBe(9);
    // at least one, and never all
    const two = stacked("two.npy", images.slice(0, 2));
    for (const share of ["0.01", "0.9"]) {
      const only = ["--epochs", "1", "--held-out", share, "--json", "--out", at("two.safetensors")];
      const run = train("--images", two, ...only);
      expect(JSON.parse(run.out).provenance.samples).toBe(1);
    }
  });
  it("few images are all trained on, and phantoms tried", () => {
    const few = stacked("few.npy", images.slice(0, 5));
    const run = train("--images", few, "--epochs", "1", "--out", at("b.safetensors"));
    expect(run.out).toMatch(/mean PSNR of 12 held-out phantoms/);
  });
  it("k-space that was measured whole learns what the images teach", () => {
    const measured = stacked("kspace.npy", kspace);
    const asked = ["--epochs", "2", "--json"];
    const [fromKspace, same] = [
      train("--kspace", measured, ...asked, "--out", at("c.safetensors")),
      train("--images", own, ...asked, "--out", at("d.safetensors")),
    ].map(({ out }) => JSON.parse(out));
    const last = (run: { heldOutPsnrByEpoch: number[] }): number => run.heldOutPsnrByEpoch[1];
    expect(last(fromKspace)).toBeCloseTo(last(same), 2);
    expect(fromKspace.provenance.samples).toBe(11);
  });
  it("k-space of which a part is missing is refused, and so is what does not go together", () => {
    const half = kspace.map((y) =>
      y.map((v, k) => (Math.abs((k % side) - side / 2 + 0.5) < side / 4 ? v : 0)),
    );
    refused(
      train("--kspace", stacked("half.npy", half), "--out", at("e.safetensors")),
      /50 % of its k-space is measured; a network learns from images whose/,
    );
    refused(train("--images", own, "--kspace", own), /cannot both be given/);
    refused(train("--held-out", "0.2"), /--held-out is a share of your own images/);
    refused(train("--slices", "3"), /--slices is for --images or --kspace/);
    refused(train("--fill", "0"), /--fill is for --images/);
    refused(train("--images", own, "--lowest-frequency", "centre"), /is for --kspace/);
  });
  it("the epoch that is best on what is held out is kept, and a run may end when none is better", () => {
    const asked = ["--images", own, "--held-out", "0.25", "--learning-rate", "0.05"];
    const best = train(...asked, "--epochs", "6", "--keep-best", "--out", at("f.safetensors"));
    expect(best.status).toBe(0);
    const told = [...best.err.matchAll(/([\d.]+) dB on images held out/g)].map((m) => Number(m[1]));
    const kept = Number(/deep cascade\S* +([\d.]+)/i.exec(best.out)?.[1]);
    expect(told.length).toBe(6);
    expect(told.some((value) => Math.abs(value - kept) < 0.011)).toBe(true);
    const patient = train(
      ...asked,
      "--epochs",
      "40",
      "--patience",
      "1",
      "--json",
      "--out",
      at("g"),
    );
    expect(JSON.parse(patient.out).heldOutPsnrByEpoch.length).toBeLessThan(40);
  });
});
