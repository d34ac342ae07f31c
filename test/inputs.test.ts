// The command line's way with files: pairs, series, blank slices, backgrounds of NaN, masks and
// k-space that are not what they claim, class folders that are links, pictures grey and in colour.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { fileURLToPath } from "node:url";
import jpeg from "jpeg-js";
import { afterAll, describe, expect, it } from "vitest";
import { pictureFolder, readNpyArray, readPicture, readVolume } from "fiducial/data";
import { sheppLogan, variableDensityMask } from "fiducial/imaging";
import { nn, saveNetwork } from "fiducial/learning";
import { bartHeader, gzip, nifti, npy, png, withOrientation } from "./fixtures/files.mjs";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(path(tmpdir(), "fiducial-inputs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => path(folder, name);
const file = (name: string, content: Uint8Array): string => {
  mkdirSync(path(at(name), ".."), { recursive: true });
  writeFileSync(at(name), content);
  return at(name);
};
const [H, W] = [32, 32];
const network = nn.unet({
  inChannels: 2,
  outChannels: 2,
  baseChannels: 2,
  depth: 1,
  seed: 1,
  size: [H, W],
  residual: true,
});
const model = file("model.safetensors", saveNetwork(network));
interface Run {
  readonly status: number | null;
  readonly err: string;
}
function reconstruct(...args: string[]): Run {
  const out = [
    "--method",
    "zero-filled",
    "--backend",
    "reference",
    "--model",
    model,
    "--out",
    at("out"),
  ];
  const { status, stderr } = spawnSync(process.execPath, [main, "reconstruct", ...out, ...args], {
    encoding: "utf8",
  });
  return { status, err: stderr };
}
const pictures = (run: Run): readonly number[] => {
  expect(run.err).not.toMatch(/internal error/);
  expect(run.status, run.err).toBe(0);
  return readNpyArray(readFileSync(at("out/reconstruction.npy")), "out").shape;
};
const bytesOf = (array: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(array.buffer);
const head = Float32Array.from(sheppLogan({ size: H }));

describe("scans", () => {
  it("a pair by either of its files, gzipped or not", () => {
    const header = nifti([W, H], 16, bytesOf(head), { pair: true });
    file("pair/a.hdr", header);
    file("pair/a.img", bytesOf(head));
    file("pair/b.hdr.gz", gzip(header));
    file("pair/b.img.gz", gzip(bytesOf(head)));
    for (const name of ["a.hdr", "a.img", "b.hdr.gz", "b.img.gz"])
      expect(pictures(reconstruct("--images", at(`pair/${name}`)))).toEqual([1, H, W]);
    file("pair/c.hdr", header);
    expect(reconstruct("--images", at("pair/c.hdr")).err).toMatch(/c\.img: cannot read it/);
  });
  it("a pair of BART's by either of its files, and what its dimensions are taken for", () => {
    const complex = Float32Array.from({ length: 2 * H * W }, (_, i) => (i % 2 ? 0 : head[i >> 1]));
    file("bart/a.hdr", bartHeader([H, W, 1, 1]));
    file("bart/a.cfl", bytesOf(complex));
    for (const name of ["a.hdr", "a.cfl"])
      expect(pictures(reconstruct("--images", at(`bart/${name}`)))).toEqual([1, H, W]);
    file("bart/b.hdr", bartHeader([H, W, 1, 3]));
    file("bart/b.cfl", bytesOf(Float32Array.from([...complex, ...complex, ...complex])));
    const several = reconstruct("--images", at("bart/b.cfl"));
    expect(pictures(several)).toEqual([1, H, W]);
    expect(several.err).toMatch(/dimension 4 \(3\) as slices/);
    file("bart/c.cfl", bytesOf(complex));
    expect(reconstruct("--images", at("bart/c.cfl")).err).toMatch(/c\.hdr: cannot read it/);
  });
  it("of a series the middle slice of the first volume is taken, and said to be", () => {
    const blank = new Float32Array(H * W);
    const volumes = [blank, head, blank, blank, blank, blank, blank, blank, blank];
    const series = Float32Array.from(volumes.flatMap((slice) => [...slice]));
    const run = reconstruct(
      "--images",
      file("series.nii", nifti([W, H, 3, 3], 16, bytesOf(series))),
    );
    expect(run.err).toMatch(
      /a series of 3 volumes of 3 slices: the middle slice of the first, 1, is taken/,
    );
    expect(pictures(run)).toEqual([1, H, W]);
  });
  it("a blank slice among others is left out, and said to be; nothing but blank ones is refused", () => {
    const slices = Float32Array.from(
      [head, new Float32Array(H * W), head].flatMap((slice) => [...slice]),
    );
    const scan = file("blank.nii", nifti([W, H, 3], 16, bytesOf(slices)));
    const run = reconstruct("--images", scan, "--slices", "0-2");
    expect(pictures(run)).toEqual([2, H, W]);
    expect(run.err).toMatch(/slice 1: it is blank and is left out/);
    expect(reconstruct("--images", scan, "--slices", "1").err).toMatch(/the image is constant/);
    expect(reconstruct("--images", scan, scan, "--slices", "1,1").status).toBe(2);
  });
  it("a background of NaN is refused with the option, and filled and counted with it", () => {
    const holes = head.map((v, i) => (i < 100 ? Number.NaN : v));
    const scan = file("nan.nii", nifti([W, H], 16, bytesOf(holes)));
    const refused = reconstruct("--images", scan);
    expect(refused.status).toBe(2);
    expect(refused.err).toMatch(/--fill 0/);
    const run = reconstruct("--images", scan, "--fill", "0");
    expect(pictures(run)).toEqual([1, H, W]);
    expect(run.err).toMatch(/100 values that are not finite taken as 0/);
  });
});

describe("masks and k-space", () => {
  const mask = variableDensityMask({
    shape: [H, W],
    acceleration: 4,
    centerFraction: 0.12,
    seed: 1,
  });
  const bytes = (data: ArrayLike<number>, shape: readonly number[]): Uint8Array =>
    npy("|u1", shape, Uint8Array.from(data));
  it("what a mask file is taken for is printed; the implausible is refused with its option", () => {
    const good = reconstruct("--mask", file("mask.npy", bytes(mask.data, [H, W])), "--count", "1");
    expect(good.err).toMatch(
      /25\.0 % is measured; .*row 16, column 16; the centre is taken for it and is measured/,
    );
    const row = file("row.npy", bytes(mask.data.subarray(0, W), [W]));
    expect(reconstruct("--mask", row, "--count", "1").err).toMatch(/25\.0 % is measured/);
    const corner = mask.data.map(
      (_, p) => mask.data[((Math.floor(p / W) + 16) % H) * W + (((p % W) + 16) % W)],
    );
    const uncentred = file("corner.npy", bytes(corner, [H, W]));
    const refused = reconstruct("--mask", uncentred, "--count", "1");
    expect(refused.status).toBe(2);
    expect(refused.err).toMatch(/--lowest-frequency corner/);
    const moved = reconstruct("--mask", uncentred, "--count", "1", "--lowest-frequency", "corner");
    expect(moved.err).toMatch(/the corner is taken for it and is measured/);
    expect(pictures(moved)).toEqual([1, H, W]);
    const soft = file(
      "soft.npy",
      bytes(
        mask.data.map((v, i) => (v ? 255 : i % 90)),
        [H, W],
      ),
    );
    expect(reconstruct("--mask", soft, "--count", "1").err).toMatch(/--mask-threshold/);
    expect(
      pictures(reconstruct("--mask", soft, "--count", "1", "--mask-threshold", "128")),
    ).toEqual([1, H, W]);
  });
  it("a mask of transparent holes is not fully measured", () => {
    const rows = Array.from({ length: H }, (_, i) =>
      Array.from({ length: W }, (_, j) => [255, 255, 255, 255 * mask.data[i * W + j]]).flat(),
    );
    const run = reconstruct(
      "--mask",
      file("alpha.png", png({ width: W, height: H, colour: 6 }, rows)),
      "--count",
      "1",
    );
    expect(run.err).toMatch(/25\.0 % is measured/);
  });
  it("k-space with next to nothing in its unmeasured cells, and from the corner", () => {
    const cells = Float32Array.from({ length: 2 * H * W }, (_, k) => {
      const p = Math.floor(k / 2);
      const far = Math.hypot(Math.floor(p / W) - 16, (p % W) - 16);
      return mask.data[p] ? (1 + (k % 3)) / (1 + far) : 1e-12;
    });
    const tiny = file("k.npy", npy("<c8", [H, W], bytesOf(cells)));
    expect(reconstruct("--kspace", tiny).err).toMatch(
      /25\.0 % is measured; values up to 1\.41e-12 are taken/,
    );
    const corner = cells.map((_, k) => {
      const p = Math.floor(k / 2);
      return cells[2 * (((Math.floor(p / W) + 16) % H) * W + (((p % W) + 16) % W)) + (k % 2)];
    });
    const uncentred = file("kc.npy", npy("<c8", [H, W], bytesOf(corner)));
    expect(reconstruct("--kspace", uncentred).err).toMatch(/--lowest-frequency corner/);
    reconstruct("--kspace", tiny);
    const centred = readFileSync(at("out/reconstruction.npy"));
    expect(reconstruct("--kspace", uncentred, "--lowest-frequency", "corner").status).toBe(0);
    expect(readFileSync(at("out/reconstruction.npy"))).toEqual(centred);
  });
  it("k-space of another size than the network's: for a classical method", () => {
    const [h, w] = [12, 10];
    // of a point in the middle, every third column and the middle
    const cells = Float32Array.from({ length: 2 * h * w }, (_, k) => {
      const column = (k >> 1) % w;
      return k % 2 === 0 && (column === 5 || column % 3 === 0) ? 1 : 0;
    });
    const oblong = file("oblong.npy", npy("<c8", [h, w], bytesOf(cells)));
    for (const method of ["zero-filled", "conjugate-gradient", "total-variation"])
      expect(pictures(reconstruct("--kspace", oblong, "--method", method)), method).toEqual([
        1,
        h,
        w,
      ]);
    const network = reconstruct("--kspace", oblong, "--method", "network");
    expect(network.status).toBe(2);
    expect(network.err).toMatch(/its k-space is 12×10, the network takes 32×32/);
  });
  it.each([
    ["variable-density", 0.1],
    ["equispaced-fraction", 3.2],
    ["radial", 2],
    // chance decides on every column
    ["random", 25],
  ])("--sampling %s measures 1/R, to %d percent points of k-space", (sampling, tolerance) => {
    for (const acceleration of [1, 2, 4, 8]) {
      const options = [
        "--sampling",
        sampling,
        "--acceleration",
        String(acceleration),
        "--center-fraction",
        "0.1",
      ];
      const { err } = reconstruct(...options, "--count", "1");
      const share = Number(/([\d.]+) % of k-space is measured/.exec(err)?.[1]);
      expect(
        Math.abs(share - 100 / acceleration),
        `1/${acceleration}: ${share} %`,
      ).toBeLessThanOrEqual(tolerance);
    }
  });
  it("the mask of every kind is said, and the centre alone ends", () => {
    const run = reconstruct(
      ...[
        "--sampling",
        "equispaced-fraction",
        "--acceleration",
        "4",
        "--center-fraction",
        "0.25",
        "--count",
        "1",
      ],
    );
    expect(run.err).toMatch(/equispaced-fraction, 25\.0 % of k-space is measured/);
  });
});

describe("pictures", () => {
  const colour = png({ width: 2, height: 2, colour: 2 }, [
    [255, 0, 0, 0, 255, 0],
    [0, 0, 255, 9, 9, 9],
  ]);
  const grey = png({ width: 2, height: 2 }, [
    [0, 51],
    [102, 255],
  ]);
  it("mixed grey and colour are colour, whichever comes first", () => {
    const named = (name: string, bytes: Uint8Array) => ({ name, class: name, read: () => bytes });
    for (const files of [
      [named("a", grey), named("b", colour)],
      [named("a", colour), named("b", grey)],
    ]) {
      const set = pictureFolder("set", files, { classes: ["a", "b"] });
      expect(set.shape).toEqual([3, 2, 2]);
      expect(set.notes).toEqual([
        "set: 1 pictures are in colour and 1 are grey; all are taken as colour",
      ]);
      const out = new Float32Array(12);
      set.pixels(
        files.findIndex((f) => f.read() === colour),
        out,
      );
      expect([...out.subarray(0, 4)]).toEqual([1, 0, 0, Math.fround(9 / 255)]);
      set.pixels(
        files.findIndex((f) => f.read() === grey),
        out,
      );
      expect([...out.subarray(4, 8)]).toEqual([0, 51, 102, 255].map((v) => Math.fround(v / 255)));
    }
    expect(pictureFolder("set", [named("a", grey)], { classes: ["a"] }).shape).toEqual([1, 2, 2]);
  });
  it("a JPEG is turned as EXIF says, in all eight ways", () => {
    // three blocks of different grey, two of them beside one another
    const data = Uint8Array.from({ length: 16 * 24 * 4 }, (_, k) => {
      const [i, j] = [Math.floor(k / 96), Math.floor(k / 4) % 24];
      return k % 4 === 3 ? 255 : i < 8 ? [0, 80, 160][j >> 3] : 240;
    });
    const bytes = Uint8Array.from(jpeg.encode({ width: 24, height: 16, data }, 95).data);
    /** The upright picture's corners and middles: [top left, top right, bottom left]. */
    const corners = [0, 160, 240, 240];
    const turned: Record<number, readonly number[]> = {
      1: [0, 1, 2, 3],
      2: [1, 0, 3, 2],
      3: [3, 2, 1, 0],
      4: [2, 3, 0, 1],
      5: [0, 2, 1, 3],
      6: [2, 0, 3, 1],
      7: [3, 1, 2, 0],
      8: [1, 3, 0, 2],
    };
    for (let orientation = 1; orientation <= 8; orientation++) {
      const picture = readPicture(withOrientation(bytes, orientation), "a.jpg");
      const { height, width } = picture;
      expect([height, width], String(orientation)).toEqual(orientation < 5 ? [16, 24] : [24, 16]);
      const seen = [
        [0, 0],
        [0, width - 1],
        [height - 1, 0],
        [height - 1, width - 1],
      ].map(([i, j]) => 255 * picture.pixel(i, j)[0]);
      seen.forEach((v, k) =>
        expect(Math.abs(v - corners[turned[orientation][k]]), `${orientation} ${k}`).toBeLessThan(
          12,
        ),
      );
    }
    expect(readPicture(withOrientation(bytes, 9), "a.jpg").height).toBe(16);
  });
  it("class folders that are links are folders", () => {
    for (const name of ["x", "y"]) for (let k = 0; k < 12; k++) file(`real/${name}/${k}.png`, grey);
    mkdirSync(at("links"));
    for (const name of ["x", "y"]) symlinkSync(at(`real/${name}`), at(`links/${name}`));
    symlinkSync(at("nowhere"), at("links/broken"));
    symlinkSync(at("links/loop"), at("links/loop"));
    const args = [
      "train",
      "classifier",
      "--data",
      at("links"),
      "--epochs",
      "1",
      "--batch-size",
      "4",
    ];
    const run = spawnSync(process.execPath, [main, ...args, "--out", at("links.safetensors")], {
      encoding: "utf8",
    });
    expect(run.stderr).not.toMatch(/holds neither/);
  });
});

describe("numpy's types", () => {
  it("every one that has numbers, in both orders of bytes and of axes, reads the same values", () => {
    const values = [0, 1, 2, 3, 4, 5];
    const half = [0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500];
    const arrays: Record<string, { buffer: ArrayBufferLike }> = {
      u1: Uint8Array.from(values),
      i1: Int8Array.from(values),
      u2: Uint16Array.from(values),
      i2: Int16Array.from(values),
      u4: Uint32Array.from(values),
      i4: Int32Array.from(values),
      u8: BigUint64Array.from(values.map(BigInt)),
      i8: BigInt64Array.from(values.map(BigInt)),
      f2: Uint16Array.from(half),
      f4: Float32Array.from(values),
      f8: Float64Array.from(values),
    };
    for (const [type, array] of Object.entries(arrays)) {
      const bytes = bytesOf(array);
      const width = Number(type[1]);
      const swapped = bytes.map((_, i) => bytes[i - (i % width) + width - 1 - (i % width)]);
      for (const [order, content] of [
        ["<", bytes],
        [">", swapped],
        ["|", bytes],
      ] as const)
        for (const fortran of [false, true]) {
          const slice = readVolume(npy(order + type, [2, 3], content, fortran), "a").slice(0);
          expect([...slice], order + type).toEqual(fortran ? [0, 2, 4, 1, 3, 5] : values);
        }
    }
  });
  it("half precision: the smallest, the largest, both signs, and what is not finite", () => {
    const bits = Uint16Array.of(0x0001, 0x03ff, 0x0400, 0x7bff, 0x8000, 0xc000);
    const slice = readVolume(npy("<f2", [1, 6], bytesOf(bits)), "a").slice(0);
    expect([...slice]).toEqual([2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, -0, -2]);
    for (const odd of [0x7c00, 0xfc00, 0x7e00])
      expect(() =>
        readVolume(npy("<f2", [1, 1], bytesOf(Uint16Array.of(odd))), "a").slice(0),
      ).toThrow(/--fill/);
  });
  it("shapes that cannot be are refused", () => {
    for (const shape of [
      [-2, -3],
      [0, 3],
      [1.5, 2],
    ])
      expect(() => readVolume(npy("|u1", shape, new Uint8Array(6)), "a")).toThrow(/shape|claims 0/);
  });
});
