// Section 7: a whole network forward, and any one number of it traced back to pixels.
import type { JSX } from "preact";
import { Bars } from "../parts/Bars.tsx";
import { spanOf, type Scale } from "../parts/colours.ts";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { Grid, type Box, type Place } from "../parts/Grid.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { percent, placeName, short } from "../parts/numbers.ts";
import { Picture } from "../parts/Picture.tsx";
import { Part, Row, Shown, Sign } from "../parts/words.tsx";
import { useSetting, whole } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { Origin, Seen, Traced, TracedLayer } from "../worker/calls/layers.ts";
import type { Section } from "./section.ts";

const settings = {
  digit: whole("digit", 3, 0, 299),
  layer: whole("layer", 4, 1, 8),
  channel: whole("channel", 1, 1, 10),
  row: whole("row", 1, 0, 15),
  column: whole("column", 2, 0, 15),
  // 0: the weights that come with the lab
  trained: whole("trained", 0, 0, 100),
};
const kinds: Readonly<Record<string, string>> = {
  input: "input",
  conv2d: "convolution",
  relu: "ReLU",
  maxPool2d: "max-pooling",
  flatten: "in one line",
  linear: "nodes, one a digit",
  softmax: "softmax",
};
/** After a ReLU there is nothing below 0. */
const scaleOf = (kind: string): Scale =>
  kind === "input" ? "grey" : kind === "relu" || kind === "maxPool2d" ? "viridis" : "signed";

interface Chosen {
  readonly layer: number;
  readonly channel: number;
  readonly row: number;
  readonly column: number;
}
const isImage = ({ shape }: TracedLayer): boolean => shape.length === 4;
const planeOf = ({ shape, data }: TracedLayer, channel: number): Float64Array => {
  const n = shape[2] * shape[3];
  return data.slice(channel * n, (channel + 1) * n);
};
const boxOf = ({ rows, columns }: Seen): Box => ({
  row: rows[0],
  column: columns[0],
  height: rows[1] - rows[0] + 1,
  width: columns[1] - columns[0] + 1,
});

function Strip(props: {
  traced: Traced;
  origin: Origin | undefined;
  chosen: Chosen;
  choose: (c: Chosen) => void;
}): JSX.Element {
  const { traced, origin, chosen, choose } = props;
  return (
    <Row>
      {traced.layers.map((layer, i) => {
        if (!isImage(layer)) return null;
        const [, channels, rows, columns] = layer.shape;
        const seen = origin?.seen.find((s) => s.layer === layer.name);
        const span = spanOf(scaleOf(layer.kind), layer.data);
        return (
          <Part
            key={layer.name}
            title={`${i === 0 ? "" : `${i} · `}${kinds[layer.kind]} ${layer.shape.slice(1).join("×")}`}
          >
            <div
              class="maps"
              style={{ gridTemplateColumns: `repeat(${Math.ceil(channels / 2)}, auto)` }}
            >
              {Array.from({ length: channels }, (_, c) => {
                const own = i === chosen.layer && c === chosen.channel;
                const at = { row: chosen.row, column: chosen.column, height: 1, width: 1 };
                return (
                  <button
                    key={c}
                    type="button"
                    class="map"
                    disabled={i === 0}
                    aria-pressed={own}
                    aria-label={`${kinds[layer.kind]}, layer ${i}, map ${c + 1}`}
                    onClick={() => choose({ ...chosen, layer: i, channel: c })}
                  >
                    <Picture
                      name={`layer ${i}, map ${c + 1}`}
                      values={planeOf(layer, c)}
                      rows={rows}
                      columns={columns}
                      scale={scaleOf(layer.kind)}
                      span={span}
                      side={i === 0 ? 112 : 56}
                      boxes={own ? [at] : seen && i < chosen.layer ? [boxOf(seen)] : []}
                      bare
                    />
                  </button>
                );
              })}
            </div>
          </Part>
        );
      })}
    </Row>
  );
}

/** How a number without weights comes about. */
function Told({ kind, value }: { kind: string; value: number }): JSX.Element {
  const told: Readonly<Record<string, string>> = {
    relu: `ReLU: the number of the layer before, or 0 where that is negative: ${short(value, 4)}.`,
    maxPool2d: `Max-pooling: the largest of the four numbers in the window: ${short(value, 4)}.`,
    softmax: `Softmax: this score's share of all ten, ${percent(value)}.`,
    flatten: `The same numbers, in one line for the nodes that follow: ${short(value, 4)}.`,
  };
  return <p>{told[kind]}</p>;
}

