// Section 1: nine products and their sum, at one place after another.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { Grid, type Place } from "../parts/Grid.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { placeName, short } from "../parts/numbers.ts";
import { Formula, Part, Row, Shown, Sign } from "../parts/words.tsx";
import { numbers, useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { Slid } from "../worker/calls/slide.ts";
import type { Section } from "./section.ts";

const SIDE = 6;
/** Left half bright, right half dark. */
const edge = Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE < 3 ? 10 : 0));
/** What kernels hold at first, in the middle of as many cells as they have. */
const firsts: readonly (readonly number[])[] = [
  [1, 0, -1, 1, 0, -1, 1, 0, -1],
  [1, 1, 1, 0, 0, 0, -1, -1, -1],
  [0, -1, 0, -1, 4, -1, 0, -1, 0],
];
/** The middle of a kernel, in a kernel of another size. */
function resize(cells: readonly number[], from: number, to: number): number[] {
  const offset = Math.floor((to - from) / 2);
  return Array.from({ length: to * to }, (_, i) => {
    const [row, column] = [Math.floor(i / to) - offset, (i % to) - offset];
    return row >= 0 && row < from && column >= 0 && column < from ? cells[row * from + column] : 0;
  });
}
const firstKernels = (size: number, count: number): number[] =>
  firsts.slice(0, count).flatMap((cells) => resize(cells, 3, size));

const settings = {
  image: numbers("image", edge),
  kernels: numbers("kernels", []),
  size: whole("size", 3, 1, 5),
  count: whole("count", 1, 1, 3),
  stride: whole("stride", 1, 1, 3),
  padding: whole("padding", 0, 0, 2),
  chosen: whole("kernel", 1, 1, 3),
  row: whole("row", 0, 0, 9),
  column: whole("column", 1, 0, 9),
};

/** The image with the zeros around it. */
function padded(image: readonly number[], padding: number): number[] {
  const side = SIDE + 2 * padding;
  return Array.from({ length: side * side }, (_, i) => {
    const [row, column] = [Math.floor(i / side) - padding, (i % side) - padding];
    return row >= 0 && row < SIDE && column >= 0 && column < SIDE ? image[row * SIDE + column] : 0;
  });
}

/** Walks through all places of the output, one every 0.4 s, once it is asked to. */
function useWalk(
  count: number,
  go: (index: number) => void,
): { step: number | undefined; toggle: () => void } {
  const [step, setStep] = useState<number>();
  useEffect(() => {
    if (step === undefined) return undefined;
    if (step >= count) {
      setStep(undefined);
      return undefined;
    }
    go(step);
    const timer = setTimeout(() => setStep(step + 1), 400);
    return () => clearTimeout(timer);
  }, [step, count]);
  return { step, toggle: () => setStep(step === undefined ? 0 : undefined) };
}

function Products({
  slid,
  kernel,
  size,
}: {
  slid: Slid;
  kernel: readonly number[];
  size: number;
}): JSX.Element {
  const products = slid.terms.map((t) => t.product);
  return (
    <NumberTable
      caption={`The products at ${placeName(slid.row, slid.column)} of the output`}
      head={["image at", "image x", "kernel w", "w · x"]}
      rows={[
        ...slid.terms.map((t) => [
          placeName(t.at[1], t.at[2]),
          short(t.input),
          short(t.weight),
          short(t.product),
        ]),
        ...(products.length < size * size
          ? [[`in the padding (${kernel.length - products.length} cells)`, "0", "", "0"]]
          : []),
        [<strong key="sum">sum</strong>, "", "", <strong key="value">{short(slid.sum)}</strong>],
      ]}
    />
  );
}

const changed = (cells: readonly number[], index: number, value: number): number[] =>
  cells.map((v, i) => (i === index ? value : v));

