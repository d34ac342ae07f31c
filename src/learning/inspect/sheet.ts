// Sheets: many small pictures in one, each on its own scale from black to white.
import {
  ConfigError,
  gradients,
  GraphBuilder,
  ops,
  type Backend,
  type Shape,
} from "../../engine/index.ts";
import { applyNetwork, type Network } from "../nn/network.ts";
import type { Tensor } from "./trace.ts";

export interface Sheet {
  readonly shape: readonly [number, number] /** 0 black, 1 white */;
  readonly values: Float32Array;
}
type Picture = {
  readonly height: number;
  readonly width: number;
  readonly at: (row: number, column: number) => number;
};

/** Names of those that are images or kernels. */
function ofFourAxes(named: ReadonlyMap<string, { readonly shape: Shape }>): string {
  const found = [...named].filter(([, { shape }]) => shape.length === 4);
  return found.map(([name]) => name).join(", ");
}

function arrange(rows: readonly (readonly Picture[])[], zoom: (p: Picture) => number): Sheet {
  const gap = 2;
  const widthOf = (row: readonly Picture[]): number =>
    row.reduce((n, p) => n + p.width * zoom(p) + gap, gap);
  const heightOf = (row: readonly Picture[]): number =>
    Math.max(0, ...row.map((p) => p.height * zoom(p))) + gap;
  const [height, width] = [
    rows.reduce((n, r) => n + heightOf(r), gap),
    Math.max(1, ...rows.map(widthOf)),
  ];
  const values = new Float32Array(height * width).fill(0.25);
  let top = gap;
  for (const row of rows) {
    let left = gap;
    for (const p of row) {
      const z = zoom(p);
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let i = 0; i < p.height; i++)
        for (let j = 0; j < p.width; j++) {
          low = Math.min(low, p.at(i, j));
          high = Math.max(high, p.at(i, j));
        }
      for (let i = 0; i < p.height * z; i++)
        for (let j = 0; j < p.width * z; j++)
          values[(top + i) * width + left + j] =
            high > low ? (p.at(Math.floor(i / z), Math.floor(j / z)) - low) / (high - low) : 0.5;
      left += p.width * z + gap;
    }
    top += heightOf(row);
  }
  return { shape: [height, width], values };
}
function inRows<T>(items: readonly T[], n: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / n) }, (_, i) =>
    items.slice(i * n, (i + 1) * n),
  );
}

/**
 * The feature maps of a trace, first sample: sixteen to a row, every layer on rows of its own.
 * Layers that are no images are left out.
 */
export function featureSheet(traced: ReadonlyMap<string, Tensor>): Sheet {
  const rows = [...traced.values()]
    .filter((t) => t.shape.length === 4)
    .flatMap(({ shape: [, C, H, W], data }) =>
      inRows(
        Array.from(
          { length: C },
          (_, c): Picture => ({ height: H, width: W, at: (i, j) => data[(c * H + i) * W + j] }),
        ),
        16,
      ),
    );
  // small maps are enlarged to at least 28 pixels
  return arrange(rows, (p) => Math.max(1, Math.floor(28 / p.height)));
}
/**
 * The learned kernels of a convolution, one row per output channel. Throws ConfigError where the
 * parameter is none.
 */
export function kernelSheet(network: Network, parameter: string): Sheet {
  const p = network.parameters.get(parameter);
  if (p?.shape.length !== 4)
    throw new ConfigError(
      `kernelSheet: "${parameter}" is no convolution's weight; there are ${ofFourAxes(network.parameters)}`,
      { parameter },
    );
  const [out, C, h, w] = p.shape;
  const rows = Array.from({ length: out }, (_, o) =>
    Array.from(
      { length: C },
      (_, c): Picture => ({
        height: h,
        width: w,
        at: (i, j) => p.data[((o * C + c) * h + i) * w + j],
      }),
    ),
  );
  return arrange(C === 1 ? inRows(rows.flat(), 8) : rows, () => 8);
}

/**
 * |∂ output of the class / ∂ pixel|, the largest over the channels, [H,W]. Source: Simonyan,
 * Vedaldi, Zisserman 2014.
 */
export async function saliency(
  network: Network,
  options: { input: ArrayLike<number>; output: number; backend: Backend },
): Promise<Tensor> {
  const { input, output, backend } = options;
  const [C, H, W] = network.architecture.input;
  const b = new GraphBuilder(ops);
  const x = b.input("x", [1, C, H, W]);
  const { y } = applyNetwork(b, network, x);
  if (!(output >= 0 && output < y.shape[1]))
    throw new ConfigError(`saliency: there is no output ${output}; there are ${y.shape[1]}`, {
      output,
    });
  const one = b.emit(
    "sum",
    { x: b.emit("slice", { x: y }, { start: [0, output], end: [1, output + 1] }) },
    { axes: [0, 1] },
  );
  b.output("g", gradients(b, one, [x])[0]);
  const { g } = await (await backend.compile(b)).execute({ x: input });
  return {
    shape: [H, W],
    data: Float64Array.from({ length: H * W }, (_, i) =>
      Math.max(...Array.from({ length: C }, (_, c) => Math.abs(g[c * H * W + i]))),
    ),
  };
}
/**
 * Grad-CAM: max(0, Σ_channels w·a) of an image-shaped layer, w the mean over the image of ∂ output
 * / ∂ a, [h,w] of the layer. Source: Selvaraju et al. 2017.
 */
export async function gradCam(
  network: Network,
  options: { input: ArrayLike<number>; output: number; layer: string; backend: Backend },
): Promise<Tensor> {
  const { input, output, layer, backend } = options;
  const b = new GraphBuilder(ops);
  const x = b.input("x", [1, ...network.architecture.input]);
  const layers = new Map<string, { id: number; shape: readonly number[] }>();
  const { y } = applyNetwork(b, network, x, {
    onLayer: (name, _kind, value) => {
      layers.set(name, value);
    },
  });
  const a = layers.get(layer);
  if (a?.shape.length !== 4)
    throw new ConfigError(
      `gradCam: "${layer}" is no layer of images; there are ${ofFourAxes(layers)}`,
      { layer },
    );
  b.output("a", a);
  const one = b.emit(
    "sum",
    { x: b.emit("slice", { x: y }, { start: [0, output], end: [1, output + 1] }) },
    { axes: [0, 1] },
  );
  b.output("g", gradients(b, one, [a])[0]);
  const out = await (await backend.compile(b)).execute({ x: input });
  const [, C, h, w] = a.shape;
  const weight = Array.from({ length: C }, (_, c) => {
    let s = 0;
    for (let i = 0; i < h * w; i++) s += out.g[c * h * w + i];
    return s / (h * w);
  });
  return {
    shape: [h, w],
    data: Float64Array.from({ length: h * w }, (_, i) =>
      Math.max(
        0,
        weight.reduce((s, v, c) => s + v * out.a[c * h * w + i], 0),
      ),
    ),
  };
}
