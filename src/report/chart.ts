// Where the parts of a plot lie: scales, paths and the places of names. components/Plot.tsx draws
// them.
import { scaleLinear, type ScaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { Axis, Curve, Curves, Point } from "./kinds.ts";
import { figure, fixed } from "./numbers.ts";

export const frame = {
  width: 760,
  height: 360,
  left: 68,
  right: 190,
  top: 18,
  bottom: 56,
} as const;
const inner = { x1: frame.width - frame.right, y1: frame.height - frame.bottom } as const;
/** Names nearer to one another than this lie on one another. */
const NAME_HEIGHT = 18;
/** A letter's width, on the mean; the reach of a point's mark; between a point and its name. */
const [LETTER_WIDTH, DOT, GAP] = [7.5, 7, 12];

export interface Tick {
  readonly at: number;
  readonly text: string;
}
interface Place {
  readonly x: number;
  readonly y: number;
}
export interface DrawnCurve {
  readonly name: string;
  readonly mark: number;
  readonly path: string;
  readonly dashed: string;
  readonly intervals: string;
  readonly points: readonly Place[];
  readonly dots: readonly Place[];
  /** Where its name begins. */
  readonly end: Place;
}
export interface Chart {
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly lines: readonly { readonly at: number; readonly text: string }[];
  readonly curves: readonly DrawnCurve[];
}

type Finite = Point & { readonly x: number; readonly y: number };
const isFinitePoint = (p: Point): p is Finite => Number.isFinite(p.x) && Number.isFinite(p.y);
const finite = (points: readonly Point[] = []): Finite[] => points.filter(isFinitePoint);

type Scale = ScaleLinear<number, number>;
/** So little below zero, as a share of the highest, is drawn below the axis and needs no tick. */
const HARDLY = 0.01;
function scaleOf(axis: Axis, values: readonly number[], range: readonly [number, number]): Scale {
  const low = Math.min(...values, ...(axis.fromZero ? [0] : []));
  const high = Math.max(...values);
  // all the same: some room around it; otherwise 6.0000001 needs no more of it than 6
  const room = high > low ? -1e-6 * (high - low) : Math.max(1e-6, Math.abs(high) * 0.1);
  return scaleLinear()
    .domain([axis.fromZero && low >= -HARDLY * high ? 0 : low - room, high + room])
    .range(range)
    .nice(6);
}
function ticksOf(axis: Axis, scale: Scale): Tick[] {
  const shown = scale.ticks(6).filter((v) => !axis.whole || Number.isInteger(v));
  const written = axis.whole ? figure : scale.tickFormat(6);
  return shown.map((v) => ({ at: scale(v), text: written(v) }));
}

/** One path of all intervals, with short ends. */
function intervalsOf(points: readonly Finite[], x: Scale, y: Scale): string {
  return points
    .map((p) => {
      const [px, py] = [fixedAt(x(p.x)), fixedAt(y(p.y))];
      const upright =
        p.low === undefined || p.high === undefined
          ? ""
          : `M${px} ${fixedAt(y(p.low))}V${fixedAt(y(p.high))}m-4 0h8m-4 0M${px} ${fixedAt(y(p.low))}m-4 0h8`;
      const level =
        p.xLow === undefined || p.xHigh === undefined
          ? ""
          : `M${fixedAt(x(p.xLow))} ${py}H${fixedAt(x(p.xHigh))}m0-4v8M${fixedAt(x(p.xLow))} ${py}m0-4v8`;
      return upright + level;
    })
    .join("");
}
const fixedAt = (v: number): string => v.toFixed(1);

/** Names at the curves' ends, pushed apart where they would lie on one another. */
function stacked(curves: readonly DrawnCurve[]): DrawnCurve[] {
  const placed: DrawnCurve[] = [];
  for (const curve of curves.toSorted((a, b) => a.end.y - b.end.y)) {
    const before = placed.at(-1);
    const y = before ? Math.max(curve.end.y, before.end.y + NAME_HEIGHT) : curve.end.y;
    placed.push({ ...curve, end: { ...curve.end, y } });
  }
  return placed;
}

interface Rectangle {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}
const overlap = (p: Rectangle, q: Rectangle): boolean =>
  p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom;
/** What a name takes, its text's middle at `end.y`. */
const nameBox = (name: string, { x, y }: Place): Rectangle => ({
  left: x,
  right: x + LETTER_WIDTH * name.length,
  top: y - NAME_HEIGHT / 2,
  bottom: y + NAME_HEIGHT / 2,
});
const dotBox = ({ x, y }: Place): Rectangle => ({
  left: x - DOT,
  right: x + DOT,
  top: y - DOT,
  bottom: y + DOT,
});

/** What a point's intervals take. */
function intervalBoxes(p: Finite, x: Scale, y: Scale): Rectangle[] {
  const [px, py] = [x(p.x), y(p.y)];
  const [top, bottom] = [y(p.high ?? p.y), y(p.low ?? p.y)];
  return [
    { left: px - 1, right: px + 1, top, bottom },
    { left: x(p.xLow ?? p.x), right: x(p.xHigh ?? p.x), top: py - 1, bottom: py + 1 },
  ];
}

/**
 * Names beside single points: each at the first of the places around its point where no name, no
 * point and no interval lies, or at least no name and no point.
 */
function scatteredNames(
  curves: readonly DrawnCurve[],
  intervals: readonly Rectangle[],
): DrawnCurve[] {
  const taken = curves.flatMap(({ points }) => points.map(dotBox));
  return curves
    .toSorted((a, b) => a.points[0].y - b.points[0].y)
    .map((curve) => {
      const { x, y } = curve.points[curve.points.length - 1];
      const left = x - GAP - LETTER_WIDTH * curve.name.length;
      const near = [-10, 10, -26, 26, 0, -42, 42, -58, 58].flatMap((dy) =>
        [x + GAP, left].map((at) => ({ x: at, y: y + dy })),
      );
      const inside = near.filter(
        (place) => place.x >= frame.left && place.y >= frame.top && place.y <= inner.y1,
      );
      const clear = (boxes: readonly Rectangle[]): Place | undefined =>
        inside.find((place) => boxes.every((box) => !overlap(box, nameBox(curve.name, place))));
      const end = clear([...taken, ...intervals]) ?? clear(taken) ?? curve.end;
      taken.push(nameBox(curve.name, end));
      return { ...curve, end };
    });
}

/** Nothing when there is no point to draw. */
export function chartOf({
  curves,
  x: xAxis,
  y: yAxis,
  lines = [],
  scattered,
}: Curves): Chart | undefined {
  const all = curves.flatMap((c) => finite([...c.points, ...(c.dashed ?? []), ...(c.dots ?? [])]));
  const xs = [
    ...all.flatMap((p) => [p.x, p.xLow ?? p.x, p.xHigh ?? p.x]),
    ...lines.map((l) => l.x),
  ];
  const ys = all.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]);
  if (all.length === 0) return undefined;
  const x = scaleOf(xAxis, xs, [frame.left, inner.x1]);
  const y = scaleOf(yAxis, ys, [inner.y1, frame.top]);
  const placeOf = (p: Finite): Place => ({ x: x(p.x), y: y(p.y) });
  const path = line<Point>(
    (p) => x(p.x!),
    (p) => y(p.y!),
  )
    .defined(isFinitePoint)
    .digits(1);
  const drawn = curves.flatMap((curve: Curve): DrawnCurve[] => {
    const points = finite(curve.points);
    const last = points.at(-1);
    if (!last) return [];
    return [
      {
        name: curve.name,
        mark: curve.mark,
        path: scattered ? "" : (path([...curve.points]) ?? ""),
        dashed: curve.dashed ? (path([...curve.dashed]) ?? "") : "",
        intervals: intervalsOf(points, x, y),
        points: points.map(placeOf),
        dots: finite(curve.dots).map(placeOf),
        end: scattered
          ? { x: x(last.x) + 12, y: y(last.y) - 10 }
          : { x: inner.x1 + 14, y: y(last.y) },
      },
    ];
  });
  const spans = curves.flatMap((curve) =>
    finite(curve.points).flatMap((p) => intervalBoxes(p, x, y)),
  );
  return {
    xTicks: ticksOf(xAxis, x),
    yTicks: ticksOf(yAxis, y),
    lines: lines.map((l) => ({ at: x(l.x), text: l.text })),
    curves: scattered ? scatteredNames(drawn, spans) : stacked(drawn),
  };
}
/** A number of a drawing, with one decimal. */
export const px = (v: number): string => fixed(v, 1).replace("−", "-").replace(/\.0$/, "");
