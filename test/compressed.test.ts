// Packed bytes: sums are checked, members and padding read, and nothing is unpacked or reserved
// past what the header asks for and the bytes can hold.
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { FormatError, random } from "fiducial/engine";
import { readIdxSet, readNpz, readPicture, readVolume } from "fiducial/data";
import { gzip, idx, join, nifti, npy, png, zip } from "./fixtures/files.mjs";

const rng = random(7);
const noise = Uint8Array.from({ length: 9000 }, () => rng.integer(40));
const volume = nifti([30, 30, 10], 2, noise);
const read = (bytes: Uint8Array): Float32Array => readVolume(bytes, "a.nii.gz").slice(4);
const whole = read(volume);

describe("gzip", () => {
  it("every single flipped bit of a volume is noticed, or changes no value", () => {
    const packed = gzip(volume);
    // a header's time, flags of its text and the system's name mean nothing
    let refused = 0;
    for (let k = 0; k < 400; k++) {
      const broken = Uint8Array.from(packed);
      const at = 10 + rng.integer(packed.length - 10);
      broken[at] ^= 1 << rng.integer(8);
      expect(() => read(broken), `byte ${at} of ${packed.length}`).toThrow(FormatError);
      refused++;
    }
    expect(refused).toBe(400);
  });
  it("members one after another, empty ones, zeros behind: all sizes, all places of the cuts", () => {
    for (const cut of [1, 2, 100, 352, 4096, 5000, volume.length - 1])
      for (const padding of [0, 1, 3, 4, 5, 8, 511, 5000]) {
        const members = [
          gzip(volume.subarray(0, cut)),
          gzip(new Uint8Array(0)),
          gzip(volume.subarray(cut)),
        ];
        expect(read(join([...members, new Uint8Array(padding)])), `${cut} ${padding}`).toEqual(
          whole,
        );
        const backwards = join([...members, gzip(new Uint8Array(0)), new Uint8Array(padding)]);
        expect(read(backwards), `${cut} ${padding}, empty last`).toEqual(whole);
      }
  });
  it("small members, as bgzip makes them", () => {
    const members: Uint8Array[] = [];
    for (let at = 0; at < volume.length; at += 50) members.push(gzip(volume.subarray(at, at + 50)));
    expect(read(join(members))).toEqual(whole);
    members[20][members[20].length - 5] ^= 1;
    expect(() => read(join(members))).toThrow(/checksum or length/);
  });
  it("no level of compression makes a difference", () => {
    for (const level of [0, 1, 9])
      expect(read(new Uint8Array(gzipSync(volume, { level })))).toEqual(whole);
  });
  it("cut short anywhere, or with something else behind it, it is refused", () => {
    const packed = gzip(volume);
    for (let end = 2; end < packed.length; end += 97)
      expect(() => read(packed.subarray(0, end))).toThrow(FormatError);
    for (let end = packed.length - 12; end < packed.length; end++)
      expect(() => read(packed.subarray(0, end)), String(end)).toThrow(FormatError);
    expect(() => read(join([packed, new TextEncoder().encode("and more")]))).toThrow(FormatError);
  });
});

