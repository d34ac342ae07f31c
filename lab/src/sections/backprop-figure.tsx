// The small network of section 9, its values above and their derivatives below, as far back as the
// visitor has stepped.
import type { ComponentChildren, JSX } from "preact";
import { spanOf } from "../parts/colours.ts";
import { Grid, type Place } from "../parts/Grid.tsx";
import { short } from "../parts/numbers.ts";
import { Part, Row, Sign } from "../parts/words.tsx";
import type { Propagated } from "../worker/calls/backprop.ts";
import type { BackpropState } from "./backprop.tsx";

const [SIDE, MAP, KERNEL, OUTPUTS] = [4, 3, 2, 2];
/** Where groups begin in the gradient vector: the kernel's weights, its bias, the last layer's. */
export const kernelFrom = 0;
const biasAt = KERNEL ** 2;
export const lastFrom = biasAt + 1;
const lastBiasFrom = lastFrom + OUTPUTS * MAP ** 2;
export const parameterCount: number = lastBiasFrom + OUTPUTS;

/** What each step backward adds. */
export const stages = [
  "Forward: from the image to the cost, layer by layer. No derivative is known yet.",
  "∂C/∂y: how the cost moves with each output, by the cost's own slope.",
  "∂C/∂v and ∂C/∂c: for each weight of the last layer, the value a that it multiplies, times ∂C/∂y.",
  "∂C/∂a: each a reaches the cost through both outputs, so its derivative is the sum of v · ∂C/∂y over them.",
  "∂C/∂z = ∂a/∂z · ∂C/∂a: through the activation, by its slope.",
  "∂C/∂w: the kernel is shared by nine places, so each weight adds up nine products of pixel and ∂C/∂z.",
] as const;

interface DerivativeProps {
  of: string;
  values: ArrayLike<number>;
  rows: number;
  columns: number;
  known: boolean;
  at?: Place;
  onAt?: (place: Place) => void;
}
/** Hatched until its step. */
function Derivative({ of, values, rows, columns, known, at, onAt }: DerivativeProps): JSX.Element {
  return (
    <div class="derivative">
      <p class="note">∂C/∂{of}</p>
      <Grid
        label={`derivative of the cost by ${of}`}
        values={values}
        rows={rows}
        columns={columns}
        cell={48}
        text={(i) => short(values[i], 2)}
        empty={() => !known}
        {...(known && at ? { at } : {})}
        {...(known && onAt ? { onAt } : {})}
      />
    </div>
  );
}
function Values(props: {
  label: string;
  values: ArrayLike<number>;
  rows: number;
  columns: number;
  onEdit?: (i: number, v: number) => void;
}): JSX.Element {
  const { values } = props;
  return <Grid {...props} cell={48} text={(i) => short(values[i], 2)} />;
}
const column = (title: string, children: ComponentChildren): JSX.Element => (
  <Part title={title}>{children}</Part>
);

interface Figure {
  readonly state: BackpropState;
  readonly p: Propagated;
}
type Group = (
  of: string,
  from: number,
  rows: number,
  columns: number,
  known: boolean,
) => JSX.Element;
const partOf = ({ parameters }: Propagated, from: number, n: number) =>
  parameters.slice(from, from + n);
const map = { rows: MAP, columns: MAP } as const;

/** The derivatives of a group of parameters, one of which may be chosen. */
function groupsOf({ state, p }: Figure): Group {
  const { asked, setChosen } = state;
  /** The chosen parameter's cell, where it is of this group. */
  const cellOf = (from: number, n: number, columns: number): Place | undefined => {
    const i = asked.chosen - from;
    return i >= 0 && i < n ? { row: Math.floor(i / columns), column: i % columns } : undefined;
  };
  const chooser = (from: number, columns: number) => (place: Place) =>
    setChosen(from + place.row * columns + place.column);
  return (of, from, rows, columns, known) => {
    const at = cellOf(from, rows * columns, columns);
    const values = partOf(p, from, rows * columns).map((q) => q.gradient);
    return (
      <Derivative
        {...{ of, values, rows, columns, known, ...(at ? { at } : {}) }}
        onAt={chooser(from, columns)}
      />
    );
  };
}

