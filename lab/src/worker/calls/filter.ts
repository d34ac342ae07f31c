// Section 2: one kernel over one picture.
import {
  boxBlur,
  filterImage,
  gaussianBlur,
  kernels,
  type KernelImage,
  type KernelName,
} from "fiducial/learning";
import { quickly } from "../engine.ts";
import { picture, type PictureName } from "../pictures.ts";

export type PresetName = KernelName | "boxBlur" | "gaussianBlur";
export interface Filtered {
  /** [channels, rows, columns] */
  readonly shape: readonly number[];
  readonly input: Float32Array;
  readonly kernel: KernelImage;
  /** Of the whole answer: one plane for a filter over channels, as many as the input otherwise. */
  readonly planes: number;
  readonly output: Float64Array;
}

/** A preset in the middle of a kernel of another size, zeros around it; blurs fill it. */
function resized(preset: PresetName, size: number): KernelImage {
  if (preset === "boxBlur") return boxBlur(size);
  if (preset === "gaussianBlur") return gaussianBlur(size, size / 5);
  const small = kernels[preset];
  const [k, planes] = [small.shape.at(-1)!, small.shape.length === 3 ? small.shape[0] : 1];
  const margin = (size - k) / 2;
  const data = Array.from({ length: planes * size * size }, (_, i) => {
    const [p, r, c] = [Math.floor(i / size ** 2), Math.floor(i / size) % size, i % size];
    const [row, column] = [r - margin, c - margin];
    const inside = row >= 0 && row < k && column >= 0 && column < k;
    return inside ? small.data[(p * k + row) * k + column] : 0;
  });
  return { shape: planes === 1 ? [size, size] : [planes, size, size], data };
}

export async function filterPicture(asked: {
  image: PictureName;
  preset: PresetName;
  size: number;
  /** Typed by the visitor, in place of the preset's. */
  cells?: readonly number[] | undefined;
  flip: boolean;
}): Promise<Filtered> {
  const { image, preset, size, cells, flip } = asked;
  const { shape, data } = picture(image);
  const made = resized(preset, size);
  const kernel = cells?.length === made.data.length ? { ...made, data: cells } : made;
  const backend = await quickly();
  const out = await filterImage({ shape, data }, { kernel, flip, padding: "same", backend });
  return { shape, input: data, kernel, planes: out.shape[0], output: out.data };
}