describe("more than was asked for", () => {
  /** Bytes that are held, at the most, while `work` runs and fails. */
  const held = (work: () => void): number => {
    const before = process.memoryUsage().arrayBuffers;
    expect(work).toThrow(FormatError);
    return process.memoryUsage().arrayBuffers - before;
  };
  const zeros = new Uint8Array(64e6);
  const LITTLE = 32e6;
  it("a volume, a set, a picture and an archive stop at what their headers ask for", () => {
    const small = nifti([4, 4], 4, new Uint8Array(32));
    const bomb = gzip(join([small, zeros]));
    expect(held(() => read(bomb))).toBeLessThan(LITTLE);
    const labels = idx([1], Uint8Array.of(0));
    const set = (images: Uint8Array): void => void readIdxSet(images, labels, { name: "set" });
    const images = gzip(join([idx([1, 2, 2], new Uint8Array(4)), zeros]));
    expect(held(() => set(images))).toBeLessThan(LITTLE);
    const picture = png({ width: 1, height: 1 }, Array(32).fill(Array.from(new Uint8Array(1e6))));
    expect(held(() => void readPicture(picture, "a.png"))).toBeLessThan(LITTLE);
  });
  it("a colour profile is not unpacked at all", () => {
    const profile = [...new TextEncoder().encode("icc\0\0"), ...deflateSync(zeros)];
    const before = process.memoryUsage().arrayBuffers;
    expect(
      readPicture(png({ width: 1, height: 1 }, [[9]], [["iCCP", profile]]), "a.png").pixel(0, 0)[0],
    ).toBe(9 / 255);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(LITTLE);
  });
  it("a picture takes the room of its rows, and next to nothing in many pixels is refused", () => {
    const bits = (n: number, value: number): Uint8Array =>
      png(
        { width: n, height: n, depth: 1 },
        Array(n).fill(new Array(n / 8).fill(value)) as number[][],
      );
    // 4 million pixels of one bit: as many numbers would be 16 MB
    const plain = bits(2048, 0x55);
    const before = process.memoryUsage().arrayBuffers;
    expect(readPicture(plain, "a.png").pixel(2047, 2047)[0]).toBe(1);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8e6);
    expect(() => readPicture(bits(4200, 0), "a.png")).toThrow(
      /4200×4200 pixels in \d+ bytes are next to nothing/,
    );
  });
  it("sizes that the bytes cannot hold are refused before anything is reserved", () => {
    const claims = nifti([20000, 20000, 2], 4, new Uint8Array(0));
    expect(() => read(gzip(claims))).toThrow(/cannot hold as many/);
    expect(() => readPicture(png({ width: 30000, height: 30000 }, [[0]]), "a.png")).toThrow(
      /cannot hold as many/,
    );
    expect(() =>
      readIdxSet(gzip(idx([60000, 500, 50], new Uint8Array(9))), gzip(idx([1], Uint8Array.of(1))), {
        name: "set",
      }),
    ).toThrow(/cannot hold as many/);
    const archive = zip({ "x.npy": npy("|u1", [2, 2], new Uint8Array(4)) });
    const entry = archive.length - 22 - 46 - 5;
    new DataView(archive.buffer, archive.byteOffset).setUint32(entry + 24, 0xf0000000, true);
    expect(() => readNpz(archive, "a.npz")).toThrow(/cannot hold as many/);
  });
});

describe("zip", () => {
  const arrays = {
    "x.npy": npy("|u1", [50, 20], noise.subarray(0, 1000)),
    "y.npy": npy("<i4", [3], new Uint8Array(Int32Array.of(7, 8, 9).buffer)),
  };
  it("arrays by name, deflated", () => {
    const found = readNpz(zip(arrays), "a.npz");
    expect([...found.keys()]).toEqual(["x", "y"]);
    expect(found.get("y")!.at([2])).toBe(9);
    expect(found.get("x")!.at([49, 19])).toBe(noise[999]);
  });
  it("no flipped bit of what is packed gets past its checksum", () => {
    const good = zip(arrays);
    const packed = deflateRawSync(arrays["x.npy"]).length;
    for (let k = 0; k < 300; k++) {
      const broken = Uint8Array.from(good);
      broken[35 + rng.integer(packed)] ^= 1 << rng.integer(8);
      expect(() => readNpz(broken, "a.npz")).toThrow(FormatError);
    }
  });
  it("entries that claim more together than the file has are refused", () => {
    const twice = zip(arrays);
    const view = new DataView(twice.buffer, twice.byteOffset);
    const directory = view.getUint32(twice.length - 6, true);
    view.setUint32(directory + 20, twice.length, true);
    expect(() => readNpz(twice, "a.npz")).toThrow(FormatError);
  });
});
