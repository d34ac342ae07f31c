// Section 4: a filter over channels, the three answers before they are added, and the word tensor.
import type { JSX } from "preact";
import { spanOf } from "../parts/colours.ts";
import { Controls, Slider, Switch } from "../parts/controls.tsx";
import { Grid, type Place } from "../parts/Grid.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { placeName, short } from "../parts/numbers.ts";
import { Formula, Part, Row, Shown, Sign } from "../parts/words.tsx";
import { flag, numbers, real, useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { Summed } from "../worker/calls/channels.ts";
import type { Section } from "./section.ts";

const SIDE = 6;
const OUT = SIDE - 2;
const names = ["red", "green", "blue"] as const;
/** A red square at the left, a green bar below, blue from the right. */
const picture = names.flatMap((_, c) =>
  Array.from({ length: SIDE * SIDE }, (__, i) => {
    const [row, column] = [Math.floor(i / SIDE), i % SIDE];
    if (c === 0) return row < 4 && column < 3 ? 10 : 0;
    if (c === 1) return row >= 4 ? 10 : 0;
    return column * 2;
  }),
);
/** Vertical edges in red, horizontal ones in green, nothing of blue. */
const filter = [
  1, 0, -1, 1, 0, -1, 1, 0, -1, 1, 1, 1, 0, 0, 0, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

const settings = {
  image: numbers("image", picture),
  filter: numbers("filter", filter),
  bias: real("bias", 2, -50, 50),
  count: whole("count", 8, 1, 64),
  mutes: [flag("no-red"), flag("no-green"), flag("no-blue")],
  row: whole("row", 1, 0, OUT - 1),
  column: whole("column", 1, 0, OUT - 1),
};
const set = (cells: readonly number[], index: number, value: number): number[] =>
  cells.map((v, i) => (i === index ? value : v));
const planeOf = (values: ArrayLike<number>, c: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => values[c * n + i]);

interface ChannelRowProps {
  c: number;
  image: readonly number[];
  weights: readonly number[];
  summed: Summed;
  at: Place;
  span: readonly [number, number];
  onImage: (index: number, value: number) => void;
  onWeight: (index: number, value: number) => void;
}
function ChannelRow({
  c,
  image,
  weights,
  summed,
  at,
  span,
  onImage,
  onWeight,
}: ChannelRowProps): JSX.Element {
  return (
    <div class={`channel channel-${names[c]}`}>
      <Row>
        <Part title={`${names[c]} channel`}>
          <Grid
            label={`${names[c]} channel of the image`}
            scale="grey"
            span={[0, 10]}
            values={planeOf(image, c, SIDE * SIDE)}
            rows={SIDE}
            columns={SIDE}
            cell={30}
            box={{ ...at, height: 3, width: 3 }}
            onEdit={(i, v) => onImage(c * SIDE * SIDE + i, v)}
          />
        </Part>
        <Sign>⋆</Sign>
        <Part title="its kernel">
          <Grid
            label={`kernel for ${names[c]}`}
            values={planeOf(weights, c, 9)}
            span={spanOf("signed", weights)}
            rows={3}
            columns={3}
            cell={30}
            onEdit={(i, v) => onWeight(c * 9 + i, v)}
          />
        </Part>
        <Sign>=</Sign>
        <Part title="its answer">
          <Grid
            label={`answer of ${names[c]} alone`}
            values={planeOf(summed.answers.data, c, OUT * OUT)}
            span={span}
            rows={OUT}
            columns={OUT}
            cell={34}
            box={{ ...at, height: 1, width: 1 }}
          />
        </Part>
      </Row>
    </div>
  );
}

/** How many numbers the image, the filters and the maps are. */
function Sizes({ summed, count }: { summed: Summed; count: number }): JSX.Element {
  return (
    <p>
      A block of numbers with several axes is a <strong>tensor</strong>: the image has 3×{SIDE}×
      {SIDE} numbers, one filter 3×3×3, and {count}{" "}
      {count === 1 ? "filter answers" : "filters answer"} with {summed.shape.slice(-3).join("×")}.{" "}
      <Formula name="parameters" /> = <strong>{summed.parameters} parameters</strong>, whatever the
      size of the image (C = 3 channels, k = 3).
    </p>
  );
}

/** The sum at one place, term by term. */
function Products({
  summed,
  place,
  bias,
}: {
  summed: Summed;
  place: string;
  bias: number;
}): JSX.Element {
  return (
    <NumberTable
      caption={`The 27 products at ${place}`}
      head={["channel", "image at", "image x", "weight w", "w · x"]}
      rows={[
        ...summed.terms.map((t) => [
          names[t.at[0]],
          placeName(t.at[1], t.at[2]),
          short(t.input),
          short(t.weight),
          short(t.product),
        ]),
        ["bias", "", "", short(bias), short(bias)],
        [
          <strong key="sum">sum</strong>,
          "",
          "",
          "",
          <strong key="value">{short(summed.sum)}</strong>,
        ],
      ]}
    />
  );
}

interface AnswersProps {
  image: readonly number[];
  weights: readonly number[];
  bias: number;
  summed: Summed;
  at: Place;
  onImage: (index: number, value: number) => void;
  onWeight: (index: number, value: number) => void;
  onAt: (place: Place) => void;
}
/** A row for each channel, and the map that their answers are added into. */
function Answers(props: AnswersProps): JSX.Element {
  const { image, weights, bias, summed, at, onImage, onWeight, onAt } = props;
  const { answers, map } = summed;
  const span = spanOf("signed", answers.data, map.data);
  const here = at.row * OUT + at.column;
  const parts = names.map((_, c) => short(answers.data[c * OUT * OUT + here]));
  return (
    <div class="side-by-side">
      <div>
        {names.map((name, c) => (
          <ChannelRow key={name} {...{ c, image, weights, summed, at, span, onImage, onWeight }} />
        ))}
      </div>
      <Sign>→</Sign>
      <Part
        title="The three answers and the bias, added: one map"
        note={`At ${placeName(at.row, at.column)}: ${parts.join(" + ")} + bias ${short(bias)} = ${short(summed.sum)}. Arrows choose another place.`}
      >
        <Grid
          label="map, the sum of the three answers and the bias"
          values={map.data}
          span={span}
          rows={OUT}
          columns={OUT}
          cell={38}
          at={at}
          onAt={onAt}
        />
      </Part>
    </div>
  );
}

function Channels(): JSX.Element {
  const [image, setImage] = useSetting(settings.image);
  const [weights, setWeights] = useSetting(settings.filter);
  const [bias, setBias] = useSetting(settings.bias);
  const [count, setCount] = useSetting(settings.count);
  const [row, setRow] = useSetting(settings.row);
  const [column, setColumn] = useSetting(settings.column);
  const mutes = [
    useSetting(settings.mutes[0]),
    useSetting(settings.mutes[1]),
    useSetting(settings.mutes[2]),
  ];
  const heard = image.map((v, i) => (mutes[Math.floor(i / SIDE ** 2)][0] ? 0 : v));
  const at = { row, column };
  const answer = useEngine("channelSums", {
    image: heard,
    side: SIDE,
    filter: weights,
    bias,
    count,
    row,
    column,
  });
  return (
    <>
      <Controls>
        {mutes.map(([muted, mute], c) => (
          <Switch key={names[c]} label={`Mute ${names[c]}`} on={muted} onChange={mute} />
        ))}
        <Slider label="Bias b" value={bias} from={-50} to={50} onChange={setBias} />
        <Slider
          label="Filters K"
          value={count}
          from={1}
          to={64}
          onChange={(v) => setCount(Math.round(v))}
        />
      </Controls>
      <Shown answer={answer}>
        {(summed) => (
          <>
            <Answers
              image={heard}
              {...{ weights, bias, summed, at }}
              onImage={(i, v) => setImage(set(image, i, v))}
              onWeight={(i, v) => setWeights(set(weights, i, v))}
              onAt={(place) => {
                setRow(place.row);
                setColumn(place.column);
              }}
            />
            <p>
              <Formula name="channels" />
            </p>
            <Sizes summed={summed} count={count} />
            <Products summed={summed} place={placeName(row, column)} bias={bias} />
          </>
        )}
      </Shown>
    </>
  );
}

export const channels: Section = {
  id: "channels",
  title: "Channels",
  sentence:
    "A colour image is three images on top of one another: a filter has a kernel for each, and adds their three answers and a bias into one map.",
  question: {
    asks: "An image has 3 channels, and a filter has 3 kernels of 3×3. How many maps does one filter answer with?",
    options: ["1", "3", "9"],
    right: 0,
    because:
      "Each kernel answers for its own channel, and the three answers are added, with one bias, into one map.",
  },
  View: Channels,
};
