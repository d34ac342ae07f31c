// The end of section 10: a drawing, what the network takes it for, and which pixels that hangs on.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Bars } from "../parts/Bars.tsx";
import { Controls, Slider } from "../parts/controls.tsx";
import { Pad } from "../parts/Pad.tsx";
import { percent, short } from "../parts/numbers.ts";
import { Picture } from "../parts/Picture.tsx";
import { Part, Row, Shown } from "../parts/words.tsx";
import { useSetting, whole, type Setting } from "../settings.ts";
import { ask, useEngine } from "../worker/client.ts";
import type { TrainAsked } from "../worker/calls/train.ts";

const SIDE = 28;
/** A hexadecimal digit a pixel. */
const drawing: Setting<readonly number[]> = {
  name: "drawing",
  otherwise: [],
  read: (text) =>
    /^[0-9a-f]{784}$/.test(text) ? [...text].map((c) => Number.parseInt(c, 16) / 15) : undefined,
  write: (pixels) => pixels.map((v) => Math.round(15 * v).toString(16)).join(""),
};
const example = whole("example", 3, 0, 299);
const blank: readonly number[] = new Array<number>(SIDE * SIDE).fill(0);

export function Drawing({ asked, when }: { asked: TrainAsked; when: string }): JSX.Element {
  const [pixels, setPixels] = useSetting(drawing);
  const [index, setIndex] = useSetting(example);
  const own = pixels.length === SIDE * SIDE;
  const take = (i: number): void => {
    setIndex(i);
    void ask("exampleOf", { data: asked.data, index: i }).result.then(setPixels, () => {});
  };
  useEffect(() => {
    if (!own) take(index);
  }, [own]);
  // the newest network's answer; `when` changes with it
  const question = { pixels: own ? pixels : blank, fresh: asked, when };
  const answer = useEngine("classifyDrawing", question);
  return (
    <Part title="Draw one yourself">
      <Controls>
        <Slider
          label="Or take a new picture, number"
          value={index}
          from={0}
          to={299}
          onChange={(v) => take(Math.round(v))}
        />
        <button type="button" onClick={() => setPixels(blank)}>
          Clear the pad
        </button>
      </Controls>
      <Row>
        <Pad label="Drawing, 28×28 pixels" pixels={own ? pixels : blank} onDraw={setPixels} />
        <Shown answer={answer}>
          {(c) => (
            <>
              <Part
                title={`Taken for: ${c.classes[c.likeliest]}`}
                note={
                  c.step === 0
                    ? "By a network that has learned nothing yet: it guesses."
                    : `By the network after ${c.step} steps.`
                }
              >
                <Bars
                  label="Probability of each class"
                  most={1}
                  bars={c.classes.map((name, i) => ({
                    name,
                    value: c.probabilities[i],
                    text: percent(c.probabilities[i]),
                    strong: i === c.likeliest,
                  }))}
                />
              </Part>
              <Part
                title="The pixels that this hangs on"
                note={`|∂ score of “${c.classes[c.likeliest]}” / ∂ pixel|, up to ${short(c.saliency.reduce((a, b) => Math.max(a, b), 0))}: where it is bright, a small change moves the answer most.`}
              >
                <Picture
                  name="saliency"
                  values={c.saliency}
                  rows={SIDE}
                  columns={SIDE}
                  scale="magma"
                  side={196}
                />
              </Part>
            </>
          )}
        </Shown>
      </Row>
    </Part>
  );
}
