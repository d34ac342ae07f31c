// Section 6: one node, its activation, why there is one, and scores to probabilities.
import type { JSX } from "preact";
import { Bars } from "../parts/Bars.tsx";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { Curves, type Line } from "../parts/Curves.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed, percent, short } from "../parts/numbers.ts";
import { Formula, Part, Row, Shown } from "../parts/words.tsx";
import { numbers, oneOf, real, useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { ActivationCurve, ActivationName, NodeAnswer } from "../worker/calls/node.ts";
import type { Section } from "./section.ts";

const names: readonly (readonly [ActivationName, string])[] = [
  ["relu", "ReLU: max(0, z)"],
  ["leakyRelu", "leaky ReLU"],
  ["sigmoid", "sigmoid"],
  ["tanh", "tanh"],
  ["silu", "SiLU: z · sigmoid(z)"],
  ["none", "none: a = z"],
];
const shortName = (name: string): string =>
  names.find(([n]) => n === name)?.[1].split(":")[0] ?? name;
const settings = {
  activation: oneOf("activation", ["relu", "leakyRelu", "sigmoid", "tanh", "silu", "none"], "relu"),
  inputs: numbers("x", [1, 0.5, -1]),
  weights: numbers("w", [0.8, -1.2, 0.5]),
  bias: real("b", 0.6, -3, 3),
  seed: whole("seed", 3, 1, 20),
  scores: numbers("scores", [2, 1, 0, -1]),
  temperature: real("T", 1, 0.1, 5),
};
const changed = (cells: readonly number[], index: number, value: number): number[] =>
  cells.map((v, i) => (i === index ? value : v));
const padTo = (cells: readonly number[], like: readonly number[]): readonly number[] =>
  cells.length === like.length ? cells : like;
const below = "₁₂₃₄";

/** Those that are not chosen stay apart by colour and pattern. */
const backgrounds = [
  { mark: 2 },
  { mark: 3 },
  { mark: 2, dashed: "2 3" },
  { mark: 3, dashed: "2 3" },
  { mark: 2, dashed: "8 3 2 3" },
] as const;

function linesOf(curves: readonly ActivationCurve[], chosen: ActivationName): Line[] {
  const points = (c: ActivationCurve, values: readonly number[]) =>
    c.at.map((z, i) => [z, values[i]] as const);
  const own = curves.find((c) => c.name === chosen)!;
  return [
    ...curves
      .filter((c) => c.name !== chosen && c.name !== "none")
      .map(
        (c, i): Line => ({
          name: shortName(c.name),
          ...backgrounds[i],
          faint: true,
          points: points(c, c.values),
        }),
      ),
    {
      name: `slope of ${shortName(chosen)}`,
      mark: 1,
      dashed: true,
      points: points(own, own.slopes),
    },
    { name: shortName(chosen), mark: 0, points: points(own, own.values) },
  ];
}

function NodeTable({ answer, bias }: { answer: NodeAnswer; bias: number }): JSX.Element {
  return (
    <NumberTable
      caption="The node, term by term"
      head={["", "x", "w", "w · x"]}
      rows={[
        ...answer.terms.map((t, i) => [
          `input ${i + 1}`,
          short(t.input),
          short(t.weight),
          short(t.product),
        ]),
        ["bias b", "", "", short(bias)],
        [<strong key="z">z, their sum</strong>, "", "", <strong key="v">{short(answer.z)}</strong>],
        [<strong key="a">a = f(z)</strong>, "", "", <strong key="v">{short(answer.a)}</strong>],
        ["slope ∂a/∂z", "", "", short(answer.slope)],
      ]}
    />
  );
}

function OneNode(): JSX.Element {
  const [activation, setActivation] = useSetting(settings.activation);
  const [givenInputs, setInputs] = useSetting(settings.inputs);
  const [givenWeights, setWeights] = useSetting(settings.weights);
  const [bias, setBias] = useSetting(settings.bias);
  const inputs = padTo(givenInputs, settings.inputs.otherwise);
  const weights = padTo(givenWeights, settings.weights.otherwise);
  const answer = useEngine("oneNode", { inputs, weights, bias, activation });
  const curves = useEngine("activationCurves", {});
  const slider = (
    label: string,
    values: readonly number[],
    i: number,
    set: (v: readonly number[]) => void,
  ) => (
    <Slider
      key={label}
      label={label}
      value={values[i]}
      from={-3}
      to={3}
      step={0.1}
      onChange={(v) => set(changed(values, i, v))}
    />
  );
  return (
    <>
      <Controls>
        <Choice label="Activation f" value={activation} options={names} onChange={setActivation} />
        {inputs.map((_, i) => slider(`x${below[i]}`, inputs, i, setInputs))}
        {weights.map((_, i) => slider(`w${below[i]}`, weights, i, setWeights))}
        <Slider label="b" value={bias} from={-3} to={3} step={0.1} onChange={setBias} />
      </Controls>
      <p>
        <Formula name="node" />
      </p>
      <Shown answer={answer}>
        {(node) => (
          <Row>
            <Part title={`z = ${short(node.z)}, so a = ${short(node.a)}`}>
              <Shown answer={curves}>
                {(all) => (
                  <Curves
                    label={`Activations against z. ${shortName(activation)} gives ${short(node.a)} at z = ${short(node.z)}, with slope ${short(node.slope)}.`}
                    x="z"
                    y="a"
                    xSpan={[-6, 6]}
                    ySpan={[-2, 4]}
                    lines={linesOf(all, activation)}
                    dot={
                      Math.abs(node.z) <= 6 && node.a >= -2 && node.a <= 4
                        ? [node.z, node.a]
                        : undefined
                    }
                  />
                )}
              </Shown>
            </Part>
            <NodeTable answer={node} bias={bias} />
          </Row>
        )}
      </Shown>
    </>
  );
}

function WhyBent(): JSX.Element {
  const [activation] = useSetting(settings.activation);
  const [seed, setSeed] = useSetting(settings.seed);
  const answer = useEngine("twoLayers", { activation, seed });
  return (
    <Part
      title="Why an activation: two layers of nodes, 1 → 6 → 1"
      note="Without one, a layer of a layer is a layer: however many there are, the output is a straight line of the input. With one, every node may add a bend."
    >
      <Controls>
        <Slider
          label="Other weights"
          value={seed}
          from={1}
          to={20}
          onChange={(v) => setSeed(Math.round(v))}
        />
      </Controls>
      <Shown answer={answer}>
        {({ at, withActivation, without }) => (
          <Curves
            label={`The output of two layers against their input: a straight line without an activation, bent with ${shortName(activation)}`}
            x="input"
            y="output"
            xSpan={[-6, 6]}
            lines={[
              {
                name: "no activation",
                mark: 1,
                dashed: true,
                points: at.map((x, i) => [x, without[i]] as const),
              },
              {
                name: shortName(activation),
                mark: 0,
                points: at.map((x, i) => [x, withActivation[i]] as const),
              },
            ]}
          />
        )}
      </Shown>
    </Part>
  );
}

function Softmax(): JSX.Element {
  const [given, setScores] = useSetting(settings.scores);
  const [temperature, setTemperature] = useSetting(settings.temperature);
  const scores = padTo(given, settings.scores.otherwise);
  const answer = useEngine("softmaxOf", { scores, temperature });
  return (
    <Part
      title="From scores to probabilities: softmax"
      note="The shares are positive and add up to 1. A low temperature T lets the largest score take all; a high one evens them out."
    >
      <p>
        <Formula name="softmax" />
      </p>
      <Controls>
        {scores.map((v, i) => (
          <Slider
            key={below[i]}
            label={`score z${below[i]}`}
            value={v}
            from={-5}
            to={5}
            step={0.1}
            onChange={(value) => setScores(changed(scores, i, value))}
          />
        ))}
        <Slider
          label="Temperature T"
          value={temperature}
          from={0.1}
          to={5}
          step={0.1}
          onChange={setTemperature}
        />
      </Controls>
      <Shown answer={answer}>
        {(shares) => (
          <Bars
            label="Probabilities"
            most={1}
            bars={shares.map((p, i) => ({
              name: `z${below[i]} = ${fixed(scores[i], 1)}`,
              value: p,
              text: percent(p),
            }))}
          />
        )}
      </Shown>
    </Part>
  );
}

function Node(): JSX.Element {
  return (
    <>
      <OneNode />
      <WhyBent />
      <Softmax />
    </>
  );
}

export const node: Section = {
  id: "node",
  title: "One node",
  sentence:
    "A node weighs its inputs, adds them and a bias, and bends the sum with an activation: without the bend, many layers could do no more than one.",
  question: {
    asks: "A node with ReLU has z = −0.4. What does it pass on, and what is its slope there?",
    options: ["−0.4, slope 1", "0, slope 0", "0.4, slope −1"],
    right: 1,
    because:
      "ReLU passes positive sums on as they are and turns the rest into 0, where a small change of z changes nothing.",
  },
  View: Node,
};
