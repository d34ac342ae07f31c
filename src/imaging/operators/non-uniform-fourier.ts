// MR sampling off the grid: the non-uniform Fourier transform.
import {
  arithmetic,
  ConfigError,
  present,
  type GraphBuilder,
  type Value,
} from "../../engine/index.ts";
import { maybe } from "../checks.ts";
import type { OperatorDefinition } from "./catalogue.ts";
import { densityCompensation, kaiserBessel } from "./kaiser-bessel.ts";
import type { Operator } from "./operator.ts";
import { checkValue } from "./sizes.ts";
import { aNumber, aShape, type Arrays } from "./spec.ts";
import { normalOf, normByLanczos } from "./toeplitz.ts";
import { aTrajectory, openTrajectory, type TrajectorySpec } from "./trajectories.ts";

export type NonUniformFourier = {
  /** [height, width] */
  readonly shape: readonly [number, number];
  readonly trajectory: TrajectorySpec;
  /** How much finer the grid is that samples are interpolated from (2). */
  readonly oversampling?: number;
  /** Cells of that grid that a sample is interpolated from, along each axis (6). */
  readonly width?: number;
};

function checkKernel(oversampling: number, width: number): void {
  if (!(oversampling >= 1.1 && oversampling <= 4) || !(width >= 2 && width <= 12))
    throw new ConfigError(
      `nonUniformFourier: oversampling ${oversampling} and width ${width}; give 1.1 to 4 and 2 to 12`,
      { oversampling, width },
    );
}

/**
 * y_m = (HW)^−½ Σ x_n e^(−2πi k_m·n/N) of complex images [2,H,W], n counted from ⌊N/2⌋, at the
 * samples of a trajectory: [2,readouts,samples]. Computed on a grid σ times as fine, interpolated
 * by Kaiser and Bessel's kernel; at σ = 2 and 6 cells it is within 2e-6 of the sum, and A* is
 * exactly its adjoint. Its first image is gridded with density compensation. Throws ConfigError for
 * options out of range, FormatError for a trajectory that is not given. Source: Fessler & Sutton,
 * IEEE TSP 2003; Beatty et al. 2005.
 */
export function nonUniformFourier(
  options: NonUniformFourier,
  arrays: Arrays = new Map(),
): Operator {
  const { shape, trajectory, oversampling = 2, width = 6 } = options;
  checkKernel(oversampling, width);
  const name = "nonUniformFourier";
  const [H, W] = shape;
  const { counts, frequencies } = openTrajectory(trajectory, shape, arrays);
  const kernel = kaiserBessel(shape, frequencies, { oversampling, width });
  const { grid, matrix } = kernel;
  const [domain, range] = [
    [2, H, W],
    [2, ...counts],
  ];
  // the engine's transform is orthonormal on the finer grid
  const scale = Math.sqrt((grid[0] * grid[1]) / (H * W));
  const pixels = kernel.apodisation.map((v) => v * scale);
  const before = [0, 1].map((axis) => Math.floor(grid[axis] / 2) - Math.floor(shape[axis] / 2));
  const end = [0, 1].map((axis) => before[axis] + shape[axis]);
  const adjoint = (b: GraphBuilder, y: Value): Value => {
    checkValue(name, "measurement", y, range);
    const { mul, reshape } = arithmetic(b);
    const N = y.shape[0];
    const flat = b.emit(
      "sparse_matmul",
      { x: reshape(y, [N, 2, matrix.rows]) },
      { matrix: matrix.transposed },
    );
    const whole = b.emit("fft2", { x: reshape(flat, [N, 2, ...grid]) }, { inverse: true });
    const image = b.emit("slice", { x: whole }, { start: [0, 0, ...before], end: [N, 2, ...end] });
    return mul(image, b.constant(pixels, [H, W]));
  };
  let weights: Float64Array | undefined;
  return {
    name,
    domain,
    range,
    measured: new Uint8Array(2 * matrix.rows).fill(1),
    norm: normByLanczos(normalOf(shape, frequencies), H * W),
    meanSquare: matrix.rows / (H * W),
    frequencies: () => frequencies,
    spec: { kind: name, ...options },
    description: {
      kind: name,
      height: H,
      width: W,
      ...described(options),
      readouts: counts[0],
      samples: counts[1],
    },
    forward(b, x) {
      checkValue(name, "image", x, domain);
      const { mul, reshape } = arithmetic(b);
      const N = x.shape[0];
      const after = [grid[0] - end[0], grid[1] - end[1]];
      const apodised = mul(x, b.constant(pixels, [H, W]));
      const padded = b.emit(
        "pad",
        { x: apodised },
        { before: [0, 0, ...before], after: [0, 0, ...after] },
      );
      const k = b.emit("fft2", { x: padded }, { inverse: false });
      const y = b.emit("sparse_matmul", { x: reshape(k, [N, 2, grid[0] * grid[1]]) }, { matrix });
      return reshape(y, [N, ...range]);
    },
    adjoint,
    initial(b, y) {
      weights ??= densityCompensation(kernel, oversampling);
      return adjoint(b, arithmetic(b).mul(y, b.constant(weights, [...counts])));
    },
  };
}

/** The trajectory as flat facts, for a result file. */
function described({
  trajectory,
  oversampling,
  width,
}: NonUniformFourier): Record<string, string | number> {
  const facts = trajectory.kind === "file" ? { trajectorySha256: trajectory.sha256 } : {};
  const turns = trajectory.kind === "spiral" ? trajectory.turns : undefined;
  return present({
    samplingKind: trajectory.kind,
    ...facts,
    turns,
    oversampling,
    kernelWidth: width,
  });
}

export const nonUniformFourierDefinition: OperatorDefinition<"nonUniformFourier"> = {
  fields: {
    shape: aShape,
    trajectory: aTrajectory,
    oversampling: maybe(aNumber),
    width: maybe(aNumber),
  },
  open: nonUniformFourier,
  samples: [
    { shape: [8, 9], trajectory: { kind: "radial", spokes: 5, samples: 16 } },
    {
      shape: [9, 6],
      trajectory: { kind: "spiral", arms: 3, samples: 40, turns: 2 },
      oversampling: 1.5,
      width: 4,
    },
  ],
};
