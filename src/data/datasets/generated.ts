// Labelled images that need no download: hand-drawn digits, shapes and edges, from a seed.
import { PI, random, sinCos, type Random } from "../../engine/index.ts";
import { keptImages } from "./kept.ts";
import type { LabelledImages } from "./labelled.ts";

type Point = readonly [number, number];
/** Arc about (x, y) from one angle to another, in turns, clockwise on the screen from the right. */
function arc(x: number, y: number, rx: number, ry: number, from: number, to: number): Point[] {
  const n = Math.max(4, Math.ceil(Math.abs(to - from) * 16));
  return Array.from({ length: n + 1 }, (_, i) => {
    const [s, c] = sinCos(2 * PI * (from + ((to - from) * i) / n));
    return [x + rx * c, y + ry * s] as const;
  });
}
/** Pen strokes of the digits in the square from −1 to 1, y downwards. */
const digits: readonly (readonly Point[])[][] = [
  [arc(0, 0, 0.6, 0.95, 0, 1)],
  [
    [
      [-0.35, -0.55],
      [0.1, -0.95],
      [0.1, 0.95],
    ],
  ],
  [[...arc(0, -0.45, 0.55, 0.5, -0.5, 0.08), [-0.55, 0.95], [0.6, 0.95]]],
  [[...arc(-0.05, -0.48, 0.5, 0.47, -0.42, 0.25), ...arc(-0.05, 0.45, 0.6, 0.5, -0.25, 0.42)]],
  [
    [
      [0.3, 0.95],
      [0.3, -0.95],
      [-0.6, 0.35],
      [0.65, 0.35],
    ],
  ],
  [[[0.5, -0.95], [-0.4, -0.95], [-0.45, -0.1], ...arc(-0.05, 0.38, 0.58, 0.57, -0.32, 0.4)]],
  [
    [
      [0.35, -0.95],
      ...arc(0.45, 0.3, 0.98, 1.2, -0.36, -0.5),
      ...arc(0, 0.42, 0.53, 0.53, -0.5, 0.5),
    ],
  ],
  [
    [
      [-0.6, -0.95],
      [0.6, -0.95],
      [-0.1, 0.95],
    ],
  ],
  [arc(0, -0.48, 0.45, 0.47, 0.25, 1.25), arc(0, 0.47, 0.57, 0.48, -0.25, 0.75)],
  [[...arc(0, -0.42, 0.53, 0.53, 0, 1), [0.5, 0.1], [0.2, 0.95]]],
];
const polygon = (corners: number, turn: number): Point[] =>
  Array.from({ length: corners + 1 }, (_, i) => {
    const [s, c] = sinCos(2 * PI * (turn + i / corners));
    return [c, s] as const;
  });
const shapes: Readonly<Record<string, (readonly Point[])[]>> = {
  circle: [arc(0, 0, 0.9, 0.9, 0, 1)],
  square: [polygon(4, 0.125)],
  triangle: [polygon(3, -0.25)],
  cross: [
    [
      [-0.8, -0.8],
      [0.8, 0.8],
    ],
    [
      [-0.8, 0.8],
      [0.8, -0.8],
    ],
  ],
  star: [[0, 2, 4, 1, 3, 0].map((k) => polygon(5, -0.25)[k])],
};

/** Draws strokes with a random slant, size, place, width and wobble, and a little noise. */
function draw(
  strokes: readonly (readonly Point[])[],
  rng: Random,
  size: number,
  out: Float32Array,
): void {
  const between = (a: number, b: number): number => a + (b - a) * rng.uniform();
  const [s, c] = sinCos(between(-0.25, 0.25));
  const [sx, sy, shear] = [
    between(0.24, 0.36) * size,
    between(0.28, 0.38) * size,
    between(-0.2, 0.2),
  ];
  const [cx, cy] = [(size - 1) / 2 + between(-2, 2), (size - 1) / 2 + between(-2, 2)];
  const width = between(0.8, 1.7);
  const wobble = 0.05;
  const segments = strokes.flatMap((stroke) => {
    const points = stroke.map(([px, py]): Point => {
      const [x, y] = [
        (px + shear * py + between(-wobble, wobble)) * sx,
        (py + between(-wobble, wobble)) * sy,
      ];
      return [cx + c * x - s * y, cy + s * x + c * y];
    });
    return points.slice(1).map((to, i) => [points[i], to] as const);
  });
  const ink = between(0.75, 1);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      let nearest = Number.POSITIVE_INFINITY;
      for (const [[x0, y0], [x1, y1]] of segments) {
        const [dx, dy] = [x1 - x0, y1 - y0];
        const t = Math.max(
          0,
          Math.min(1, ((j - x0) * dx + (i - y0) * dy) / Math.max(1e-9, dx * dx + dy * dy)),
        );
        nearest = Math.min(nearest, (x0 + t * dx - j) ** 2 + (y0 + t * dy - i) ** 2);
      }
      const value = ink * Math.max(0, Math.min(1, width + 0.5 - Math.sqrt(nearest)));
      out[i * size + j] = Math.max(0, Math.min(1, value + 0.03 * rng.normal()));
    }
}

function generated(
  options: { count: number; seed: number; size?: number },
  classes: readonly string[],
  paint: (label: number, rng: Random, size: number, out: Float32Array) => void,
): LabelledImages {
  const { count, seed, size = 28 } = options;
  // image i depends on the seed and i alone
  const labelOf = (i: number): number => random(seed).fork(`label ${i}`).integer(classes.length);
  // drawing takes as long as a small network's step: each is drawn once
  return keptImages({
    length: count,
    shape: [1, size, size],
    classes,
    label: labelOf,
    pixels: (i, out) => paint(labelOf(i), random(seed).fork(i), size, out),
  });
}

/** Digits 0 to 9 as a pen would draw them, white on black. */
export function strokeDigits(options: {
  count: number;
  seed: number;
  size?: number;
}): LabelledImages {
  return generated(
    options,
    digits.map((_, i) => String(i)),
    (label, rng, size, out) => draw(digits[label], rng, size, out),
  );
}
/** Circles, squares, triangles, crosses and stars. */
export function drawnShapes(options: {
  count: number;
  seed: number;
  size?: number;
}): LabelledImages {
  const names = Object.keys(shapes);
  return generated(options, names, (label, rng, size, out) =>
    draw(shapes[names[label]], rng, size, out),
  );
}
/** A straight edge between two greys: vertical, horizontal, rising or falling. */
export function straightEdges(options: {
  count: number;
  seed: number;
  size?: number;
}): LabelledImages {
  const directions: readonly Point[] = [
    [1, 0],
    [0, 1],
    [0.7071067811865476, 0.7071067811865476],
    [0.7071067811865476, -0.7071067811865476],
  ];
  return generated(
    options,
    ["vertical", "horizontal", "rising", "falling"],
    (label, rng, size, out) => {
      const [a, b] = [rng.uniform(), rng.uniform()];
      const dark = Math.min(a, b) * 0.7;
      const light = dark + 0.3 + 0.7 * (1 - 0.3 - dark) * Math.max(a, b);
      const flip = rng.uniform() < 0.5;
      const shift = (rng.uniform() - 0.5) * size * 0.5;
      const [nx, ny] = directions[label];
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++) {
          const side = Math.max(
            0,
            Math.min(1, (j - (size - 1) / 2) * nx + (i - (size - 1) / 2) * ny - shift + 0.5),
          );
          out[i * size + j] = Math.max(
            0,
            Math.min(1, dark + (light - dark) * (flip ? 1 - side : side) + 0.03 * rng.normal()),
          );
        }
    },
  );
}
