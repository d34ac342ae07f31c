// What PyTorch's exporter writes computes what PyTorch does (test/fixtures/pytorch_onnx.py).
import { readFileSync } from "node:fs";
import { unzipSync } from "fflate";
import { afterAll, describe, expect, it } from "vitest";
import { readNpyArray } from "fiducial/data";
import { GraphBuilder, openBackend, ops } from "fiducial/engine";
import { applyNetwork, applyOnnx, importOnnx, networkFromOnnx } from "fiducial/learning";

const files = unzipSync(readFileSync(new URL("./fixtures/onnx-exports.zip", import.meta.url)));
const backend = await openBackend("wasm", { threads: 1 });
afterAll(() => backend.close());

function array(name: string): { shape: readonly number[]; data: Float32Array } {
  const { shape, at } = readNpyArray(files[name], name);
  const size = shape.reduce((p, q) => p * q, 1);
  const data = Float32Array.from({ length: size }, (_, i) => {
    let rest = i;
    const index = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return at(index);
  });
  return { shape, data };
}
const imported = (name: string) => importOnnx(files[name], { name });

describe("exported networks compute what they did", () => {
  it.each(Object.keys(files).filter((name) => name.endsWith(".onnx")))("%s", async (name) => {
    const folder = name.split("/")[0];
    const [x, y] = [array(`${folder}/x.npy`), array(`${folder}/y.npy`)];
    const b = new GraphBuilder(ops);
    const [output] = applyOnnx(b, imported(name), { x: b.input("x", x.shape) }).outputs;
    expect(output.shape).toEqual(y.shape);
    b.output("y", output.value());
    const found = await (await backend.compile(b)).execute({ x: x.data });
    const size = Math.max(...y.data.map(Math.abs));
    found.y.forEach((v, i) => {
      expect(Math.abs(v - y.data[i])).toBeLessThan(1e-4 * size);
    });
  });
});

describe("sizes that tracing has fixed", () => {
  const at = (name: string, size: readonly number[]): unknown => {
    const b = new GraphBuilder(ops);
    return applyOnnx(b, imported(name), { x: b.input("x", size) }).outputs[0].shape;
  };
  it("an even trace runs at other even sizes, and says which node does not fit at an odd one", () => {
    expect(at("unet/opset-16.onnx", [1, 1, 24, 20])).toEqual([1, 1, 24, 20]);
    expect(() => at("unet/opset-16.onnx", [1, 1, 18, 18])).toThrow(
      /node ".*" \(Concat\): .*sizes may be fixed/,
    );
  });
  it("a trace with an odd level runs at its like alone", () => {
    expect(at("unet-odd/opset-16.onnx", [1, 1, 22, 26])).toEqual([1, 1, 22, 26]);
    expect(() => at("unet-odd/opset-16.onnx", [1, 1, 16, 16])).toThrow(/\(Concat\)/);
  });
});

describe("what is trained", () => {
  it("is what layers read as weights, less what is said to be none", () => {
    const { weights } = imported("unrolled/opset-16.onnx");
    const name = "unrolled/opset-16.onnx";
    const some = importOnnx(files[name], {
      name,
      isWeight: (tensor) => tensor.startsWith("body."),
    });
    expect([...some.weights.keys()].sort()).toEqual(
      [0, 1]
        .flatMap((i) =>
          [0, 2].flatMap((j) => ["bias", "weight"].map((part) => `body.${i}.${j}.${part}`)),
        )
        .sort(),
    );
    expect(weights.size).toBeGreaterThan(some.weights.size);
  });
  it("a network of such a file has its parameters under their names", () => {
    const network = networkFromOnnx(imported("unet/opset-11.onnx"), { input: [1, 16, 16] });
    expect(network.parameters.has("0.onnx.down.0.0.weight")).toBe(true);
    const b = new GraphBuilder(ops);
    expect(applyNetwork(b, network, b.input("x", [2, 1, 16, 16])).y.shape).toEqual([2, 1, 16, 16]);
  });
});