/** Everything that the address says, and how it is changed. */
function useSlide() {
  const [image, setImage] = useSetting(settings.image);
  const [given, setGiven] = useSetting(settings.kernels);
  const [size, setSize] = useSetting(settings.size);
  const [count, setCount] = useSetting(settings.count);
  const [stride, setStride] = useSetting(settings.stride);
  const [padding, setPadding] = useSetting(settings.padding);
  const [named, setNamed] = useSetting(settings.chosen);
  const [row, setRow] = useSetting(settings.row);
  const [column, setColumn] = useSetting(settings.column);
  const area = size * size;
  const kernels = given.length === count * area ? given : firstKernels(size, count);
  const own = (k: number): readonly number[] => kernels.slice(k * area, (k + 1) * area);
  return {
    ...{
      image: image.length === SIDE * SIDE ? image : edge,
      kernels,
      own,
      size,
      count,
      stride,
      padding,
      row,
      column,
    },
    ...{ chosen: Math.min(named, count) - 1, setImage, setStride, setPadding, setNamed },
    setCell: (k: number, index: number, value: number) =>
      setGiven(changed(kernels, k * area + index, value)),
    move: (place: Place) => {
      setRow(place.row);
      setColumn(place.column);
    },
    /** Other sizes and numbers of kernels keep what was typed, as far as it fits. */
    reshape: (to: number, many: number) => {
      const kept = Array.from({ length: many }, (_, k) =>
        k < count ? resize(own(k), size, to) : resize(firsts[k], 3, to),
      ).flat();
      setSize(to);
      setCount(many);
      setGiven(kept.join() === firstKernels(to, many).join() ? [] : kept);
    },
  };
}
type State = ReturnType<typeof useSlide>;

function Turned({ state, children }: { state: State; children: ComponentChildren }): JSX.Element {
  const { size, count, stride, padding, chosen, reshape, setStride, setPadding, setNamed } = state;
  return (
    <Controls>
      <Slider
        label="Kernel size"
        value={size}
        from={1}
        to={5}
        onChange={(v) => reshape(Math.round(v), count)}
      />
      <Slider
        label="Kernels"
        value={count}
        from={1}
        to={3}
        onChange={(v) => reshape(size, Math.round(v))}
      />
      <Slider
        label="Stride"
        value={stride}
        from={1}
        to={3}
        onChange={(v) => setStride(Math.round(v))}
      />
      <Slider
        label="Padding"
        value={padding}
        from={0}
        to={2}
        onChange={(v) => setPadding(Math.round(v))}
      />
      {count > 1 && (
        <Choice
          label="Shown"
          value={String(chosen + 1)}
          options={Array.from(
            { length: count },
            (_, k) => [String(k + 1), `kernel ${k + 1}`] as const,
          )}
          onChange={(v) => setNamed(Number(v))}
        />
      )}
      {children}
    </Controls>
  );
}

interface FigureProps {
  state: State;
  slid: Slid;
  /** Places of the output that are filled; all unless the kernel is on its way. */
  filled: number | undefined;
}
function ThreeGrids({ state, slid, filled }: FigureProps): JSX.Element {
  const { image, own, size, stride, padding, chosen, count } = state;
  const [, , rows, columns] = slid.output.shape;
  const side = SIDE + 2 * padding;
  const inside = (index: number): number => {
    const [row, column] = [Math.floor(index / side) - padding, (index % side) - padding];
    return row >= 0 && row < SIDE && column >= 0 && column < SIDE ? row * SIDE + column : -1;
  };
  return (
    <Row>
      <Part
        title="Image x"
        note={padding > 0 ? "The rim of zeros is the padding." : "Enter changes a cell, or a tap."}
      >
        <Grid
          label="image"
          scale="grey"
          span={[Math.min(0, ...image), Math.max(1, ...image)]}
          values={padded(image, padding)}
          rows={side}
          columns={side}
          cell={side > 8 ? 28 : 36}
          box={{ row: slid.row * stride, column: slid.column * stride, height: size, width: size }}
          onEdit={(index, value) => state.setImage(changed(image, inside(index), value))}
        />
      </Part>
      <Sign>⋆</Sign>
      <Part title={count > 1 ? `Kernel ${chosen + 1}` : "Kernel w"} note={`${size * size} weights`}>
        <Grid
          label={`kernel ${chosen + 1}`}
          values={own(chosen)}
          rows={size}
          columns={size}
          cell={36}
          onEdit={(index, value) => state.setCell(chosen, index, value)}
        />
      </Part>
      <Sign>=</Sign>
      <Part title="Output y" note="Arrows move the kernel from cell to cell.">
        <Grid
          label={`output of kernel ${chosen + 1}`}
          values={slid.output.data.slice(chosen * rows * columns, (chosen + 1) * rows * columns)}
          rows={rows}
          columns={columns}
          cell={columns > 8 ? 28 : 36}
          at={{ row: slid.row, column: slid.column }}
          onAt={state.move}
          empty={(i) => filled !== undefined && i > filled}
        />
      </Part>
    </Row>
  );
}

