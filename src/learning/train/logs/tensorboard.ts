// Event files for TensorBoard: records of a length, its checksum, an Event of protobuf and its own
// checksum. Source: TensorFlow's record_writer.cc, event.proto and summary.proto.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { figuresOf, checkEvery, isTold, type Listener, type LogOptions } from "./log.ts";

/** Takes the next bytes of an event file. */
export type WriteBytes = (bytes: Uint8Array) => void | Promise<void>;

/** CRC-32C (Castagnoli), reflected. */
const POLYNOMIAL = 0x82f63b78;
const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
  return c;
});
/** As records carry it: turned by 15 bits and moved, so that a sum of sums is not one again. */
function maskedSum(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 0xff] ^ (c >>> 8);
  const sum = (c ^ 0xffffffff) >>> 0;
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
}
/** length (8 bytes), its sum (4), the data, its sum (4); little-endian. */
function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + 4 + data.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(8, maskedSum(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedSum(data), true);
  return bytes;
}

// fields of Event (wall_time, step, file_version, summary), Summary (value) and Value (tag,
// simple_value)
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 };
const SUMMARY = { value: 1 };
const VALUE = { tag: 1, simpleValue: 2 };
function eventAt(seconds: number, step: number): BinaryWriter {
  const writer = new BinaryWriter();
  writer.tag(EVENT.wallTime, WireType.Bit64).double(seconds);
  // a 0 is not written, as in all of protobuf
  return step === 0 ? writer : writer.tag(EVENT.step, WireType.Varint).int64(step);
}
function scalars(
  seconds: number,
  step: number,
  values: Readonly<Record<string, number>>,
): Uint8Array {
  const writer = eventAt(seconds, step);
  writer.tag(EVENT.summary, WireType.LengthDelimited).fork();
  for (const [tag, value] of Object.entries(values)) {
    writer.tag(SUMMARY.value, WireType.LengthDelimited).fork();
    writer.tag(VALUE.tag, WireType.LengthDelimited).string(tag);
    writer.tag(VALUE.simpleValue, WireType.Bit32).float(value);
    writer.join();
  }
  return record(writer.join().finish());
}
const header = (seconds: number): Uint8Array =>
  record(
    eventAt(seconds, 0)
      .tag(EVENT.fileVersion, WireType.LengthDelimited)
      .string("brain.Event:2")
      .finish(),
  );

/** Tags in TensorBoard's groups. */
const tagOf = (name: string): string => {
  if (name === "learningRate") return "epoch/learningRate";
  if (name.startsWith("train")) return `train/${name.slice(5).toLowerCase()}`;
  return `validation/${name.startsWith("validation") ? name.slice(10).toLowerCase() : name}`;
};

/**
 * Scalars for TensorBoard: loss and learning rate of steps ("step/…"), and every figure of an epoch
 * ("train/…", "validation/…"), all over steps. The bytes of one file; its name must contain
 * "tfevents" (events.out.tfevents.1). `now` gives milliseconds, the clock's unless given.
 */
export function tensorBoardLog(
  write: WriteBytes,
  options: LogOptions & { now?: () => number } = {},
): Listener {
  checkEvery("tensorBoardLog", options);
  const { now = () => Date.now() } = options;
  let [headed, at] = [false, 0];
  const put = async (values: Readonly<Record<string, number>>): Promise<void> => {
    const seconds = now() / 1000;
    if (!headed) await write(header(seconds));
    headed = true;
    await write(scalars(seconds, at, values));
  };
  return {
    async step(p) {
      at = p.step;
      if (isTold(p, options))
        await put({ "step/loss": p.loss, "step/learningRate": p.learningRate });
    },
    async epoch(e) {
      await put(
        Object.fromEntries(
          Object.entries(figuresOf(e)).map(([name, value]) => [tagOf(name), value]),
        ),
      );
    },
  };
}
