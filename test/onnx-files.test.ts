// ONNX files that are damaged, hostile or beyond what is read: one line each, and quickly.
import { describe, expect, it } from "vitest";
import { FiducialError, FormatError, GraphBuilder, ops, UnsupportedOpError } from "fiducial/engine";
import { applyOnnx, importOnnx, type ImportOptions } from "fiducial/learning";
import {
  bytes,
  graph,
  join,
  model,
  node,
  port,
  smallNetwork,
  tensor,
  types,
  varint,
  whole,
} from "./fixtures/onnx.mjs";

function refusal(file: Uint8Array, options: ImportOptions = {}): FiducialError {
  const [begun, clock] = [process.cpuUsage(), performance.now()];
  try {
    importOnnx(file, { name: "net.onnx", ...options });
  } catch (error) {
    // the processor's time holds that of other threads, the wall's that of other programs
    const { user, system } = process.cpuUsage(begun);
    expect(Math.min((user + system) / 1000, performance.now() - clock)).toBeLessThan(2000);
    expect(error).toBeInstanceOf(FiducialError);
    expect((error as Error).message).not.toContain("\n");
    return error as FiducialError;
  }
  throw new Error("it was read");
}
const x = port("x", [1, 2, 4, 4]);
const relu = node("Relu", ["x"], ["y"]);
const plain = { inputs: [x], outputs: [port("y", [1, 2, 4, 4])] };

describe("a hostile file is one line", () => {
  const many = (field: number, count: number): Uint8Array => {
    const all = new Uint8Array(2 * count);
    for (let i = 0; i < count; i++) all[2 * i] = field * 8 + 2;
    return all;
  };
  let deep = graph({ nodes: [relu], ...plain });
  for (let depth = 0; depth < 60; depth++)
    deep = graph({ nodes: [node("If", ["x"], ["y"], { then_branch: { graph: deep } })], ...plain });
  const lied = (length: bigint): Uint8Array =>
    join([varint(7 * 8 + 2), varint(length), new Uint8Array(9)]);
  const cases: Record<string, Uint8Array> = {
    "nothing at all": new Uint8Array(0),
    "no protobuf": new TextEncoder().encode("<html>404 Not Found</html>"),
    "a cut file": smallNetwork().subarray(0, 500),
    "8 MB of empty nodes": bytes(7, many(1, 2 ** 22)),
    "8 MB of empty names": bytes(7, bytes(1, many(1, 2 ** 22))),
    "a length of 2⁶³": lied(2n ** 63n),
    "a length of 2³² + 9, of which 9 are there": lied(2n ** 32n + 9n),
    "a varint without an end": new Uint8Array(1000).fill(255),
    "graphs in graphs": model({
      nodes: [node("If", ["x"], ["y"], { then_branch: { graph: deep } })],
      ...plain,
    }),
    "groups in groups": new Uint8Array(1e5).fill(35 * 8 + 3),
    "dims of 10¹²": model({
      nodes: [relu],
      ...plain,
      tensors: [join([whole(1, 1e12), whole(2, 1), bytes(8, "w")])],
    }),
    "negative dims": model({
      nodes: [relu],
      ...plain,
      tensors: [join([whole(1, -4), whole(2, 1), bytes(8, "w")])],
    }),
    "dims whose product overflows": model({
      nodes: [relu],
      ...plain,
      tensors: [
        join([
          whole(1, 2n ** 31n),
          whole(1, 2n ** 31n),
          whole(1, 2n ** 31n),
          whole(2, 1),
          bytes(8, "w"),
        ]),
      ],
    }),
    "a node that reads itself": model({ nodes: [node("Add", ["x", "y"], ["y"])], ...plain }),
    "nodes that read one another": model({
      nodes: [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])],
      ...plain,
      outputs: [port("b", [1])],
    }),
    "two values of one name": model({ nodes: [relu, node("Tanh", ["x"], ["y"])], ...plain }),
    "two tensors of one name": model({
      nodes: [relu],
      ...plain,
      tensors: [tensor("w", [1], [1]), tensor("w", [1], [2])],
    }),
    "no output": model({ nodes: [relu], inputs: [x] }),
    "an output that nothing makes": model({ nodes: [relu], ...plain, outputs: [port("z", [1])] }),
  };
  for (const [name, file] of Object.entries(cases))
    it(name, () => {
      expect(refusal(file)).toBeInstanceOf(FormatError);
    });
});

