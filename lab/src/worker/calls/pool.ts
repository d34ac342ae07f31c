// Section 5: pooling, what of it reaches back, and how far it forgives a shift.
import { arithmetic, gradients, GraphBuilder, ops, type Value } from "fiducial/engine";
import { strokeDigits } from "fiducial/data";
import { measureShiftInvariance, nn, type ShiftInvariance } from "fiducial/learning";
import { exactly, quickly } from "../engine.ts";

export type PoolKind = "max" | "average";
export interface Pooled {
  /** Side of the pooled image. */
  readonly side: number;
  readonly shifted: ArrayLike<number>;
  readonly still: ArrayLike<number>;
  readonly moved: ArrayLike<number>;
  /** moved − still */
  readonly difference: ArrayLike<number>;
  /** ∂ chosen output / ∂ every pixel of the image that was not shifted. */
  readonly gradient: ArrayLike<number>;
  /** ‖moved − still‖ / ‖still‖ of the image, and of what is pooled. */
  readonly imageChange: number;
  readonly change: number;
}
export async function poolShift(asked: {
  image: readonly number[];
  side: number;
  kind: PoolKind;
  size: number;
  shift: number;
  row: number;
  column: number;
}): Promise<Pooled> {
  const { image, side, kind, size, shift, row, column } = asked;
  const b = new GraphBuilder(ops);
  const { div, mul, sqrt, square, sub, sum } = arithmetic(b);
  const attributes = { kernel: [size, size], stride: [size, size], padding: [0, 0] } as const;
  const pool = (x: Value): Value =>
    b.emit(kind === "max" ? "max_pool2d" : "avg_pool2d", { x }, attributes);
  const norm = (x: Value): Value => sqrt(sum(square(x)));
  const x = b.input("x", [1, 1, side, side]);
  const chosen = b.input("chosen", pool(x).shape);
  const shifted = b.emit("roll", { x }, { axis: 3, shift });
  const [still, moved] = [pool(x), pool(shifted)];
  const [gradient] = gradients(b, sum(mul(still, chosen)), [x]);
  const outputs = {
    ...{ shifted, still, moved, difference: sub(moved, still), gradient },
    ...{
      imageChange: div(norm(sub(shifted, x)), norm(x)),
      change: div(norm(sub(moved, still)), norm(still)),
    },
  };
  for (const [name, value] of Object.entries(outputs)) b.output(name, value);
  const pooledSide = still.shape[2];
  const one = Array.from({ length: pooledSide ** 2 }, (_, i) =>
    i === row * pooledSide + column ? 1 : 0,
  );
  const out = await (await (await exactly()).compile(b)).execute({ x: image, chosen: one });
  const { imageChange, change, ...planes } = out as typeof out &
    Record<keyof typeof outputs, Float64Array>;
  return { side: pooledSide, ...planes, imageChange: imageChange[0], change: change[0] };
}

export interface Invariance {
  readonly name: string;
  readonly measured: readonly ShiftInvariance[];
}
/** How much the answers of a convolution change when digits move, with more and more pooling. */
export async function poolInvariance({ kind }: { kind: PoolKind }): Promise<Invariance[]> {
  const digits = strokeDigits({ count: 12, seed: 1 });
  const images = Array.from({ length: digits.length }, (_, i) => {
    const pixels = new Float32Array(784);
    digits.pixels(i, pixels);
    return pixels;
  });
  const convolution = nn.conv2d({
    outChannels: 8,
    kernelSize: 5,
    padding: "same",
    paddingMode: "circular",
  });
  const pool = kind === "max" ? nn.maxPool2d : nn.avgPool2d;
  const whole = kind === "max" ? nn.globalMaxPool2d() : nn.globalAvgPool2d();
  const layers = {
    "no pooling": [],
    "2×2": [pool({ kernelSize: 2 })],
    "4×4": [pool({ kernelSize: 4 })],
    "whole image": [whole],
  };
  const backend = await quickly();
  const all: Invariance[] = [];
  for (const [name, pools] of Object.entries(layers)) {
    const network = nn.sequential({
      input: [1, 28, 28],
      seed: 1,
      layers: [convolution, nn.relu(), ...pools],
    });
    const shifts = [0, 1, 2, 3, 4];
    all.push({
      name,
      measured: await measureShiftInvariance(network, { images, shifts, backend }),
    });
  }
  return all;
}
