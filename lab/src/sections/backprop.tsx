// Section 9: back-propagation through a whole small network, step by step, with every number.
import type { JSX } from "preact";
import { Vector } from "../parts/Bars.tsx";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed, placeName, short } from "../parts/numbers.ts";
import { Formula, Part, Row, Shown } from "../parts/words.tsx";
import { numbers, oneOf, real, useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { BackpropAsked, Bend, Propagated } from "../worker/calls/backprop.ts";
import type { LossName } from "../worker/calls/cost.ts";
import { kernelFrom, lastFrom, NetworkFigure, parameterCount, stages } from "./backprop-figure.tsx";
import type { Section } from "./section.ts";

/** A bright stroke, falling to the right. */
const stroke = [1, 0.2, 0, 0, 0.3, 1, 0.1, 0, 0, 0.2, 0.9, 0.2, 0, 0, 0.3, 1];
const settings = {
  image: numbers("image", stroke),
  kernel: numbers("kernel", []),
  seed: whole("seed", 1, 1, 50),
  target: whole("target", 1, 1, 2),
  activation: oneOf("activation", ["tanh", "sigmoid", "relu"], "tanh"),
  loss: oneOf("loss", ["squared", "crossEntropy"], "squared"),
  rate: real("rate", 0.5, 0.01, 5),
  updates: whole("updates", 0, 0, 50),
  chosen: whole("weight", kernelFrom, 0, parameterCount - 1),
  stage: whole("stage", stages.length - 1, 0, stages.length - 1),
  nudge: real("nudge", 0.1, -1, 1),
};

function useBackprop() {
  const [image, setImage] = useSetting(settings.image);
  const [kernel, setKernel] = useSetting(settings.kernel);
  const [seed, setSeed] = useSetting(settings.seed);
  const [target, setTarget] = useSetting(settings.target);
  const [activation, setActivation] = useSetting(settings.activation);
  const [loss, setLoss] = useSetting(settings.loss);
  const [rate, setRate] = useSetting(settings.rate);
  const [updates, setUpdates] = useSetting(settings.updates);
  const [chosen, setChosen] = useSetting(settings.chosen);
  const [stage, setStage] = useSetting(settings.stage);
  const own = image.length === stroke.length ? image : stroke;
  const asked: BackpropAsked = {
    ...{ image: own, kernel, seed, target: target - 1, activation, loss, rate, updates, chosen },
  };
  /** What is changed by hand begins again from the first weights. */
  const afresh =
    <T,>(set: (value: T) => void) =>
    (value: T): void => {
      setUpdates(0);
      set(value);
    };
  return {
    ...{
      asked,
      stage,
      setStage,
      setChosen,
      setUpdates,
      setRate: afresh(setRate),
      setTarget: afresh(setTarget),
    },
    ...{ setSeed: afresh(setSeed), setActivation: afresh(setActivation), setLoss: afresh(setLoss) },
    ...{ setImage: afresh(setImage), setKernel: afresh(setKernel) },
  };
}
export type BackpropState = ReturnType<typeof useBackprop>;

function Turned({ state }: { state: BackpropState }): JSX.Element {
  const { asked } = state;
  return (
    <Controls>
      <Choice<Bend>
        label="Activation"
        value={asked.activation}
        options={[
          ["tanh", "tanh"],
          ["sigmoid", "sigmoid"],
          ["relu", "ReLU"],
        ]}
        onChange={state.setActivation}
      />
      <Choice<LossName>
        label="Cost"
        value={asked.loss}
        options={[
          ["squared", "squared, the mean of both outputs"],
          ["crossEntropy", "cross-entropy after softmax"],
        ]}
        onChange={state.setLoss}
      />
      <Choice
        label="Right answer"
        value={String(asked.target + 1)}
        options={[
          ["1", "output 1"],
          ["2", "output 2"],
        ]}
        onChange={(v) => state.setTarget(Number(v))}
      />
      <Slider
        label="First weights (seed)"
        value={asked.seed}
        from={1}
        to={50}
        onChange={(v) => state.setSeed(Math.round(v))}
      />
      <Slider
        label="Learning rate η"
        value={asked.rate}
        from={0.01}
        to={5}
        log
        onChange={state.setRate}
      />
    </Controls>
  );
}

function Steps({ state }: { state: BackpropState }): JSX.Element {
  const { stage, setStage } = state;
  const last = stages.length - 1;
  return (
    <div class="steps">
      <div class="buttons">
        <button type="button" disabled={stage === 0} onClick={() => setStage(0)}>
          Forward only
        </button>
        <button type="button" disabled={stage === last} onClick={() => setStage(stage + 1)}>
          Step backward →
        </button>
        <button type="button" disabled={stage === last} onClick={() => setStage(last)}>
          All the way
        </button>
      </div>
      <p role="status">
        <strong>
          Step {stage} of {last}.
        </strong>{" "}
        {stages[stage]}
      </p>
    </div>
  );
}

/** ∂C/∂w of the chosen parameter as its products, summed over all the places where it is used. */
function ChainTable({ p, chosen }: { p: Propagated; chosen: number }): JSX.Element {
  const { name, difference } = p.parameters[chosen];
  const conv = chosen < lastFrom;
  const row = (s: Propagated["shares"][number]): string[] => [
    conv ? `z at ${placeName(s.at[1], s.at[2])}` : `output ${s.at[0] + 1}`,
    fixed(s.dzdw, 6),
    fixed(s.dadz, 6),
    fixed(s.dCda, 6),
    fixed(s.product, 6),
  ];
  return (
    <>
      <p>
        <Formula name="chain" />{" "}
        {conv
          ? `${name} is used at all nine places of the map, so its derivative is the sum of nine products.`
          : `${name} is used at one node alone, so its derivative is one product; behind the last layer a is z itself.`}
      </p>
      <NumberTable
        caption={`∂C/∂${name}, place by place`}
        head={["place", `∂z/∂${name}`, "∂a/∂z", "∂C/∂a", "product"]}
        rows={[
          ...p.shares.map(row),
          [
            <strong key="s">∂C/∂{name}, their sum</strong>,
            "",
            "",
            "",
            <strong key="v">{fixed(p.total, 7)}</strong>,
          ],
          ["finite difference, by moving it ±0.00001", "", "", "", fixed(difference, 7)],
        ]}
      />
    </>
  );
}

function Nudge({ state, p }: { state: BackpropState; p: Propagated }): JSX.Element {
  const { asked } = state;
  const [by, setBy] = useSetting(settings.nudge);
  const answer = useEngine("nudge", { ...asked, by });
  const { name, gradient } = p.parameters[asked.chosen];
  return (
    <Part title={`Nudge ${name} alone`}>
      <Controls>
        <Slider
          label={`Change of ${name}`}
          value={by}
          from={-1}
          to={1}
          step={0.01}
          onChange={setBy}
        />
      </Controls>
      <Shown answer={answer}>
        {({ cost, nudged }) => (
          <p class="sum">
            C goes from {short(cost, 5)} to {short(nudged, 5)}: {short(nudged - cost, 3)}. The
            derivative promised {short(gradient, 3)} · {short(by)} = {short(gradient * by, 3)},
            which is the better the smaller the change.
          </p>
        )}
      </Shown>
    </Part>
  );
}

function GradientVector({ state, p }: { state: BackpropState; p: Propagated }): JSX.Element {
  const { asked, setChosen } = state;
  const groups = [
    { name: "kernel w, b", from: kernelFrom },
    { name: "weights v of output 1 and 2", from: lastFrom },
    { name: "c", from: parameterCount - 2 },
  ];
  return (
    <Part
      title={`The gradient vector: all ${parameterCount} derivatives`}
      note="It points where the cost rises fastest; its length says how steeply."
    >
      <Controls>
        <Choice
          label="Parameter"
          value={String(asked.chosen)}
          options={p.parameters.map(({ name }, i) => [String(i), name] as const)}
          onChange={(v) => setChosen(Number(v))}
        />
        <span class="control">
          <Formula name="length" /> = <strong>{short(p.length, 4)}</strong>
        </span>
      </Controls>
      <Vector
        label={`The ${parameterCount} derivatives as bars; the numbers are in the table of parameters`}
        values={p.parameters.map((q) => q.gradient)}
        chosen={asked.chosen}
        groups={groups}
        onChoose={setChosen}
      />
    </Part>
  );
}

function Update({ state, p }: { state: BackpropState; p: Propagated }): JSX.Element {
  const { asked, setUpdates } = state;
  return (
    <Part title={`Update: ${asked.updates} done`}>
      <p>
        <Formula name="update" /> for every parameter, and only now that every derivative is known:
        a weight that moved earlier would have changed the derivatives of the others.
      </p>
      <p class="buttons">
        <button
          type="button"
          disabled={asked.updates >= 50}
          onClick={() => setUpdates(asked.updates + 1)}
        >
          Update all {parameterCount} parameters
        </button>
        <button type="button" disabled={asked.updates === 0} onClick={() => setUpdates(0)}>
          Start again
        </button>
      </p>
      <p role="status">
        The next update takes the cost from <strong>{short(p.cost, 5)}</strong> to{" "}
        <strong>{short(p.costAfter, 5)}</strong>
        {p.costAfter > p.cost
          ? ": it rises, for the step is too long. Lower the learning rate."
          : "."}
      </p>
      <NumberTable
        caption="Every parameter"
        chosen={asked.chosen}
        head={["", "now", "∂C/∂w", "finite difference", "after the update"]}
        rows={p.parameters.map((q) => [
          q.name,
          fixed(q.value, 5),
          fixed(q.gradient, 7),
          fixed(q.difference, 7),
          fixed(q.next, 5),
        ])}
      />
    </Part>
  );
}

function Backprop(): JSX.Element {
  const state = useBackprop();
  const answer = useEngine("backpropagate", state.asked);
  const known = state.stage === stages.length - 1;
  return (
    <>
      <Turned state={state} />
      <Steps state={state} />
      <Shown answer={answer}>
        {(p) => (
          <>
            <NetworkFigure state={state} p={p} />
            {known ? (
              <>
                <Row>
                  <GradientVector state={state} p={p} />
                </Row>
                <ChainTable p={p} chosen={state.asked.chosen} />
                <Nudge state={state} p={p} />
                <Update state={state} p={p} />
              </>
            ) : (
              <p class="note">
                The gradient vector, its products and the update follow when every derivative is
                known.
              </p>
            )}
          </>
        )}
      </Shown>
    </>
  );
}

export const backprop: Section = {
  id: "backprop",
  title: "Back-propagation",
  sentence:
    "From the cost backward, the chain rule says how much each weight is to blame: a product of local numbers, added up over every place where the weight is used.",
  question: {
    asks: "A kernel's weight is used at nine places of the map. How many products make up its derivative?",
    options: ["one", "nine, and they are added", "nine, and the largest counts"],
    right: 1,
    because: "The weight moves the cost through each of the nine places, and small changes add up.",
  },
  View: Backprop,
};