describe("tensors in other files", () => {
  const entry = (key: string, value: string): Uint8Array =>
    bytes(13, join([bytes(1, key), bytes(2, value)]));
  const stored = (location: string, more: Uint8Array[] = []): Uint8Array =>
    join([
      whole(1, 2),
      whole(2, types.float32),
      bytes(8, "w"),
      entry("location", location),
      ...more,
      whole(14, 1),
    ]);
  const file = (location: string, more: Uint8Array[] = []): Uint8Array =>
    model({
      inputs: [port("x", [1, 2])],
      outputs: [port("y", [1, 2])],
      nodes: [node("Add", ["x", "w"], ["y"])],
      tensors: [stored(location, more)],
    });
  const beside = new Uint8Array(Float32Array.of(7, 3, 4, 5).buffer);
  it("are read by their path, from their offset", () => {
    const asked: string[] = [];
    const readExternal = (path: string): Uint8Array => {
      asked.push(path);
      return beside;
    };
    const imported = importOnnx(file("data/w.bin", [entry("offset", "4"), entry("length", "8")]), {
      readExternal,
    });
    expect([...imported.weights.get("w")!.data]).toEqual([3, 4]);
    expect(asked).toEqual(["data/w.bin"]);
  });
  it.each([
    "../w.bin",
    "a/../../w.bin",
    "/etc/passwd",
    "C:\\w.bin",
    "\\\\host\\w.bin",
    "a\\..\\..\\w.bin",
    "",
  ])("outside of the model's folder are never asked for: %j", (location) => {
    const readExternal = (): never => {
      throw new Error("asked");
    };
    expect(refusal(file(location), { readExternal }).message).toContain(
      "not in the model's folder",
    );
  });
  it("that are missing, too short or not given are named", () => {
    expect(refusal(file("w.bin"), { readExternal: () => undefined }).message).toContain(
      '"w.bin", which is not there',
    );
    expect(refusal(file("w.bin"), { readExternal: () => beside.subarray(0, 4) }).message).toContain(
      "has 4 bytes",
    );
    expect(
      refusal(file("w.bin", [entry("offset", "-8")]), { readExternal: () => beside }).message,
    ).toContain("from -8");
    expect(refusal(file("w.bin")).message).toContain("no other file was given");
  });
});

describe("what is not read", () => {
  it("is listed all at once, by node, op and attribute", () => {
    const file = model({
      ...plain,
      nodes: [
        node("NonMaxSuppression", ["x"], ["a"], {}, "boxes"),
        node("Relu", ["a"], ["b"], { twist: 1 }, "twisted"),
        node("Cast", ["b"], ["c"], { to: 8 }, "words"),
        node("LSTM", ["c"], ["y"], {}, "memory"),
      ],
    });
    const error = refusal(file);
    expect(error).toBeInstanceOf(UnsupportedOpError);
    for (const part of [
      '"boxes" (NonMaxSuppression)',
      '"twist"',
      "a cast to string",
      '"memory" (LSTM)',
    ])
      expect(error.message).toContain(part);
    expect(error.data.faults).toHaveLength(4);
  });
  it("control characters of a file never reach the terminal", () => {
    const file = model({
      ...plain,
      nodes: [node("Esc\u001b[2J", ["x"], ["y"], { "\u001b": 1 }, "\u0007")],
    });
    expect(refusal(file).message).not.toMatch(/\p{Cc}/u);
  });
});

describe("sizes that an export has fixed", () => {
  const file = model({
    inputs: [port("x", [1, 1, 4, 4])],
    outputs: [port("y", [1, 16])],
    tensors: [tensor("shape", [2], [1, 16], "int64")],
    nodes: [node("Reshape", ["x", "shape"], ["y"], {}, "flat")],
  });
  it("are said, with the node and what it was given", () => {
    const b = new GraphBuilder(ops);
    const imported = importOnnx(file);
    expect(applyOnnx(b, imported, { x: b.input("x", [1, 1, 4, 4]) }).outputs[0].shape).toEqual([
      1, 16,
    ]);
    const other = (): unknown => applyOnnx(b, imported, { x: b.input("large", [1, 1, 6, 5]) });
    expect(other).toThrow(
      /node "flat" \(Reshape\).*\[1×1×6×5\].*export fixed its input "x" at \[1×1×4×4\]/,
    );
  });
});
