// Files of weights, each by its content.
import { FormatError } from "../../engine/index.ts";
import { readNpz } from "../datasets/arrays.ts";
import { isHdf5 } from "../formats/hdf5.ts";
import { matlab, matlabArrays } from "../formats/matlab.ts";
import { readNpyArray, type NpyArray } from "../formats/npy.ts";
import { zipEntries } from "../formats/zip.ts";
import { hdf5Tensors } from "./hdf5-tensors.ts";
import { safetensors } from "./safetensors.ts";
import { checkShape, type StoredTensor, type StoredTensors } from "./tensor.ts";
import { isTorchStream, torchArchive, torchStream } from "./torch.ts";

export const weightFormats: readonly string[] = [
  "safetensors",
  "PyTorch (.pth, .pt, .pkl)",
  "NPZ and NPY",
  "MATLAB (5 and 7.3)",
  "HDF5",
];

/** Row-major, whatever the order in the file. */
function numpyTensor({ shape, type, at }: NpyArray): StoredTensor {
  const count = shape.reduce((n, d) => n * d, 1);
  const index = shape.map(() => 0);
  return {
    shape,
    type,
    values() {
      index.fill(0);
      return Float32Array.from({ length: count }, () => {
        const value = at(index);
        for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--)
          index[axis] = 0;
        return value;
      });
    },
  };
}
const numpyTensors = (arrays: Iterable<readonly [string, NpyArray]>): StoredTensors =>
  new Map(
    [...arrays]
      .filter(([, array]) => !array.complex)
      .map(([key, array]) => [key, numpyTensor(array)]),
  );

/** Axes reversed and row-major, as version 7.3 has them: MATLAB's first axis is the fastest. */
function matlabTensors(bytes: Uint8Array, name: string): StoredTensors {
  const found = new Map<string, StoredTensor>();
  for (const { name: key, shape, complex, at } of matlabArrays(bytes, name)) {
    const reversed = [...shape].reverse();
    const count = shape.reduce((n, d) => n * d, 1);
    checkShape(reversed, bytes.length * 1032, `${name}, ${key}`);
    const values = (): Float32Array => Float32Array.from({ length: count }, (_, i) => at(i));
    if (!complex) found.set(key, { shape: reversed, type: "MATLAB", values });
  }
  return found;
}

function archive(bytes: Uint8Array, name: string): StoredTensors {
  const names = zipEntries(bytes, name).map((entry) => entry.name);
  if (names.some((entry) => entry.endsWith("data.pkl"))) return torchArchive(bytes, name);
  if (names.some((entry) => entry.endsWith(".npy"))) return numpyTensors(readNpz(bytes, name));
  throw new FormatError(`${name}: the archive has neither numpy's arrays nor PyTorch's data.pkl`, {
    name,
  });
}

/** A header of that length that is JSON. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return bytes[8] === 0x7b && length < 2n ** 32n;
}

/**
 * The tensors of a file by their names, row-major; their values are not read yet. Throws
 * FormatError for a file that is damaged or of no format that is read, UnsupportedOpError for what
 * is refused. HDF5: loadTensors.
 */
export function readTensors(bytes: Uint8Array, name: string): StoredTensors {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return archive(bytes, name);
  if (matlab.begins(bytes)) return matlabTensors(bytes, name);
  if (bytes[0] === 0x93 && bytes[1] === 0x4e)
    return numpyTensors([["", readNpyArray(bytes, name)]]);
  if (isSafetensors(bytes)) return safetensors(bytes, name);
  // a pickle that PyTorch did not write is read as far as what it asks for is named
  if (isTorchStream(bytes) || (bytes[0] === 0x80 && bytes[1] <= 5)) return torchStream(bytes, name);
  throw new FormatError(
    `${name}: it is of no format of weights that is read: ${weightFormats.join(", ")}`,
    { name },
  );
}
/** The same for every format, HDF5 by h5wasm. */
export const loadTensors = async (bytes: Uint8Array, name: string): Promise<StoredTensors> =>
  isHdf5(bytes) ? hdf5Tensors(bytes, name) : readTensors(bytes, name);
