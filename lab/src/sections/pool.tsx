// Section 5: pooling, its gradient, and where translation invariance ends.
import type { JSX } from "preact";
import { spanOf } from "../parts/colours.ts";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { Curves } from "../parts/Curves.tsx";
import { Grid, type Place } from "../parts/Grid.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { percent, short } from "../parts/numbers.ts";
import { Part, Row, Shown, Sign } from "../parts/words.tsx";
import { numbers, oneOf, useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { Pooled, PoolKind } from "../worker/calls/pool.ts";
import type { Section } from "./section.ts";

const SIDE = 8;
/** A seven, by hand. */
const seven = [
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0, 6, 9, 9, 8, 7, 0, 0],
  [0, 1, 1, 1, 2, 9, 0, 0],
  [0, 0, 0, 0, 6, 5, 0, 0],
  [0, 0, 0, 1, 9, 1, 0, 0],
  [0, 0, 0, 7, 4, 0, 0, 0],
  [0, 0, 1, 9, 1, 0, 0, 0],
  [0, 0, 2, 5, 0, 0, 0, 0],
].flat();
const sizes = ["2", "4"] as const;
const settings = {
  image: numbers("image", seven),
  kind: oneOf("kind", ["max", "average"], "max"),
  size: oneOf("size", sizes, "2"),
  shift: whole("shift", 1, 0, 4),
  row: whole("row", 1, 0, 3),
  column: whole("column", 2, 0, 3),
};

const whole8 = { rows: SIDE, columns: SIDE, cell: 30 } as const;
const pooledOf = ({ side }: Pooled) => ({ rows: side, columns: side, cell: 38 });
const greyOf = (image: readonly number[]) =>
  ({ scale: "grey", span: [Math.min(0, ...image), Math.max(1, ...image)] }) as const;

function usePool() {
  const [given, setImage] = useSetting(settings.image);
  const [kind, setKind] = useSetting(settings.kind);
  const [sizeText, setSize] = useSetting(settings.size);
  const [shift, setShift] = useSetting(settings.shift);
  const [row, setRow] = useSetting(settings.row);
  const [column, setColumn] = useSetting(settings.column);
  const image = given.length === SIDE * SIDE ? given : seven;
  const size = Number(sizeText);
  const last = SIDE / size - 1;
  return {
    ...{ image, kind, size, shift, setKind, setSize, setShift },
    at: { row: Math.min(row, last), column: Math.min(column, last) },
    setCell: (index: number, value: number) =>
      setImage(image.map((v, i) => (i === index ? value : v))),
    choose: (place: Place) => {
      setRow(place.row);
      setColumn(place.column);
    },
  };
}
type State = ReturnType<typeof usePool>;

function Turned({ state }: { state: State }): JSX.Element {
  return (
    <Controls>
      <Choice<PoolKind>
        label="Pooling"
        value={state.kind}
        options={[
          ["max", "the largest (max-pooling)"],
          ["average", "the mean (average pooling)"],
        ]}
        onChange={state.setKind}
      />
      <Choice
        label="Window"
        value={state.size === 2 ? "2" : "4"}
        options={sizes.map((s) => [s, `${s}×${s}`] as const)}
        onChange={state.setSize}
      />
      <Slider
        label="Shift to the right, pixels"
        value={state.shift}
        from={0}
        to={4}
        onChange={(v) => state.setShift(Math.round(v))}
      />
    </Controls>
  );
}

