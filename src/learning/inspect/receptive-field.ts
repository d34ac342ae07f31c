// Which pixels one cell of a layer sees, and how far outputs move when the image is shifted.
import {
  ConfigError,
  formatShape,
  GraphBuilder,
  ops,
  type Backend,
  type Catalogue,
  type HostData,
  type Node,
  type Value,
} from "../../engine/index.ts";
import { applyNetwork, type Network } from "../nn/network.ts";

type Range = readonly [number, number];
/** Rows and columns of the input, first and last; undefined where nothing of the input is seen. */
export interface Field {
  readonly rows: Range;
  readonly columns: Range;
}

/**
 * What of an input's axis the cells `out` of an op's output depend on; axis 0 is rows, 1 columns.
 */
function seen(
  node: Node & { kind: "op" },
  input: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  out: Range,
  axis: 0 | 1,
): Range | undefined {
  const from = shapes[input];
  const n = from[2 + axis];
  const clip = ([a, b]: Range): Range | undefined =>
    b < 0 || a >= n ? undefined : [Math.max(0, a), Math.min(n - 1, b)];
  switch (node.op) {
    case "conv2d": {
      if (input === "w") return undefined;
      const a = node.attrs as Catalogue["conv2d"]["attrs"];
      const reach = (shapes.w[2 + axis] - 1) * a.dilation[axis];
      return clip([out[0] * a.stride[axis] - a.padding[axis], out[1] * a.stride[axis] - a.padding[axis] + reach]);
    }
    case "conv_transpose2d": {
      if (input === "w") return undefined;
      const a = node.attrs as Catalogue["conv_transpose2d"]["attrs"];
      const reach = (shapes.w[2 + axis] - 1) * a.dilation[axis];
      return clip([
        Math.ceil((out[0] + a.padding[axis] - reach) / a.stride[axis]),
        Math.floor((out[1] + a.padding[axis]) / a.stride[axis]),
      ]);
    }
    case "max_pool2d":
    case "avg_pool2d": {
      const a = node.attrs as Catalogue["max_pool2d"]["attrs"];
      return clip([
        out[0] * a.stride[axis] - a.padding[axis],
        out[1] * a.stride[axis] - a.padding[axis] + a.kernel[axis] - 1,
      ]);
    }
    case "take": {
      const a = node.attrs as Catalogue["take"]["attrs"];
      if (a.axis !== 2 + axis) return out;
      const used = a.indices.slice(out[0], out[1] + 1);
      return [Math.min(...used), Math.max(...used)];
    }
    case "pad": {
      const a = node.attrs as Catalogue["pad"]["attrs"];
      return clip([out[0] - a.before[2 + axis], out[1] - a.before[2 + axis]]);
    }
    default:
      // elementwise: cell by cell; anything else may see everything
      return from.length === 4 &&
        node.shape.length === 4 &&
        from[2 + axis] === node.shape[2 + axis] &&
        !["normalize", "transpose", "matmul", "roll"].includes(node.op)
        ? out
        : [0, n - 1];
  }
}

/**
 * The box of the pixels that cell (row, column) of a layer can see (with dilated or strided kernels
 * some in it, and at its rim, are holes) through convolutions and pools; normalisation in training,
 * and linear layers, see the whole image. Throws ConfigError for a layer or cell that is not there.
 */
export function receptiveField(network: Network, options: { layer: string; row: number; column: number }): Field {
  const { layer, row, column } = options;
  const b = new GraphBuilder(ops);
  const x = b.input("x", [1, ...network.architecture.input]);
  const [, , H, W] = x.shape;
  let target: Value | undefined;
  const names: string[] = [];
  applyNetwork(b, network, x, {
    onLayer: (name, _kind, y) => {
      names.push(name);
      if (name === layer) target = y;
    },
  });
  if (target === undefined)
    throw new ConfigError(`receptiveField: there is no layer "${layer}"; there are ${names.join(", ")}`, { layer });
  const { shape } = target;
  if (shape.length !== 4) return { rows: [0, H - 1], columns: [0, W - 1] };
  if (!(row >= 0 && row < shape[2] && column >= 0 && column < shape[3]))
    throw new ConfigError(
      `receptiveField: ${layer} is ${formatShape(shape.slice(1))}, it has no cell ${row}, ${column}`,
      { layer, row, column },
    );
  const fields = new Map<number, [Range, Range]>([
    [
      target.id,
      [
        [row, row],
        [column, column],
      ],
    ],
  ]);
  const join = (p: Range | undefined, q: Range): Range => (p ? [Math.min(p[0], q[0]), Math.max(p[1], q[1])] : q);
  for (let id = target.id; id > x.id; id--) {
    const field = fields.get(id);
    const node = b.nodes[id];
    if (!field || node.kind !== "op") continue;
    const shapes = Object.fromEntries(Object.entries(node.inputs).map(([name, i]) => [name, b.nodes[i].shape]));
    for (const [name, i] of Object.entries(node.inputs)) {
      if (b.nodes[i].kind === "parameter" || b.nodes[i].kind === "constant") continue;
      if (b.nodes[i].shape.length !== 4) {
        fields.set(i, [
          [0, H - 1],
          [0, W - 1],
        ]);
        continue;
      }
      const [rows, columns] = [seen(node, name, shapes, field[0], 0), seen(node, name, shapes, field[1], 1)];
      if (!rows || !columns) continue;
      const before = fields.get(i);
      fields.set(i, [join(before?.[0], rows), join(before?.[1], columns)]);
    }
  }
  const [rows, columns] = fields.get(x.id) ?? [
    [0, -1],
    [0, -1],
  ];
  return { rows, columns };
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
      for (const [dy, dx] of [
        [0, shift],
        [shift, 0],
      ]) {
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
