// HDF5 files as trees of groups and datasets: types, attributes, references, parts, damage.
import { existsSync, readFileSync } from "node:fs";
import { FormatError, random } from "fiducial/engine";
import { datasetsIn, isHdf5, openHdf5, type Hdf5Dataset, type Hdf5Group } from "fiducial/data";
import { describe, expect, it } from "vitest";
import { complex, hdf5 } from "./fixtures/hdf5.mjs";

const dataset = (root: Hdf5Group, name: string): Hdf5Dataset => root.child(name) as Hdf5Dataset;
const noise = (n: number): Float64Array => {
  const rng = random(1);
  return Float64Array.from({ length: n }, () => Math.fround(rng.normal()));
};

describe("HDF5", () => {
  it("gives groups, datasets, attributes and numbers of every type", async () => {
    const types = ["<b", "<h", "<i", "<q", "<B", "<H", "<I", "<Q", "<f", "<d"];
    const bytes = await hdf5((file) => {
      const group = file.create_group("inside");
      for (const dtype of types) {
        const data = /q/i.test(dtype) ? [1n, 2n, 3n] : [1, 2, 3];
        group.create_dataset({ name: `x${dtype[1]}`, data, shape: [3], dtype });
      }
      file.create_attribute("answer", [42], null, "<i");
      file.create_attribute("word", "said", null, "S8");
    });
    const file = await openHdf5(bytes, "a.h5");
    file.read((root) => {
      expect(root.attributes()).toEqual(
        new Map<string, unknown>([
          ["answer", [42]],
          ["word", "said"],
        ]),
      );
      const inside = root.child("inside") as Hdf5Group;
      expect(inside.names).toHaveLength(types.length);
      for (const name of inside.names)
        expect([...dataset(inside, name).numbers()]).toEqual([1, 2, 3]);
      expect(datasetsIn(root).map((d) => d.path)).toContain("/inside/xd");
      expect(root.child("missing")).toBeUndefined();
    });
  });

  it("gives complex numbers in turn, whole and in parts, packed in chunks", async () => {
    const values = noise(2 * 4 * 6 * 5);
    const bytes = await hdf5((file) => {
      complex(file, "a", [4, 6, 5], values);
      complex(file, "b", [4, 6, 5], values, {
        names: ["real", "imag"],
        dtype: "<d",
        chunks: [1, 3, 5],
      });
    });
    const file = await openHdf5(bytes, "a.h5");
    for (const name of ["a", "b"])
      file.read((root) => {
        const found = dataset(root, name);
        expect(found.shape).toEqual([4, 6, 5]);
        expect(found.numbers()).toEqual(values);
        const part = found.numbers({ offset: [2, 0, 0], count: [1, 6, 5] });
        expect(part).toEqual(values.slice(2 * 60, 3 * 60));
        expect(() => found.numbers({ offset: [4, 0, 0], count: [1, 6, 5] })).toThrow(FormatError);
      });
  });

  it("is told behind a user block, and nothing else is taken for it", async () => {
    const block = new Uint8Array(512);
    block.set(new TextEncoder().encode("MATLAB 7.3 MAT-file"));
    const bytes = await hdf5(
      (file) => file.create_dataset({ name: "x", data: [5], shape: [1], dtype: "<d" }),
      block,
    );
    expect(isHdf5(bytes)).toBe(true);
    expect(isHdf5(bytes.subarray(1))).toBe(false);
    const file = await openHdf5(bytes, "a.mat");
    expect(file.read((root) => [...dataset(root, "x").numbers()])).toEqual([5]);
  });

  it("follows references and links, but none out of the file", async () => {
    const bytes = await hdf5((file) => {
      file.create_dataset({ name: "x", data: [7], shape: [1], dtype: "<d" });
      file.create_dataset({
        name: "r",
        data: [file.get("x").create_reference?.() ?? file.create_reference("x")],
      });
      file.create_external_link("/etc/passwd", "/", "out");
      file.create_soft_link("/nowhere", "gone");
      file.create_hard_link("/", "round");
    });
    const file = await openHdf5(bytes, "a.h5");
    file.read((root) => {
      const [leads] = dataset(root, "r").references();
      expect([...(leads as Hdf5Dataset).numbers()]).toEqual([7]);
      expect(root.child("out")).toBeUndefined();
      expect(root.child("gone")).toBeUndefined();
      expect(datasetsIn(root, 20).length).toBeLessThanOrEqual(20);
    });
  });

  it("reserves nothing for more than the file can hold", async () => {
    const bytes = await hdf5((file) => {
      const whole = {
        data: Float64Array.from([1]),
        shape: [1],
        dtype: "<d",
        chunks: [1],
        maxshape: [null],
      };
      file.create_dataset({ name: "x", ...whole });
      file.get("x").resize([2 ** 30]);
    });
    const file = await openHdf5(bytes, "a.h5");
    expect(() => file.read((root) => dataset(root, "x").numbers())).toThrow(/cannot hold/);
  });

  it("refuses a heap without an end, which the library would read for ever", async () => {
    const bytes = await hdf5((file) =>
      file.create_dataset({ name: "x", data: ["said"], shape: [1], dtype: "S" }),
    );
    const heap = Buffer.from(bytes).indexOf("GCOL");
    const view = new DataView(bytes.buffer);
    // the text is the first object, the free space behind it the second
    const free = heap + 32 + Math.ceil(Number(view.getBigUint64(heap + 24, true)) / 8) * 8;
    expect(view.getUint16(free, true)).toBe(0);
    expect((await openHdf5(bytes, "a.h5")).read((root) => dataset(root, "x").texts())).toEqual([
      "said",
    ]);
    view.setBigUint64(free + 8, 0n, true);
    await expect(openHdf5(bytes, "a.h5")).rejects.toThrow(/a heap in it has no end/);
  });

  it("refuses what is damaged, in silence", async () => {
    const file = await openHdf5(new Uint8Array(4096), "a.h5");
    expect(() => file.read(() => 1)).toThrow(FormatError);
  });

  const shared = process.env.FIDUCIAL_DATA ?? "../shared/data";
  it.skipIf(!existsSync(shared))("reads MATLAB's files and their references", async () => {
    const name = `${shared}/models/admm-csnet/NET-1D-Cartesian-0.3-complex-S10.mat`;
    const file = await openHdf5(readFileSync(name), name);
    file.read((root) => {
      const momentum = ((root.child("#refs#") as Hdf5Group).child("0b") as Hdf5Group).child(
        "momentum",
      );
      expect((momentum as Hdf5Dataset).references()[0].path).toBe("/#refs#/bc");
    });
  });
});