/** "10 − 5 + 0 = 5" */
function sumText(products: readonly number[]): string {
  if (products.length === 0) return "nothing but padding";
  return products
    .map((v, i) => (i === 0 ? short(v) : `${v < 0 ? " − " : " + "}${short(Math.abs(v))}`))
    .join("");
}
function NineProducts({ state, slid }: { state: State; slid: Slid }): JSX.Element {
  const { image, own, size, stride, padding, chosen } = state;
  const side = SIDE + 2 * padding;
  const [top, left] = [slid.row * stride, slid.column * stride];
  const window = padded(image, padding);
  const under = own(chosen).map(
    (_, i) => window[(top + Math.floor(i / size)) * side + left + (i % size)],
  );
  const products = new Map(
    slid.terms.map((t) => [
      (t.at[1] + padding - top) * size + (t.at[2] + padding - left),
      t.product,
    ]),
  );
  return (
    <Part
      title={`The ${size * size} products at ${placeName(slid.row, slid.column)}, and their sum`}
    >
      <div class="products">
        <Grid
          label="products of image and kernel"
          values={under.map((_, i) => products.get(i) ?? 0)}
          rows={size}
          columns={size}
          cell={52}
          text={(i) => `${short(under[i])}·${short(own(chosen)[i])}`}
        />
        <p class="sum">
          {sumText([...products.values()])} = <strong>{short(slid.sum)}</strong>
        </p>
      </div>
    </Part>
  );
}

function Slide(): JSX.Element {
  const state = useSlide();
  const { image, kernels, own, size, count, stride, padding, chosen, row, column } = state;
  const asked = { image, side: SIDE, kernels, size, count, stride, padding, chosen, row, column };
  const answer = useEngine("slideKernels", asked);
  const [, , rows, columns] = answer.value?.output.shape ?? [1, 1, 4, 4];
  const walk = useWalk(rows * columns, (i) =>
    state.move({ row: Math.floor(i / columns), column: i % columns }),
  );
  return (
    <>
      <Turned state={state}>
        <button type="button" onClick={walk.toggle}>
          {walk.step === undefined ? "▶ Slide over the image" : "■ Stop"}
        </button>
      </Turned>
      <Shown answer={answer}>
        {(slid) => (
          <>
            <ThreeGrids state={state} slid={slid} filled={walk.step} />
            <NineProducts state={state} slid={slid} />
            <p>
              <Formula name="convolution" />
            </p>
            <p>
              Sliding over {SIDE}×{SIDE} pixels, the kernel stands at <Formula name="outputSize" />{" "}
              = {rows} places along each side (n = {SIDE}, k = {size}, margin m = {padding}, stride
              s = {stride}). {count === 1 ? "One kernel makes" : `${count} kernels make`} an output
              of {count}×{rows}×{columns}, from {slid.parameters} weights.
            </p>
            <Products slid={slid} kernel={own(chosen)} size={size} />
          </>
        )}
      </Shown>
    </>
  );
}

export const slide: Section = {
  id: "slide",
  title: "A kernel slides",
  sentence:
    "A kernel is a small square of numbers: at every place it multiplies the pixels under it, one by one, and adds the products into one number of the output.",
  question: {
    asks: "The image is 10 on its left and 0 on its right. Where will the kernel 1 0 −1 answer with something other than 0?",
    options: ["where the image is bright", "where bright meets dark", "where the image is dark"],
    right: 1,
    because:
      "Where all nine pixels are equal, the kernel's 1s and −1s cancel; only astride the edge do they not.",
  },
  View: Slide,
};
