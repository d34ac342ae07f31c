// Deflated bytes, unpacked up to a limit: nothing is reserved or unpacked for a size that the bytes
// cannot hold. By fflate's streams, which check no sums; those are checked here.
import { Gunzip, Inflate, Unzlib } from "fflate";
import { FormatError } from "../../engine/index.ts";

/** Deflate packs at most this many bytes into one. Source: zlib's technical notes. */
export const LARGEST_RATIO = 1032;
/** What is given to fflate at once: it unpacks all of it before it can be stopped. */
const PIECE = 4096;

export interface Unpacking {
  readonly name: string;
  /** More bytes than this are a FormatError. */
  readonly limit: number;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});
/** CRC-32 of gzip, zip and PNG; `before` is that of the bytes before these. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let c = ~before;
  for (let i = 0; i < bytes.length; i++) c = crcTable[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c >>> 0;
}

/** As many bytes as that many deflated ones can hold. */
export const mostFrom = (packed: number): number => LARGEST_RATIO * packed;
/** Throws FormatError when `packed` deflated bytes cannot hold `size` bytes. */
export function checkRatio(name: string, size: number, packed: number): void {
  if (size > mostFrom(packed) + 1024)
    throw new FormatError(
      `${name}: its header needs ${size} bytes and its ${packed} packed ones cannot hold as many: it is cut short or damaged`,
      { name, size, packed },
    );
}

function tooMuch(name: string, limit: number): never {
  throw new FormatError(
    `${name}: it unpacks to more than the ${limit} bytes that its header asks for; it is damaged or hostile`,
    { name, limit },
  );
}

