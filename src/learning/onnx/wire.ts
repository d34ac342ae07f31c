// Protobuf messages, field by field: any damage, and any file made to be endless, is one
// FormatError.
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { FiducialError, FormatError } from "../../engine/index.ts";

/** Far more than any network has; each is an entry in memory. */
const MOST_FIELDS = 2 ** 20;
const MOST_DEPTH = 24;
const decoder = new TextDecoder();

/** One field of a message, to be read once by the method of its type. */
export interface Field {
  /** The content of a message, text or byte string, not copied. */
  bytes(): Uint8Array;
  text(): string;
  whole(): number;
  float(): number;
  /** All that a repeated field brings here: packed, or one. */
  wholes(): Float64Array;
  floats(): Float32Array;
  doubles(): Float64Array;
  /** The fields of the message in it. */
  message(read: Readers): void;
}
export type Readers = Readonly<Record<number, (field: Field) => void>>;

class WireField implements Field {
  readonly #reader: BinaryReader;
  readonly #type: WireType;
  readonly #file: WireFile;
  readonly #depth: number;
  constructor(reader: BinaryReader, type: WireType, file: WireFile, depth: number) {
    this.#reader = reader;
    this.#type = type;
    this.#file = file;
    this.#depth = depth;
  }
  #expect(type: WireType): void {
    if (this.#type !== type) this.#file.fail("a field is of another wire type");
  }
  bytes(): Uint8Array {
    this.#expect(WireType.LengthDelimited);
    const { pos } = this.#reader;
    const bytes = this.#reader.bytes();
    // a length of more than 32 bits is read as its lower ones
    if (this.#reader.pos - bytes.length - pos > 5) this.#file.fail("a length has over 32 bits");
    return bytes;
  }
  text(): string {
    const bytes = this.bytes();
    return bytes.length === 0 ? "" : decoder.decode(bytes);
  }
  whole(): number {
    this.#expect(WireType.Varint);
    return Number(this.#reader.int64());
  }
  float(): number {
    this.#expect(WireType.Bit32);
    return this.#reader.float();
  }
  wholes(): Float64Array {
    if (this.#type === WireType.Varint) return Float64Array.of(this.whole());
    const bytes = this.bytes();
    const reader = new BinaryReader(bytes);
    let count = 0;
    for (const byte of bytes) if (byte < 0x80) count++;
    return Float64Array.from({ length: count }, () => Number(reader.int64()));
  }
  floats(): Float32Array {
    if (this.#type === WireType.Bit32) return Float32Array.of(this.float());
    const bytes = this.bytes();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) =>
      view.getFloat32(4 * i, true),
    );
  }
  doubles(): Float64Array {
    if (this.#type === WireType.Bit64) return Float64Array.of(this.#reader.double());
    const bytes = this.bytes();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Float64Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) =>
      view.getFloat64(8 * i, true),
    );
  }
  message(read: Readers): void {
    this.#file.read(this.bytes(), read, this.#depth + 1);
  }
}

class WireFile {
  readonly #name: string;
  #fields = 0;
  constructor(name: string) {
    this.#name = name;
  }
  fail(what: string): never {
    throw new FormatError(
      `${this.#name}: ${what}: it is damaged or not an ONNX file; fetch or export it again`,
      { name: this.#name },
    );
  }
  read(bytes: Uint8Array, readers: Readers, depth: number): void {
    if (depth > MOST_DEPTH) this.fail("its graphs are nested deeper than any that is written");
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      if (++this.#fields > MOST_FIELDS)
        this.fail(`it has over ${MOST_FIELDS} fields, more than any that is written`);
      const [number, type] = reader.tag();
      if (Object.hasOwn(readers, number)) readers[number](new WireField(reader, type, this, depth));
      else reader.skip(type, number);
    }
    if (reader.pos > reader.len) this.fail("it is cut short");
  }
}

/**
 * Reads the message that a whole file is; fields without a reader are skipped. Throws FormatError,
 * beginning with `name`, for whatever is wrong.
 */
export function readMessage(bytes: Uint8Array, name: string, readers: Readers): void {
  const file = new WireFile(name);
  try {
    file.read(bytes, readers, 0);
  } catch (error) {
    if (error instanceof FiducialError) throw error;
    file.fail(
      error instanceof RangeError ? "it is cut short" : "its fields are none of protobuf's",
    );
  }
}
