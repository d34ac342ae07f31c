// Section 2: kernels made by hand, and what they make of a picture.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { spanOf } from "../parts/colours.ts";
import { Choice, Controls, Slider, Switch } from "../parts/controls.tsx";
import { Grid } from "../parts/Grid.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed, short } from "../parts/numbers.ts";
import { Picture } from "../parts/Picture.tsx";
import { Part, Row, Shown, Sign } from "../parts/words.tsx";
import { flag, numbers, oneOf, useSetting, whole } from "../settings.ts";
import { ask, useEngine, type EngineError } from "../worker/client.ts";
import type { Filtered, PresetName } from "../worker/calls/filter.ts";
import type { PictureName } from "../worker/pictures.ts";
import type { Section } from "./section.ts";

const pictures: readonly (readonly [PictureName, string])[] = [
  ["phantom", "a head (Shepp–Logan)"],
  ["digit", "a drawn digit"],
  ["edge", "an edge"],
  ["colours", "shapes in colours"],
  ["own", "your own picture"],
];
const presets: readonly (readonly [PresetName, string])[] = [
  ["verticalEdge", "vertical edges"],
  ["horizontalEdge", "horizontal edges"],
  ["sobelVertical", "vertical edges (Sobel)"],
  ["sobelHorizontal", "horizontal edges (Sobel)"],
  ["laplacian", "edges all around (Laplacian)"],
  ["corner", "corners"],
  ["sharpen", "sharpen"],
  ["emboss", "emboss"],
  ["boxBlur", "blur (mean)"],
  ["gaussianBlur", "blur (Gaussian)"],
  ["identity", "nothing (identity)"],
  ["red", "red alone (3 channels)"],
  ["luminance", "brightness of colours (3 channels)"],
];
const needColour: ReadonlySet<string> = new Set(["red", "luminance"]);
const planeNames = ["red", "green", "blue"];

const settings = {
  image: oneOf("image", ["phantom", "digit", "edge", "colours", "own"], "phantom"),
  preset: oneOf(
    "preset",
    presets.map(([name]) => name),
    "verticalEdge",
  ),
  size: whole("size", 3, 3, 11),
  cells: numbers("cells", []),
  flip: flag("flip"),
};

/** Opens a file of the visitor's in the worker; says what came of it. */
function Open({ onOpened }: { onOpened: () => void }): JSX.Element {
  const [said, say] = useState("PNG, JPEG, DICOM, NIfTI or NPY; it stays in this tab.");
  const open = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    if (file.size > 64e6)
      return say(`${file.name} has ${Math.round(file.size / 1e6)} MB; open one of at most 64 MB.`);
    const bytes = new Uint8Array(await file.arrayBuffer());
    await ask("openPicture", { bytes, name: file.name }).result.then(
      ({ name, rows, columns }) => {
        say(`${name}, shown with ${rows}×${columns} pixels.`);
        onOpened();
      },
      (error: EngineError) => say(error.message),
    );
  };
  return (
    <div class="control">
      <label for="own-picture">Open a picture of yours</label>
      <input id="own-picture" type="file" onChange={(e) => void open(e.currentTarget.files?.[0])} />
      <p class="note" role="status">
        {said}
      </p>
    </div>
  );
}

function KernelGrids(props: {
  filtered: Filtered;
  onEdit: (index: number, value: number) => void;
}): JSX.Element {
  const { kernel } = props.filtered;
  const size = kernel.shape.at(-1)!;
  const planes = kernel.data.length / size ** 2;
  return (
    <>
      {Array.from({ length: planes }, (_, p) => (
        <Grid
          key={p}
          label={planes === 1 ? "kernel" : `kernel for ${planeNames[p]}`}
          values={kernel.data.slice(p * size * size, (p + 1) * size * size)}
          span={spanOf("signed", kernel.data)}
          rows={size}
          columns={size}
          cell={size > 7 ? 27 : size > 5 ? 32 : 40}
          onEdit={(index, value) => props.onEdit(p * size * size + index, value)}
        />
      ))}
    </>
  );
}

const statistics = (values: ArrayLike<number>): string[] => {
  const all = Array.from(values);
  const [low, high] = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
  return [low, high, all.reduce((a, b) => a + b, 0) / all.length].map((v) => fixed(v, 3));
};

