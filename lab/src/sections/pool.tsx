// Section 5: pooling, its gradient, and where translation invariance ends.
import type { JSX } from "preact";
import { spanOf } from "../parts/colours.ts";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { Curves } from "../parts/Curves.tsx";
import { Grid } from "../parts/Grid.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { percent, placeName, short } from "../parts/numbers.ts";
import { Predict } from "../parts/Predict.tsx";
import { Part, Row, Shown, Sign } from "../parts/words.tsx";
import { numbers, oneOf, useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { PoolKind } from "../worker/calls/pool.ts";
import type { Section } from "./section.tsx";

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

function PoolFigure(): JSX.Element {
  const [given, setImage] = useSetting(settings.image);
  const [kind, setKind] = useSetting(settings.kind);
  const [sizeText, setSize] = useSetting(settings.size);
  const [shift, setShift] = useSetting(settings.shift);
  const [askedRow, setRow] = useSetting(settings.row);
  const [askedColumn, setColumn] = useSetting(settings.column);
  const image = given.length === SIDE * SIDE ? given : seven;
  const size = Number(sizeText);
  const out = SIDE / size;
  const [row, column] = [Math.min(askedRow, out - 1), Math.min(askedColumn, out - 1)];
  const answer = useEngine("poolShift", { image, side: SIDE, kind, size, shift, row, column });
  const grey = { scale: "grey", span: [Math.min(0, ...image), Math.max(1, ...image)] } as const;
  const pooled = { rows: out, columns: out, cell: 38, ...grey } as const;
  return (
    <>
      <Controls>
        <Choice<PoolKind>
          label="Pooling"
          value={kind}
          options={[
            ["max", "the largest (max-pooling)"],
            ["average", "the mean (average pooling)"],
          ]}
          onChange={setKind}
        />
        <Choice
          label="Window"
          value={sizeText}
          options={sizes.map((s) => [s, `${s}×${s}`] as const)}
          onChange={setSize}
        />
        <Slider
          label="Shift to the right, pixels"
          value={shift}
          from={0}
          to={4}
          onChange={(v) => setShift(Math.round(v))}
        />
      </Controls>
      <Shown answer={answer}>
        {(p) => (
          <>
            <Row>
              <Part title="Image" note="Enter changes a cell, or a tap.">
                <Grid
                  label="image"
                  values={image}
                  rows={SIDE}
                  columns={SIDE}
                  cell={30}
                  {...grey}
                  box={{ row: row * size, column: column * size, height: size, width: size }}
                  onEdit={(index, value) => setImage(image.map((v, i) => (i === index ? value : v)))}
                />
              </Part>
              <Sign>→</Sign>
              <Part title="Pooled" note={`Each number stands for ${size * size}. Arrows choose one.`}>
                <Grid
                  label="pooled"
                  values={p.still}
                  {...pooled}
                  at={{ row, column }}
                  onAt={(place) => {
                    setRow(place.row);
                    setColumn(place.column);
                  }}
                />
              </Part>
              <Part
                title={`∂ pooled at ${placeName(row, column)} / ∂ image`}
                note={
                  kind === "max"
                    ? "Max-pooling passes the whole derivative to the one pixel that was largest, and nothing to the rest."
                    : `The mean shares the derivative out: 1/${size * size} to every pixel of the window.`
                }
              >
                <Grid
                  label="gradient of the chosen pooled number"
                  values={p.gradient}
                  rows={SIDE}
                  columns={SIDE}
                  cell={30}
                  span={[-1, 1]}
                />
              </Part>
            </Row>
            <Row>
              <Part title={`Image shifted by ${shift}`}>
                <Grid label="shifted image" values={p.shifted} rows={SIDE} columns={SIDE} cell={30} {...grey} />
              </Part>
              <Sign>→</Sign>
              <Part title="Pooled again">
                <Grid label="pooled after the shift" values={p.moved} {...pooled} />
              </Part>
              <Part
                title="Difference"
                note={`The image changed by ${percent(p.imageChange, 0)} of its norm, what is pooled by ${percent(p.change, 0)}.`}
              >
                <Grid
                  label="difference of the pooled"
                  values={p.difference}
                  rows={out}
                  columns={out}
                  cell={38}
                  span={spanOf("signed", p.still)}
                />
              </Part>
            </Row>
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
      <Predict
        question="The image moves by one pixel. Do the numbers after 2×2 max-pooling stay as they were?"
        options={["all of them do", "some do", "none does"]}
        right={1}
        because="A bright pixel that moves within its window changes nothing; one that crosses into the next window does."
      />
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
  View: Pool,
};