/** Grows as bytes come, up to twice what has come, and refuses more than the limit. */
class Collector {
  private bytes = new Uint8Array(0);
  private length = 0;
  private readonly options: Unpacking;
  constructor(options: Unpacking) {
    this.options = options;
  }
  add(piece: Uint8Array): void {
    const { name, limit } = this.options;
    const length = this.length + piece.length;
    if (length > limit) tooMuch(name, limit);
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.min(limit, Math.max(length, 2 * this.bytes.length)));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(piece, this.length);
    this.length = length;
  }
  result(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

function damaged(name: string, error: unknown): never {
  if (error instanceof FormatError) throw error;
  throw new FormatError(
    `${name}: it cannot be unpacked (${(error as Error).message}); it is cut short or damaged`,
    { name },
  );
}

interface Stream {
  push(piece: Uint8Array, last: boolean): void;
}
/** Pushes the bytes piece by piece, until `enough` says so. */
function feed(stream: Stream, bytes: Uint8Array, enough: () => boolean = () => false): void {
  for (let at = 0; at < bytes.length && !enough(); at += PIECE)
    stream.push(bytes.subarray(at, at + PIECE), at + PIECE >= bytes.length);
}

/** A raw deflate stream that fills `packed`. Throws FormatError when damaged or over the limit. */
export function inflateRaw(packed: Uint8Array, options: Unpacking): Uint8Array {
  const out = new Collector(options);
  try {
    feed(new Inflate((piece) => out.add(piece)), packed);
  } catch (error) {
    damaged(options.name, error);
  }
  return out.result();
}

interface Start {
  readonly packed: Uint8Array;
  readonly count: number;
  readonly name: string;
}
/** The first `count` bytes that a stream unpacks to, or all when there are fewer. */
function startOf(
  { packed, count, name }: Start,
  open: (take: (piece: Uint8Array) => void) => Stream,
): Uint8Array {
  const out = new Collector({ name, limit: Number.POSITIVE_INFINITY });
  let length = 0;
  const take = (piece: Uint8Array): void => {
    out.add(piece.subarray(0, count - length));
    length = Math.min(count, length + piece.length);
  };
  try {
    feed(open(take), packed, () => length === count);
  } catch (error) {
    damaged(name, error);
  }
  return out.result();
}

/** The first `count` bytes of a raw deflate stream, or all when there are fewer. */
export const inflateStart = (packed: Uint8Array, count: number, name: string): Uint8Array =>
  startOf({ packed, count, name }, (take) => new Inflate(take));

/** The first `count` bytes of a zlib stream, or all when there are fewer. */
export const unzlibStart = (packed: Uint8Array, count: number, name: string): Uint8Array =>
  startOf({ packed, count, name }, (take) => new Unzlib(take));

function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (let i = 0; i < bytes.length; i++) {
    a = (a + bytes[i]) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}
/** A zlib stream. Throws FormatError when it is damaged or over the limit. Source: RFC 1950. */
export function unzlib(packed: Uint8Array, options: Unpacking): Uint8Array {
  const out = new Collector(options);
  try {
    feed(new Unzlib((piece) => out.add(piece)), packed);
  } catch (error) {
    damaged(options.name, error);
  }
  const sum = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const unpacked = out.result();
  if (packed.length < 6 || sum.getUint32(packed.length - 4) !== adler32(unpacked))
    damaged(
      options.name,
      new FormatError(`${options.name}: its checksum is wrong; it is damaged`, {}),
    );
  return unpacked;
}

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Whether the eight bytes at `at` are this CRC and this length. */
function trailerIs(bytes: Uint8Array, at: number, crc: number, length: number): boolean {
  if (at < 0 || at + 8 > bytes.length) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  return view.getUint32(0, true) === crc && view.getUint32(4, true) === length % 2 ** 32;
}

/**
 * A gzip file of one or more members, with or without zeros behind them. Throws FormatError when a
 * member's CRC or length is wrong, when it is cut short, and over the limit. Source: RFC 1952.
 */
export function gunzip(bytes: Uint8Array, options: Unpacking): Uint8Array {
  const { name } = options;
  const out = new Collector(options);
  let [crc, length] = [0, 0];
  const stream = new Gunzip((piece) => {
    crc = crc32(piece, crc);
    length += piece.length;
    out.add(piece);
  });
  const wrong = (): never => {
    throw new FormatError(
      `${name}: its gzip checksum or length is wrong; it is damaged, fetch it again`,
      { name },
    );
  };
  stream.onmember = (start) => {
    if (!trailerIs(bytes, start - 8, crc, length)) wrong();
    [crc, length] = [0, 0];
  };
  // the last member's trailer may end in zeros, as padding does
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  try {
    feed(stream, bytes.subarray(0, Math.min(bytes.length, end + 3)));
  } catch (error) {
    damaged(name, error);
  }
  const last = Array.from({ length: 9 }, (_, k) => end - 8 + k);
  if (!last.some((at) => trailerIs(bytes, at, crc, length))) wrong();
  return out.result();
}

/** The first `count` bytes that a gzip file unpacks to, unchecked, or all when there are fewer. */
export const gunzipStart = (packed: Uint8Array, count: number, name: string): Uint8Array =>
  startOf({ packed, count, name }, (take) => new Gunzip(take));

/**
 * The first `size` bytes of a zlib stream that comes in pieces; undefined where it has fewer.
 * Throws FormatError when it is damaged or over the limit.
 */
export function unpacked(
  pieces: readonly Uint8Array[],
  { name, size, limit }: Unpacking & { readonly size: number },
): Uint8Array | undefined {
  const out = new Uint8Array(size);
  let length = 0;
  const stream = new Unzlib((piece) => {
    if (length < size) out.set(piece.subarray(0, size - length), length);
    length += piece.length;
    if (length > limit) tooMuch(name, limit);
  });
  try {
    for (const piece of pieces)
      for (let at = 0; at < piece.length; at += PIECE)
        stream.push(piece.subarray(at, at + PIECE), false);
    stream.push(new Uint8Array(0), true);
  } catch (error) {
    damaged(name, error);
  }
  return length < size ? undefined : out;
}