/** From the image to the map's activations. */
function FirstLayer({ state, p }: Figure): JSX.Element {
  const { asked, stage, setImage, setKernel } = state;
  const group = groupsOf({ state, p });
  const kernel = partOf(p, kernelFrom, KERNEL ** 2);
  const bias = p.parameters[biasAt];
  return (
    <Row>
      {column(
        "image x",
        <Grid
          label="image"
          scale="grey"
          span={spanOf("grey", asked.image, [1])}
          values={asked.image}
          rows={SIDE}
          columns={SIDE}
          cell={38}
          onEdit={(i, v) => setImage(asked.image.map((old, k) => (k === i ? v : old)))}
        />,
      )}
      <Sign>⋆</Sign>
      {column(
        `kernel w, bias b = ${short(bias.value, 2)}`,
        <>
          <Values
            label="kernel w"
            values={kernel.map((q) => q.value)}
            rows={KERNEL}
            columns={KERNEL}
            {...(asked.updates === 0
              ? {
                  onEdit: (i: number, v: number) =>
                    setKernel(kernel.map((q, k) => (k === i ? v : q.value))),
                }
              : {})}
          />
          {group("w", kernelFrom, KERNEL, KERNEL, stage >= 5)}
          <p class="note">∂C/∂b = {stage >= 5 ? short(bias.gradient, 3) : "…"}</p>
        </>,
      )}
      <Sign>=</Sign>
      {column(
        "map z",
        <>
          <Values label="map z" values={p.values.z.data} {...map} />
          <Derivative of="z" values={p.derivatives.z.data} {...map} known={stage >= 4} />
        </>,
      )}
      <Sign>→</Sign>
      {column(
        `a = ${asked.activation === "relu" ? "ReLU" : asked.activation}(z)`,
        <>
          <Values label="activations a" values={p.values.a.data} {...map} />
          <Derivative of="a" values={p.derivatives.a.data} {...map} known={stage >= 3} />
        </>,
      )}
    </Row>
  );
}

/** From the activations to the cost. */
function LastLayer({ state, p }: Figure): JSX.Element {
  const { asked, stage } = state;
  const group = groupsOf({ state, p });
  const biases = partOf(p, lastBiasFrom, OUTPUTS);
  const target = Array.from({ length: OUTPUTS }, (_, i) => (i === asked.target ? 1 : 0));
  return (
    <Row>
      {target.map((_, o) => {
        const from = lastFrom + o * MAP ** 2;
        const name = `v of output ${o + 1}`;
        return column(
          `weights ${name}`,
          <>
            <Values
              label={`weights ${name}`}
              values={partOf(p, from, MAP ** 2).map((q) => q.value)}
              {...map}
            />
            {group(name, from, MAP, MAP, stage >= 2)}
          </>,
        );
      })}
      {column(
        "biases c",
        <>
          <Values label="biases c" values={biases.map((q) => q.value)} rows={OUTPUTS} columns={1} />
          {group("c", lastBiasFrom, OUTPUTS, 1, stage >= 2)}
        </>,
      )}
      <Sign>→</Sign>
      {column(
        "outputs y",
        <>
          <Values label="outputs y" values={p.values.y.data} rows={OUTPUTS} columns={1} />
          <Derivative
            of="y"
            values={p.derivatives.y.data}
            rows={OUTPUTS}
            columns={1}
            known={stage >= 1}
          />
        </>,
      )}
      {p.probabilities &&
        column(
          "softmax p",
          <Values label="probabilities p" values={p.probabilities} rows={OUTPUTS} columns={1} />,
        )}
      {column("target t", <Values label="target t" values={target} rows={OUTPUTS} columns={1} />)}
      <Sign>→</Sign>
      {column("cost C", <p class="cost">{short(p.cost, 4)}</p>)}
    </Row>
  );
}

export function NetworkFigure({ state, p }: Figure): JSX.Element {
  return (
    <>
      <FirstLayer state={state} p={p} />
      <LastLayer state={state} p={p} />
    </>
  );
}
