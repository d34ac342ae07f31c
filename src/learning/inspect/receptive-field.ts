// Which pixels one cell of a layer sees, and how far outputs move when the image is shifted.
import {
  ConfigError,
  formatShape,
  GraphBuilder,
  ops,
  type Backend,
  type HostData,
  type Value,
} from "../../engine/index.ts";
import { applyNetwork, type Network } from "../nn/network.ts";
import { identityPhysics } from "../nn/scope.ts";
import { fieldsAlong } from "./fields.ts";

type Range = readonly [number, number];
/** Rows and columns of the input, first and last. */
export interface Field {
  readonly rows: Range;
  readonly columns: Range;
}

/**
 * The box of the pixels that cell (row, column) of a layer can depend on; with dilated kernels some
 * in it are holes. Normalisation over an image, and linear layers, see all of it. [0, −1] where
 * nothing of the input is seen. Throws ConfigError for a layer or cell that is not there.
 */
export function receptiveField(
  network: Network,
  options: { layer: string; row: number; column: number },
): Field {
  const { layer, row, column } = options;
  const b = new GraphBuilder(ops);
  const x = b.input("x", [1, ...network.architecture.input]);
  const [, , H, W] = x.shape;
  let target: Value | undefined;
  const names: string[] = [];
  applyNetwork(b, network, x, {
    physics: identityPhysics(x),
    onLayer: (name, _kind, y) => {
      names.push(name);
      if (name === layer) target = y;
    },
  });
  if (target === undefined)
    throw new ConfigError(
      `receptiveField: there is no layer "${layer}"; there are ${names.join(", ")}`,
      { layer },
    );
  const { shape } = target;
  if (shape.length !== 4) return { rows: [0, H - 1], columns: [0, W - 1] };
  if (!(row >= 0 && row < shape[2] && column >= 0 && column < shape[3]))
    throw new ConfigError(
      `receptiveField: ${layer} is ${formatShape(shape.slice(1))}, it has no cell ${row}, ${column}`,
      { layer, row, column },
    );
  const along = (axis: 0 | 1, cell: number): Range => {
    const seen = fieldsAlong(b, x, axis, { statistics: true }).get(target!.id) ?? "all";
    if (seen === "all") return [0, x.shape[2 + axis] - 1];
    return seen.low[cell] > seen.high[cell] ? [0, -1] : [seen.low[cell], seen.high[cell]];
  };
  return { rows: along(0, row), columns: along(1, column) };
}

export interface ShiftInvariance {
  readonly shift: number;
  /** Mean over images of ‖f(shifted x) − f(x)‖ / ‖f(x)‖; 0 is invariance. */
  readonly change: number;
}

/**
 * How far a network's outputs move when its images move by so many pixels, to the right and down in
 * turn, with what leaves on one side coming back on the other.
 */
export async function measureShiftInvariance(
  network: Network,
  options: { images: readonly ArrayLike<number>[]; shifts: readonly number[]; backend: Backend },
): Promise<ShiftInvariance[]> {
  const { images, shifts, backend } = options;
  const [C, H, W] = network.architecture.input;
  if (network.architecture.input.length !== 3 || images.length === 0)
    throw new ConfigError(
      `measureShiftInvariance: it needs a network of images and at least one image, got ${formatShape(network.architecture.input)} and ${images.length}`,
      {},
    );
  const b = new GraphBuilder(ops);
  b.output("y", applyNetwork(b, network, b.input("x", [1, C, H, W])).y);
  const plan = await backend.compile(b);
  const moved = (x: ArrayLike<number>, dy: number, dx: number): Float32Array =>
    Float32Array.from({ length: C * H * W }, (_, i) => {
      const [c, r, q] = [Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W];
      return x[(c * H + ((((r - dy) % H) + H) % H)) * W + ((((q - dx) % W) + W) % W)];
    });
  const output = async (x: ArrayLike<number>): Promise<HostData> => (await plan.execute({ x })).y;
  const measured: ShiftInvariance[] = [];
  for (const shift of shifts) {
    let total = 0;
    for (const x of images) {
      const still = await output(x);
      let size = 1e-30;
      for (const v of still) size += v * v;
      const ways = [[0, shift] as const, [shift, 0] as const];
      for (const [dy, dx] of ways) {
        let change = 0;
        (await output(moved(x, dy, dx))).forEach((v, i) => {
          change += (v - still[i]) ** 2;
        });
        total += Math.sqrt(change / size) / (2 * images.length);
      }
    }
    measured.push({ shift, change: total });
  }
  return measured;
}