function Still({ state, p }: { state: State; p: Pooled }): JSX.Element {
  const { image, kind, size, at } = state;
  const grey = greyOf(image);
  const window = { row: at.row * size, column: at.column * size, height: size, width: size };
  const why =
    kind === "max"
      ? "Max-pooling passes the whole derivative to the pixel that was largest, and nothing to the rest."
      : `The mean shares the derivative out: 1/${size * size} to every pixel of the window.`;
  return (
    <Row>
      <Part title="Image" note="Enter changes a cell, or a tap.">
        <Grid
          label="image"
          values={image}
          {...whole8}
          {...grey}
          box={window}
          onEdit={state.setCell}
        />
      </Part>
      <Sign>→</Sign>
      <Part title="Pooled" note={`Each number stands for ${size * size}. Arrows choose one.`}>
        <Grid
          label="pooled"
          values={p.still}
          {...pooledOf(p)}
          {...grey}
          at={at}
          onAt={state.choose}
        />
      </Part>
      <Sign>←</Sign>
      <Part title="∂ chosen / ∂ image" note={why}>
        <Grid
          label="gradient of the chosen pooled number"
          values={p.gradient}
          {...whole8}
          span={[-1, 1]}
          box={window}
        />
      </Part>
    </Row>
  );
}
function Moved({ state, p }: { state: State; p: Pooled }): JSX.Element {
  const grey = greyOf(state.image);
  return (
    <Row>
      <Part title={`Image shifted by ${state.shift}`}>
        <Grid label="shifted image" values={p.shifted} {...whole8} {...grey} />
      </Part>
      <Sign>→</Sign>
      <Part title="Pooled again">
        <Grid label="pooled after the shift" values={p.moved} {...pooledOf(p)} {...grey} />
      </Part>
      <Part
        title="Difference to before"
        note={`The image changed by ${percent(p.imageChange, 0)} of its norm, what is pooled by ${percent(p.change, 0)}.`}
      >
        <Grid
          label="difference of the pooled"
          values={p.difference}
          {...pooledOf(p)}
          span={spanOf("signed", p.still)}
        />
      </Part>
    </Row>
  );
}

function PoolFigure(): JSX.Element {
  const state = usePool();
  const { image, kind, size, shift, at } = state;
  const answer = useEngine("poolShift", { image, side: SIDE, kind, size, shift, ...at });
  return (
    <>
      <Turned state={state} />
      <Shown answer={answer}>
        {(p) => (
          <>
            <Still state={state} p={p} />
            <Moved state={state} p={p} />
          </>
        )}
      </Shown>
    </>
  );
}

function WhereItEnds(): JSX.Element {
  const [kind] = useSetting(settings.kind);
  const answer = useEngine("poolInvariance", { kind });
  return (
    <Shown answer={answer}>
      {(all) => (
        <>
          <Part
            title="Where invariance ends: eight kernels over twelve digits that move"
            note="Pooling forgives a shift in part, and a shift as large as its window hardly at all. Only pooling over the whole image forgives every shift, and forgets where things are."
          >
            <Curves
              label={`Change of the outputs against the shift, for ${all.map((a) => a.name).join(", ")}; the numbers are in the table`}
              x="shift, pixels"
              y="change of the outputs, %"
              ySpan={[0, 100 * Math.max(...all.flatMap((a) => a.measured.map((m) => m.change)))]}
              lines={all.map((a, mark) => ({
                name: a.name,
                mark,
                dashed: mark % 2 === 1,
                points: a.measured.map((m) => [m.shift, 100 * m.change] as const),
              }))}
            />
          </Part>
          <NumberTable
            caption="How much the outputs change (‖f(shifted) − f‖ / ‖f‖, mean over twelve digits)"
            head={["shift", ...all.map((a) => a.name)]}
            rows={all[0].measured.map((m, i) => [
              `${short(m.shift)} px`,
              ...all.map((a) => percent(a.measured[i].change)),
            ])}
          />
        </>
      )}
    </Shown>
  );
}

function Pool(): JSX.Element {
  return (
    <>
      <PoolFigure />
      <WhereItEnds />
    </>
  );
}

export const pool: Section = {
  id: "pool",
  title: "Pooling",
  sentence:
    "Pooling keeps one number of every window, the largest or the mean: what follows sees less of where things are, but not nothing.",
  question: {
    asks: "The image moves by one pixel. Do the numbers after 2×2 max-pooling stay as they were?",
    options: ["all of them do", "some do", "none does"],
    right: 1,
    because:
      "A bright pixel that moves within its window changes nothing; one that crosses into the next window does.",
  },
  View: Pool,
};
