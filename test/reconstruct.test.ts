// fiducial reconstruct from measured k-space, and what it writes, by the ending of --out.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openBackend, random } from "fiducial/engine";
import { loadVolume, readNpyArray, readVolume, writeDicom, writeNifti } from "fiducial/data";
import {
  measure,
  gaussianNoise,
  imagesFrom,
  inverseProblem,
  magnitude,
  subsampledFourier,
} from "fiducial/imaging";
import { npy } from "./fixtures/files.mjs";
import { complex, hdf5 } from "./fixtures/hdf5.mjs";
import { main } from "./program.ts";

const folder = mkdtempSync(join(tmpdir(), "fiducial-reconstruct-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const fiducial = (...args: string[]): { status: number | null; out: string; err: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "reconstruct", ...args], {
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
};

const [H, W, COILS] = [24, 20, 3];
const shape = [H, W] as const;
const rng = random(9);
const backend = await openBackend("wasm", { threads: 1 });
/** Every cell of k-space, without noise. */
async function kspaceOf(image: Float32Array): Promise<Float64Array> {
  const ones = new Uint8Array(H * W).fill(1);
  const operator = subsampledFourier({
    mask: { shape, data: ones, spec: { kind: "file", shape, sha256: "0" } },
  });
  const images = imagesFrom([image], shape);
  const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 1e-12 }), images });
  return measure(problem, { image: 0, seed: 1, backend });
}
const coilImages = Array.from({ length: COILS }, () =>
  Float32Array.from({ length: 2 * H * W }, () => 0.3 + 0.2 * rng.uniform()),
);
const kspaces = await Promise.all(coilImages.map(kspaceOf));
const magnitudes = coilImages.map(magnitude);
const rss = Float64Array.from({ length: H * W }, (_, p) =>
  Math.hypot(...magnitudes.map((m) => m[p])),
);
/** Cut to 12×20 about the middle. */
const middle = Float32Array.from({ length: 12 * W }, (_, p) => rss[6 * W + p]);

const pairs = (k: Float64Array): number[] =>
  Array.from(k.subarray(0, H * W), (v, p) => [v, k[H * W + p]]).flat();
const scan = at("scan.h5");
writeFileSync(
  scan,
  await hdf5((h) => {
    complex(h, "kspace", [1, COILS, H, W], kspaces.flatMap(pairs));
    h.create_dataset({ name: "reconstruction_rss", data: middle, shape: [1, 12, W], dtype: "<f" });
  }),
);
const error = (found: ArrayLike<number>, wanted: ArrayLike<number>): number =>
  Array.from(wanted).reduce((m, v, i) => Math.max(m, Math.abs(v - found[i])), 0);

describe("measured k-space of many coils", () => {
  it("fastMRI: root of the sum of squares, cut as the file says, beside its own reconstruction", () => {
    const run = fiducial(
      "--kspace",
      scan,
      "--method",
      "zero-filled",
      "--out",
      at("rss.npy"),
      "--json",
    );
    expect(run.status, run.err).toBe(0);
    expect(run.err).toMatch(
      /fastMRI, k-space of 1 slice, 24×20, 3 coils, each reconstructed by itself.*cut to 12×20/,
    );
    const array = readNpyArray(readFileSync(at("rss.npy")), "a");
    expect(array.shape).toEqual([1, 12, W]);
    const found = Array.from({ length: 12 * W }, (_, p) => array.at([0, Math.floor(p / W), p % W]));
    expect(error(found, middle)).toBeLessThan(1e-5);
    const { images } = JSON.parse(run.out);
    expect(images[0].psnr).toBeGreaterThan(90);
  });
  it("an array of coils: --coils rss says that it is one", () => {
    const values = Float32Array.from(kspaces.flatMap(pairs));
    writeFileSync(at("coils.npy"), npy("<c8", [COILS, H, W], new Uint8Array(values.buffer)));
    const how = [
      "--kspace",
      at("coils.npy"),
      "--operator",
      "multi-coil",
      "--coils",
      "rss",
      "--method",
      "zero-filled",
    ];
    const run = fiducial(...how, "--out", at("coils.nii.gz"));
    expect(run.status, run.err).toBe(0);
    expect(run.err).toMatch(/k-space of 1 slice, 24×20, 3 coils/);
    expect(error(readVolume(readFileSync(at("coils.nii.gz")), "a").slice(0), rss)).toBeLessThan(
      1e-5,
    );
  });
  it("the network keeps its own size, and says what else can be done", () => {
    const run = fiducial("--kspace", scan, "--out", at("never"));
    expect([run.status, run.err.trim().split("\n").length]).toEqual([2, 1]);
    expect(run.err).toMatch(/24×20, the network takes 128×128.*another --method/);
  });
});

describe("what is written", () => {
  const image = ["--kspace", scan, "--method", "zero-filled"];
  it.each(["x.nii", "x.nii.gz", "x.dcm", "x.png"])("%s is what is read back", async (name) => {
    expect(fiducial(...image, "--out", at(name)).status).toBe(0);
    const volume = await loadVolume(readFileSync(at(name)), name);
    const peak = middle.reduce((m, v) => Math.max(m, v), 0);
    // PNG is as bright as it can be, and both have 16 bits
    const scale = name.endsWith(".png") ? peak : 1;
    const found = volume.slice(0).map((v) => v * scale);
    expect(error(found, middle)).toBeLessThan(peak / 65535);
  });
  it("a folder gets a picture of each and an array of all", () => {
    expect(fiducial(...image, "--out", at("folder")).status).toBe(0);
    expect(readdirSync(at("folder")).sort()).toEqual([
      "reconstruction-1.png",
      "reconstruction.npy",
    ]);
  });
  it("several slices are frames and slices in order; a capture names nobody, and is the same twice", () => {
    const slices = [1, 2, 3].map((k) => Float64Array.from({ length: 6 }, (_, p) => k * (p + 1)));
    const bytes = writeDicom(slices, [2, 3]);
    expect(writeDicom(slices, [2, 3])).toEqual(bytes);
    const frames = readVolume(bytes, "a");
    const volume = readVolume(writeNifti(slices, [2, 3]), "a");
    for (const [k, slice] of slices.entries()) {
      expect(error(frames.slice(k), slice)).toBeLessThan(18 / 65535);
      expect([...volume.slice(k)]).toEqual([...slice]);
    }
    const text = new TextDecoder("latin1").decode(bytes);
    for (const tag of ["\x10\0\x10\0PN", "\x10\0\x20\0LO", "\x08\0\x20\0DA", "\x08\0\x90\0PN"])
      expect(text).toContain(`${tag}\0\0`);
  });
  it("what is blank is written too", () => {
    const blank = readVolume(writeDicom([new Float64Array(4)], [2, 2]), "a");
    expect([...blank.slice(0)]).toEqual([0, 0, 0, 0]);
  });
});

describe("libraries that are not installed", () => {
  const hooks = `export async function resolve(name, context, next) {
    if (/^(h5wasm|@cornerstonejs)/.test(name)) throw new Error("not there");
    return next(name, context);
  }`;
  const hidden = `data:text/javascript,${encodeURIComponent(
    `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hooks)}");`,
  )}`;
  it("are named, with what to do, in one line", () => {
    const run = spawnSync(
      process.execPath,
      ["--import", hidden, main, "reconstruct", "--kspace", scan],
      {
        encoding: "utf8",
      },
    );
    expect(run.status).toBe(2);
    expect(run.stderr).toMatch(
      /^[^\n]*scan\.h5: reading HDF5 needs the library h5wasm.*npm install h5wasm\n$/,
    );
  });
});