/** Where an input of a layer lies; numbers in one line by their places in the last maps. */
function placeIn(at: readonly number[], maps: readonly number[]): string {
  if (at.length === 3) return `map ${at[0] + 1}, ${placeName(at[1], at[2])}`;
  const [, , rows, columns] = maps;
  const [map, rest] = [Math.floor(at[0] / (rows * columns)), at[0] % (rows * columns)];
  return `map ${map + 1}, ${placeName(Math.floor(rest / columns), rest % columns)}`;
}
function OriginTable(props: {
  origin: Origin;
  name: string;
  maps: readonly number[];
}): JSX.Element {
  const { origin, name, maps } = props;
  const terms = [...origin.terms].sort((p, q) => Math.abs(q.product) - Math.abs(p.product));
  return (
    <NumberTable
      caption={`${name}: its ${terms.length} products, largest first`}
      head={["from", "value a", "weight w", "w · a"]}
      rows={[
        [
          <strong key="z">sum with the bias {short(origin.bias)}</strong>,
          "",
          "",
          <strong key="v">{short(origin.sum, 4)}</strong>,
        ],
        ...terms.map((t) => [
          placeIn(t.at, maps),
          short(t.input),
          short(t.weight),
          short(t.product),
        ]),
      ]}
    />
  );
}

function OneNumber(props: {
  traced: Traced;
  origin: Origin | undefined;
  chosen: Chosen;
  choose: (c: Chosen) => void;
}): JSX.Element {
  const { traced, origin, chosen, choose } = props;
  const layer = traced.layers[chosen.layer];
  const image = isImage(layer);
  const [, channels, rows, columns] = image ? layer.shape : [1, layer.shape[1], 1, layer.shape[1]];
  const values = image ? planeOf(layer, chosen.channel) : layer.data;
  const index = image ? chosen.row * columns + chosen.column : chosen.channel;
  const name = image
    ? `map ${chosen.channel + 1} of ${channels}, ${placeName(chosen.row, chosen.column)}`
    : `number ${chosen.channel + 1} of ${channels}`;
  const seen = origin?.seen.find((s) => s.layer === "input");
  const input = traced.layers[0];
  const at: Place = image ? chosen : { row: 0, column: chosen.channel };
  return (
    <>
      <Row>
        <Part
          title={`Layer ${chosen.layer}, ${name}: ${short(values[index], 4)}`}
          note="Arrows choose another number."
        >
          <Grid
            label={`layer ${chosen.layer}, ${kinds[layer.kind]}`}
            values={values}
            rows={rows}
            columns={columns}
            scale={scaleOf(layer.kind)}
            span={spanOf(scaleOf(layer.kind), layer.data)}
            cell={columns > 10 ? (columns > 16 ? 16 : 24) : 36}
            text={(i) => short(values[i], 2)}
            at={at}
            onAt={({ row, column }) =>
              choose(image ? { ...chosen, row, column } : { ...chosen, channel: column })
            }
          />
        </Part>
        <Sign>←</Sign>
        {seen && (
          <Part
            title={`The pixels that it sees: ${boxOf(seen).height}×${boxOf(seen).width}`}
            note="Nothing outside the frame can change this number."
          >
            <Picture
              name="input"
              values={input.data}
              rows={16}
              columns={16}
              span={[-1, 1]}
              side={200}
              boxes={[boxOf(seen)]}
            />
          </Part>
        )}
      </Row>
      {origin && origin.terms.length > 0 ? (
        <OriginTable
          origin={origin}
          name={`Layer ${chosen.layer}, ${name}`}
          maps={traced.layers.filter(isImage).at(-1)!.shape}
        />
      ) : (
        <Told kind={layer.kind} value={values[index]} />
      )}
    </>
  );
}

/** The nearest number that is there. */
function fitting(traced: Traced | undefined, chosen: Chosen): Chosen {
  const shape = traced?.layers[chosen.layer]?.shape;
  if (!shape) return chosen;
  const [, channels, rows = 1, columns = 1] = shape;
  return {
    layer: chosen.layer,
    channel: Math.min(chosen.channel, channels - 1),
    row: Math.min(chosen.row, rows - 1),
    column: Math.min(chosen.column, columns - 1),
  };
}

