// WebP pictures, by libwebp in WebAssembly: an optional library that is loaded when a file needs
// it.
import { FormatError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import { checkSize } from "../volume.ts";
import { optional } from "./optional.ts";
import type { Picture } from "./png.ts";

const text = (bytes: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...bytes.subarray(from, to));
export const isWebp = (bytes: Uint8Array): boolean =>
  bytes.length >= 16 && text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP";

/**
 * Its size by its first chunk; undefined where that is unknown. Source: Google's WebP container.
 */
function sizeIn(bytes: Uint8Array): { width: number; height: number } | undefined {
  if (bytes.length < 30) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = text(bytes, 12, 16);
  const threeBytes = (at: number): number => view.getUint16(at, true) + 65536 * bytes[at + 2];
  if (kind === "VP8X") return { width: threeBytes(24) + 1, height: threeBytes(27) + 1 };
  if (kind === "VP8 ")
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (kind !== "VP8L") return undefined;
  const bits = view.getUint32(21, true);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

interface Decoded {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}
interface Library {
  init(module?: WebAssembly.Module): Promise<void>;
  default(bytes: ArrayBuffer): Promise<Decoded>;
}
type Files = { readFileSync(path: URL): Uint8Array<ArrayBuffer> };
let opened: Promise<Library> | undefined;
/** Node has no fetch for files, so there its second file is handed to the library. */
async function open(): Promise<Library> {
  const library = (await import("@jsquash/webp/decode.js")) as unknown as Library;
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  const files = process?.getBuiltinModule?.("node:fs") as Files | undefined;
  if (files) {
    const { resolve } = import.meta as unknown as { resolve(name: string): string };
    const code = files.readFileSync(new URL(resolve("@jsquash/webp/codec/dec/webp_dec.wasm")));
    await library.init(await WebAssembly.compile(code));
  }
  return library;
}

/**
 * The picture of a WebP, the first of several. Throws FormatError for one that is damaged,
 * UnsupportedOpError where the library is not installed.
 */
export async function loadWebp(bytes: Uint8Array, name: string): Promise<Picture> {
  const fail = (why: string): never => {
    throw new FormatError(
      `${name}: this WebP cannot be read (${why}); it is cut short or damaged`,
      { name },
    );
  };
  const size = sizeIn(bytes) ?? fail("it has no frame");
  checkSize(name, size.width * size.height, 0, 0);
  opened ??= open();
  const library = await optional({ name, what: "WebP", library: "@jsquash/webp" }, () => opened!);
  let image: Decoded;
  try {
    image = await library.default(Uint8Array.from(bytes).buffer);
  } catch (error) {
    return fail(printable((error as Error).message));
  }
  const { width, height, data } = image;
  let [grey, opaque] = [true, true];
  for (let k = 0; k < data.length; k += 4) {
    if (data[k] !== data[k + 1] || data[k] !== data[k + 2]) grey = false;
    if (data[k + 3] !== 255) opaque = false;
  }
  const at = (i: number, j: number): number => 4 * (i * width + j);
  return {
    height,
    width,
    grey,
    pixel: (i, j) => [data[at(i, j)] / 255, data[at(i, j) + 1] / 255, data[at(i, j) + 2] / 255],
    ...(!opaque && { opacity: (i: number, j: number) => data[at(i, j) + 3] / 255 }),
  };
}
/** What its first chunk says; whether it is grey only its pixels say. Throws FormatError. */
export function webpHead(
  bytes: Uint8Array,
  name: string,
): { height: number; width: number; grey: boolean } {
  const size = sizeIn(bytes);
  if (!size)
    throw new FormatError(
      `${name}: this WebP cannot be read (it has no frame); it is cut short or damaged`,
      { name },
    );
  return { ...size, grey: false };
}
