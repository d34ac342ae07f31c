// Section 8: how wrong a prediction is, in one number, and the mean over all samples.
import type { JSX } from "preact";
import { Bars } from "../parts/Bars.tsx";
import { Choice, Controls, Slider, Switch } from "../parts/controls.tsx";
import { Curves } from "../parts/Curves.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { percent, short } from "../parts/numbers.ts";
import { Formula, Part, Row, Shown } from "../parts/words.tsx";
import { numbers, oneOf, useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { Costs, LossName } from "../worker/calls/cost.ts";
import type { Section } from "./section.ts";

/** Where predictions are, and where they may go. */
const kinds = {
  squared: { predictions: [0.9, 0.2, 0.4, 1.1], from: -1, to: 2, axis: "prediction" },
  crossEntropy: { predictions: [3, -2, -0.5, 1], from: -6, to: 6, axis: "score of “yes”" },
} as const;
const settings = {
  loss: oneOf("loss", ["squared", "crossEntropy"], "squared"),
  predictions: numbers("predictions", []),
  targets: numbers("targets", [1, 0, 1, 1]),
  chosen: whole("sample", 3, 1, 4),
};
const changed = (cells: readonly number[], index: number, value: number): number[] =>
  cells.map((v, i) => (i === index ? value : v));

const nameOf = (k: number): string => `sample ${k + 1}`;

function useCost() {
  const [loss, setLoss] = useSetting(settings.loss);
  const [given, setPredictions] = useSetting(settings.predictions);
  const [givenTargets, setTargets] = useSetting(settings.targets);
  const [sample, setSample] = useSetting(settings.chosen);
  const { from, to, axis, predictions: firsts } = kinds[loss];
  const predictions = given.length === 4 ? given : firsts;
  const targets =
    givenTargets.length === 4 ? givenTargets.map((v) => (v >= 0.5 ? 1 : 0)) : [1, 0, 1, 1];
  const chosen = sample - 1;
  return {
    ...{ loss, predictions, targets, chosen, from, to, axis, setSample },
    setLoss: (next: LossName) => {
      setPredictions([]);
      setLoss(next);
    },
    predict: (v: number) => setPredictions(changed(predictions, chosen, v)),
    aim: (on: boolean) => setTargets(changed(targets, chosen, on ? 1 : 0)),
  };
}
type State = ReturnType<typeof useCost>;

function Turned({ state }: { state: State }): JSX.Element {
  const { loss, predictions, targets, chosen, from, to, axis } = state;
  return (
    <Controls>
      <Choice<LossName>
        label="Cost"
        value={loss}
        options={[
          ["squared", "squared: (p − t)²"],
          ["crossEntropy", "cross-entropy: −log p(right class)"],
        ]}
        onChange={state.setLoss}
      />
      <Choice
        label="Sample"
        value={String(chosen + 1)}
        options={[1, 2, 3, 4].map((k) => [String(k), `sample ${k}`] as const)}
        onChange={(v) => state.setSample(Number(v))}
      />
      <Slider
        label={`Its ${axis}`}
        value={predictions[chosen]}
        from={from}
        to={to}
        step={0.05}
        onChange={state.predict}
      />
      <Switch
        label={loss === "squared" ? "Its target is 1 (else 0)" : "The right answer is “yes”"}
        on={targets[chosen] === 1}
        onChange={state.aim}
      />
    </Controls>
  );
}

function CostTable({ state, costs }: { state: State; costs: Costs }): JSX.Element {
  const { probabilities } = costs;
  return (
    <NumberTable
      caption="Every sample's cost"
      chosen={state.chosen}
      head={["", state.axis, ...(probabilities ? ["p(“yes”)"] : []), "target", "cost"]}
      rows={[
        ...costs.each.map((c, k) => [
          nameOf(k),
          short(state.predictions[k]),
          ...(probabilities ? [percent(probabilities[k])] : []),
          String(state.targets[k]),
          short(c),
        ]),
        [
          <strong key="m">mean</strong>,
          "",
          ...(probabilities ? [""] : []),
          "",
          <strong key="c">{short(costs.mean)}</strong>,
        ],
      ]}
    />
  );
}

function CostFigure(): JSX.Element {
  const state = useCost();
  const { loss, predictions, targets, chosen, from, to, axis } = state;
  const answer = useEngine("costsOf", { loss, predictions, targets, chosen, from, to });
  return (
    <>
      <Turned state={state} />
      <Shown answer={answer}>
        {(costs) => (
          <>
            <Row>
              <Part
                title={`${nameOf(chosen)}: C${"₁₂₃₄"[chosen]} = ${short(costs.each[chosen])}`}
                note={`The slope at the dot is ${short(costs.slope)}: which way to move the ${axis}, and how much is to be gained.`}
              >
                <Curves
                  label={`Cost of ${nameOf(chosen)} against its ${axis}; now ${short(costs.each[chosen])} at ${short(predictions[chosen])}`}
                  x={axis}
                  y="cost"
                  lines={[
                    {
                      name: `target ${targets[chosen]}`,
                      mark: 0,
                      points: costs.at.map((x, i) => [x, costs.curve[i]] as const),
                    },
                  ]}
                  dot={[predictions[chosen], costs.each[chosen]]}
                />
              </Part>
              <Part title="All samples, and their mean">
                <Bars
                  label="Costs of the samples, and their mean"
                  bars={[
                    ...costs.each.map((value, k) => ({
                      name: nameOf(k),
                      value,
                      strong: k === chosen,
                    })),
                    { name: "mean C", value: costs.mean, strong: true },
                  ]}
                />
                <p>
                  <Formula name="cost" /> = {short(costs.mean)}
                </p>
              </Part>
            </Row>
            <CostTable state={state} costs={costs} />
          </>
        )}
      </Shown>
    </>
  );
}

export const cost: Section = {
  id: "cost",
  title: "The cost",
  sentence:
    "The cost says in one number how wrong a prediction is; what training lowers is its mean over all samples.",
  question: {
    asks: "A prediction is twice as far off as before. What becomes of its squared cost?",
    options: ["twice as much", "four times as much", "the same"],
    right: 1,
    because:
      "The distance is squared: large errors count for more than many small ones. Move sample 3 and see.",
  },
  View: CostFigure,
};