function useLayers() {
  const [digit, setDigit] = useSetting(settings.digit);
  const [layer, setLayer] = useSetting(settings.layer);
  const [channel, setChannel] = useSetting(settings.channel);
  const [row, setRow] = useSetting(settings.row);
  const [column, setColumn] = useSetting(settings.column);
  const [trained, setTrained] = useSetting(settings.trained);
  return {
    ...{
      trained,
      setTrained,
      digit,
      setDigit,
      asked: { layer, channel: channel - 1, row, column },
    },
    choose: (c: Chosen) => {
      setLayer(c.layer);
      setChannel(Math.min(10, c.channel + 1));
      setRow(c.row);
      setColumn(c.column);
    },
  };
}

/** Where the network comes from: with the lab, or trained here. */
function Weights(props: {
  trained: number;
  setTrained: (v: number) => void;
  training: boolean;
}): JSX.Element {
  const { trained, setTrained, training } = props;
  const told = training
    ? `Training on 2000 digits from seed ${trained}, in this tab…`
    : trained === 0
      ? "This network came with the lab, trained from seed 1 on 2000 drawn digits."
      : `This network was trained in this tab, from seed ${trained}.`;
  return (
    <div class="steps">
      <div class="buttons">
        <button type="button" disabled={training} onClick={() => setTrained(1 + (trained % 100))}>
          {trained === 0 ? "Train it here" : "Train another"}
        </button>
        {trained > 0 && (
          <button type="button" disabled={training} onClick={() => setTrained(0)}>
            As it came
          </button>
        )}
      </div>
      <p role="status">{told}</p>
    </div>
  );
}

function Layers(): JSX.Element {
  const { digit, setDigit, asked, choose, trained, setTrained } = useLayers();
  const traced = useEngine("traceDigit", { digit, trained });
  const chosen = fitting(traced.value, asked);
  const origin = useEngine("originOf", { digit, trained, ...chosen, layer: chosen.layer - 1 });
  const shown = origin.value;
  const names = traced.value?.layers
    .slice(1)
    .map((l, i) => [String(i + 1), `${i + 1} · ${kinds[l.kind]}`] as const);
  return (
    <>
      <Controls>
        <Slider
          label="Digit (none was trained on)"
          value={digit}
          from={0}
          to={299}
          onChange={(v) => setDigit(Math.round(v))}
        />
        {names && (
          <Choice
            label="Layer"
            value={String(chosen.layer)}
            options={names}
            onChange={(v) => choose({ ...chosen, layer: Number(v) })}
          />
        )}
        <div class="buttons">
          <button
            type="button"
            disabled={chosen.layer <= 1}
            onClick={() => choose({ ...chosen, layer: chosen.layer - 1 })}
          >
            ← Layer before
          </button>
          <button
            type="button"
            disabled={chosen.layer >= 8}
            onClick={() => choose({ ...chosen, layer: chosen.layer + 1 })}
          >
            Layer after →
          </button>
        </div>
      </Controls>
      <Weights trained={trained} setTrained={setTrained} training={traced.busy && trained > 0} />
      <Shown answer={traced}>
        {(t) => (
          <>
            <Strip traced={t} origin={shown} chosen={chosen} choose={choose} />
            <OneNumber traced={t} origin={shown} chosen={chosen} choose={choose} />
            <Part
              title={`What it says in the end: this was drawn as a ${t.label}`}
              note={`${trained === 0 ? "As it comes with the lab" : "Trained in this tab"}, it tells ${percent(t.accuracy)} of 300 new digits right.`}
            >
              <Bars
                label="Probability of each digit"
                most={1}
                bars={Array.from(t.layers.at(-1)!.data, (p, i) => ({
                  name: `“${i}”`,
                  value: p,
                  text: percent(p),
                  strong: i === t.label,
                }))}
              />
            </Part>
          </>
        )}
      </Shown>
    </>
  );
}

export const layers: Section = {
  id: "layers",
  title: "Layers, forward",
  sentence:
    "Layer after layer, each number is computed from a few numbers of the layer before, so that a late one sees a large part of the picture.",
  question: {
    asks: "A number after a 5×5 convolution sees 25 pixels. After 2×2 pooling and a 3×3 convolution more, how wide is the square that one number sees?",
    options: ["3 pixels", "5 pixels", "10 pixels"],
    right: 2,
    because:
      "Three pooled numbers side by side stand for six places of the first map, and those six see 6 + 4 = 10 pixels.",
  },
  View: Layers,
};
