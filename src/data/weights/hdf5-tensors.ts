// Arrays of numbers in HDF5 files by name: by their paths, or in MATLAB's words where MATLAB wrote
// them (version 7.3), through its cells and structures.
import { FormatError } from "../../engine/index.ts";
import { openHdf5, type Hdf5Dataset, type Hdf5Group, type Hdf5Node } from "../formats/hdf5.ts";
import { isComplex } from "../formats/hdf5-types.ts";
import { MOST_TENSORS, MOST_VALUES, type StoredTensor } from "./tensor.ts";

const DEEPEST = 16;
/** Deflate's, in bytes. */
const LARGEST_RATIO = 1032;
const NUMBERS: readonly string[] = [
  "double",
  "single",
  "logical",
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
];

interface Walk {
  readonly name: string;
  readonly matlab: boolean;
  readonly found: Map<string, StoredTensor>;
  /** Values that may still be read: links may lead to one array many times. */
  room: number;
  visited: number;
}

/** Numbers that are no text, and not MATLAB's note of an empty array's shape. */
function isNumbers(node: Hdf5Dataset, matlab: boolean): boolean {
  if (!["integer", "float"].includes(node.type.kind)) return false;
  if (!matlab) return true;
  const attributes = node.attributes();
  return (
    NUMBERS.includes(String(attributes.get("MATLAB_class"))) && !attributes.has("MATLAB_empty")
  );
}
function array(node: Hdf5Dataset): StoredTensor {
  const values = Float32Array.from(node.numbers());
  return {
    shape: node.shape,
    type: `${node.type.kind} of ${node.type.bytes} bytes`,
    values: () => values,
  };
}

function visit(walk: Walk, node: Hdf5Node, path: string, depth: number): void {
  const { name, matlab, found } = walk;
  if (walk.visited++ > 10 * MOST_TENSORS || depth > DEEPEST)
    throw new FormatError(
      `${name}: its arrays are more, or lie deeper, than those of any network`,
      { name },
    );
  if (node.kind === "group") {
    group(walk, node, path, depth);
    return;
  }
  if (node.type.kind === "reference") {
    for (const [i, inner] of node.references().entries())
      visit(walk, inner, `${path}{${i + 1}}`, depth + 1);
    return;
  }
  if (isComplex(node.type) || !isNumbers(node, matlab)) return;
  walk.room -= node.shape.reduce((n, d) => n * d, 1);
  if (!(walk.room >= 0))
    throw new FormatError(
      `${name}: its arrays hold more values than a file of its size can; it is damaged`,
      { name },
    );
  found.set(path, array(node));
}
function group(walk: Walk, node: Hdf5Group, path: string, depth: number): void {
  for (const key of node.names) {
    // where MATLAB keeps what cells refer to
    if (depth === 0 && key.startsWith("#")) continue;
    const inner = node.child(key);
    const between = path === "" ? "" : walk.matlab ? "." : "/";
    if (inner) visit(walk, inner, `${path}${between}${key}`, depth + 1);
  }
}

/**
 * The real arrays of a file, row-major: MATLAB's axes reversed, as HDF5 has them. Throws
 * FormatError when it is damaged, UnsupportedOpError where h5wasm is not installed.
 */
export async function hdf5Tensors(
  bytes: Uint8Array,
  name: string,
): Promise<Map<string, StoredTensor>> {
  const file = await openHdf5(bytes, name);
  return file.read((root) => {
    const ofMatlab = (key: string): boolean =>
      root.child(key)?.attributes().has("MATLAB_class") ?? false;
    const matlab = root.names.some((key) => !key.startsWith("#") && ofMatlab(key));
    const room = Math.min(MOST_VALUES, LARGEST_RATIO * bytes.length);
    const walk: Walk = { name, matlab, found: new Map(), room, visited: 0 };
    visit(walk, root, "", 0);
    return walk.found;
  });
}
