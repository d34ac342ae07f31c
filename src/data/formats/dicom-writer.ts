// DICOM secondary captures of grey slices, without a patient, a date or a place. The reader:
// dicom.ts.
import { sha256 } from "@noble/hashes/sha2.js";
import { version } from "../../engine/index.ts";

const EXPLICIT = "1.2.840.10008.1.2.1";
const SINGLE = "1.2.840.10008.5.1.4.1.1.7";
const MULTIPLE = `${SINGLE}.3`;
/** Of FrameIncrementPointer: the frames are pages. */
const PAGE = [0x18, 0x2001];

type Value = string | number | readonly number[] | Uint8Array;
type Element = readonly [group: number, element: number, vr: string, value: Value];

function bytesOf(vr: string, value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") {
    const text = new TextEncoder().encode(value);
    if (text.length % 2 === 0) return text;
    return Uint8Array.of(...text, vr === "UI" ? 0 : 0x20);
  }
  const numbers = typeof value === "number" ? [value] : value;
  return new Uint8Array(Uint16Array.from(numbers).buffer);
}
/** VRs whose length has 32 bits. */
const LONG = new Set(["OB", "OW", "UT", "SQ"]);
function encoded([group, element, vr, value]: Element): Uint8Array {
  const content = bytesOf(vr, value);
  const head = LONG.has(vr) ? 12 : 8;
  const out = new Uint8Array(head + content.length);
  const view = new DataView(out.buffer);
  view.setUint16(0, group, true);
  view.setUint16(2, element, true);
  out.set(new TextEncoder().encode(vr), 4);
  if (LONG.has(vr)) view.setUint32(8, content.length, true);
  else view.setUint16(6, content.length, true);
  out.set(content, head);
  return out;
}
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((n, piece) => n + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** A UID out of a hash: the same content has the same. Source: PS3.5 B.2. */
function uidOf(content: Uint8Array, what: string): string {
  const hash = sha256(joined([new TextEncoder().encode(what), content])).subarray(0, 16);
  return `2.25.${hash.reduce((n, byte) => n * 256n + BigInt(byte), 0n)}`;
}

/** A decimal string of at most 16 characters. */
const decimal = (v: number): string => {
  const short = String(v);
  return short.length <= 16 ? short : v.toPrecision(9);
};

/**
 * One or several slices [H,W] of values from 0, in 16 bits with a rescale slope: a Secondary
 * Capture Image, or a Multi-frame Grayscale Word one. Every attribute of a patient is empty; UIDs
 * follow from the pixels. Source: DICOM PS3.3 A.8, C.8.6.
 */
export function writeDicom(
  slices: readonly ArrayLike<number>[],
  [height, width]: readonly [number, number],
): Uint8Array {
  const frames = slices.length;
  const size = height * width;
  let largest = 0;
  for (const slice of slices) for (let p = 0; p < size; p++) largest = Math.max(largest, slice[p]);
  const slope = largest > 0 ? largest / 65535 : 1;
  const pixels = new Uint8Array(2 * frames * size);
  const view = new DataView(pixels.buffer);
  slices.forEach((slice, k) => {
    for (let p = 0; p < size; p++) {
      const stored = Math.max(0, Math.min(65535, Math.round(slice[p] / slope)));
      view.setUint16(2 * (k * size + p), stored, true);
    }
  });
  const sopClass = frames > 1 ? MULTIPLE : SINGLE;
  const instance = uidOf(pixels, "instance");
  const elements = elementsOf({
    sopClass,
    instance,
    pixels,
    frames,
    height,
    width,
    largest,
    slope,
  });
  const meta = joined(
    (
      [
        [2, 0x01, "OB", Uint8Array.of(0, 1)],
        [2, 0x02, "UI", sopClass],
        [2, 0x03, "UI", instance],
        [2, 0x10, "UI", EXPLICIT],
        [2, 0x12, "UI", uidOf(new Uint8Array(0), "fiducial")],
      ] as const
    ).map(encoded),
  );
  const length = new Uint8Array(new Uint32Array([meta.length]).buffer);
  const start = joined([
    new Uint8Array(128),
    new TextEncoder().encode("DICM"),
    encoded([2, 0, "UL", length]),
  ]);
  return joined([start, meta, ...elements.map(encoded)]);
}
interface Capture {
  readonly sopClass: string;
  readonly instance: string;
  readonly pixels: Uint8Array;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly largest: number;
  readonly slope: number;
}
function elementsOf(capture: Capture): Element[] {
  const { sopClass, instance, pixels, frames, height, width, largest, slope } = capture;
  const elements: Element[] = [
    [0x08, 0x16, "UI", sopClass],
    [0x08, 0x18, "UI", instance],
    ...empty,
    [0x08, 0x60, "CS", "OT"],
    [0x08, 0x64, "CS", "WSD"],
    [0x08, 0x70, "LO", "fiducial"],
    [0x08, 0x2111, "ST", "reconstructed; not for diagnosis"],
    [0x18, 0x1020, "LO", version],
    [0x20, 0x0d, "UI", uidOf(pixels, "study")],
    [0x20, 0x0e, "UI", uidOf(pixels, "series")],
    [0x20, 0x11, "IS", "1"],
    [0x20, 0x13, "IS", "1"],
    [0x28, 0x02, "US", 1],
    [0x28, 0x04, "CS", "MONOCHROME2"],
    ...(frames > 1
      ? ([
          [0x28, 0x08, "IS", String(frames)],
          [0x28, 0x09, "AT", PAGE],
        ] as const)
      : []),
    [0x28, 0x10, "US", height],
    [0x28, 0x11, "US", width],
    [0x28, 0x100, "US", 16],
    [0x28, 0x101, "US", 16],
    [0x28, 0x102, "US", 15],
    [0x28, 0x103, "US", 0],
    [0x28, 0x301, "CS", "NO"],
    [0x28, 0x1050, "DS", decimal(largest / 2)],
    [0x28, 0x1051, "DS", decimal(largest || 1)],
    [0x28, 0x1052, "DS", "0"],
    [0x28, 0x1053, "DS", decimal(slope)],
    [0x28, 0x1054, "LO", "US"],
    ...(frames > 1 ? ([[0x18, 0x2001, "IS", pages(frames)]] as const) : []),
    [0x7fe0, 0x10, "OW", pixels],
  ];
  return elements.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}
const pages = (frames: number): string =>
  Array.from({ length: frames }, (_, i) => i + 1).join("\\");

/** What has to be there and is known of no one. */
const empty: readonly Element[] = [
  [0x08, 0x20, "DA", ""],
  [0x08, 0x30, "TM", ""],
  [0x08, 0x50, "SH", ""],
  [0x08, 0x90, "PN", ""],
  [0x10, 0x10, "PN", ""],
  [0x10, 0x20, "LO", ""],
  [0x10, 0x30, "DA", ""],
  [0x10, 0x40, "CS", ""],
  [0x20, 0x10, "SH", ""],
  [0x20, 0x20, "CS", ""],
];