function Answer({ filtered }: { filtered: Filtered }): JSX.Element {
  const { shape, input, output, planes } = filtered;
  const [channels, rows, columns] = shape;
  const n = rows * columns;
  const span = spanOf("signed", output);
  const side = planes > 1 ? 150 : 260;
  return (
    <>
      <Part title="Picture">
        <Picture
          name="picture"
          values={input}
          rows={rows}
          columns={columns}
          span={[0, 1]}
          side={channels > 1 ? 200 : 260}
        />
      </Part>
      <Sign>→</Sign>
      <Part
        title="Answer"
        note={`White is 0, red positive, blue negative, up to ±${short(span[1])}.`}
      >
        <div class="planes">
          {Array.from({ length: planes }, (_, p) => (
            <Picture
              key={p}
              name={planes === 1 ? "answer" : `answer in ${planeNames[p]}`}
              values={output.slice(p * n, (p + 1) * n)}
              rows={rows}
              columns={columns}
              scale="signed"
              span={span}
              side={side}
            />
          ))}
        </div>
      </Part>
    </>
  );
}

function Kernels(): JSX.Element {
  const [image, setImage] = useSetting(settings.image);
  const [preset, setPreset] = useSetting(settings.preset);
  const [size, setSize] = useSetting(settings.size);
  const [cells, setCells] = useSetting(settings.cells);
  const [flip, setFlip] = useSetting(settings.flip);
  const [opened, setOpened] = useState(0);
  const odd = size % 2 === 1 ? size : size - 1;
  const asked = {
    image,
    preset,
    size: odd,
    cells: cells.length > 0 ? cells : undefined,
    flip,
    opened,
  };
  const answer = useEngine("filterPicture", asked);
  return (
    <>
      <Controls>
        <Choice label="Picture" value={image} options={pictures} onChange={setImage} />
        {image === "own" && <Open onOpened={() => setOpened(opened + 1)} />}
        <Choice
          label="Kernel"
          value={preset}
          options={presets}
          onChange={(name) => {
            setCells([]);
            setPreset(name);
            if (needColour.has(name) && image !== "own") setImage("colours");
          }}
        />
        <Slider
          label="Size"
          value={odd}
          from={3}
          to={11}
          step={2}
          onChange={(v) => {
            setCells([]);
            setSize(Math.round(v));
          }}
        />
        <Switch label="Turn the kernel first (a true convolution)" on={flip} onChange={setFlip} />
      </Controls>
      <Shown answer={answer}>
        {(filtered) => (
          <>
            <Row>
              <Part title={`Kernel, ${odd}×${odd}`} note="Enter or a second tap edits a cell.">
                <KernelGrids
                  filtered={filtered}
                  onEdit={(index, value) =>
                    setCells(
                      filtered.kernel.data.map((v, i) =>
                        i === index ? value : Number(v.toPrecision(6)),
                      ),
                    )
                  }
                />
              </Part>
              <Answer filtered={filtered} />
            </Row>
            <p>
              Networks slide the kernel as it stands (cross-correlation). Mathematicians turn it by
              180° first (convolution): with weights that are learned, it makes no difference which.
            </p>
            <NumberTable
              caption="What goes in and what comes out"
              head={["", "lowest", "highest", "mean"]}
              rows={[
                ["picture", ...statistics(filtered.input)],
                ["kernel", ...statistics(filtered.kernel.data)],
                ["answer", ...statistics(filtered.output)],
              ]}
            />
          </>
        )}
      </Shown>
    </>
  );
}

export const kernels: Section = {
  id: "kernels",
  title: "Make kernels",
  sentence:
    "What a kernel finds depends on its weights alone: edges, corners, a colour, or the same picture blurred.",
  question: {
    asks: "A kernel's nine weights add up to 0. What does it answer where the picture is plain grey?",
    options: ["the grey itself", "0", "that depends on the grey"],
    right: 1,
    because:
      "Every weight meets the same grey, so the answer is grey times the sum of the weights. Edge kernels sum to 0, blurs to 1.",
  },
  View: Kernels,
};
