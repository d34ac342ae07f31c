// Section 11: k-space, a mask over it, and what each method makes of what is measured.
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { download } from "../parts/download.ts";
import { Command } from "../parts/Command.tsx";
import { TypedInput } from "../parts/controls.tsx";
import { KSpace } from "../parts/KSpace.tsx";
import { NumberTable } from "../parts/NumberTable.tsx";
import { fixed, percent, short } from "../parts/numbers.ts";
import { Picture } from "../parts/Picture.tsx";
import { ScaleBar } from "../parts/ScaleBar.tsx";
import { Part, Row, Shown } from "../parts/words.tsx";
import { columnsOf, columnsText, type MethodName } from "../worker/break/asked.ts";
import type { Reconstructed, Sampled } from "../worker/calls/kspace.ts";
import { ask, useEngine, type Answered } from "../worker/client.ts";
import { commandLine, useExperiment, type Experiment } from "./experiment.ts";
import { ExperimentControls } from "./experiment-controls.tsx";
import type { Section } from "./section.ts";

/** By name, and how it takes a mask. */
const methods: readonly (readonly [MethodName, string, string])[] = [
  ["zero", "zero-filled", "Takes what was not measured for 0. Any mask will do."],
  [
    "tv",
    "total variation",
    "Looks for the image with the fewest edges that agrees with the data. Any mask will do.",
  ],
  [
    "cascade",
    "small cascade",
    "Learned from a quarter of k-space, by this mask and 31 like it. It puts the measured cells back in between, so it takes any mask; what it adds was learned for those.",
  ],
  [
    "unet",
    "small U-Net",
    "Learned likewise, and sees the zero-filled image alone: it takes any mask, and corrects the errors of those that it knows.",
  ],
];
const side = (size: number): number => (size > 64 ? 192 : 176);

function MaskTools({
  experiment,
  columns,
}: {
  experiment: Experiment;
  columns: readonly boolean[];
}): JSX.Element {
  const { asked, set } = experiment;
  const [wrong, setWrong] = useState("");
  const id = useId();
  const written = (text: string): void => {
    const ok = columnsOf(text, asked.size) !== undefined;
    setWrong(ok ? "" : `“${text}” says no columns; write them as in 0-3,60-68.`);
    if (ok) set({ mask: "drawn", columns: text.replaceAll(" ", "") });
  };
  const save = async (): Promise<void> => {
    download("mask.png", await ask("maskFile", asked).result, "image/png");
  };
  return (
    <div class="mask-tools">
      <div class="control">
        <label class="note" for={id}>
          Measured columns, counted from 0
        </label>
        <TypedInput id={id} value={columnsText(columns)} onTyped={written} />
      </div>
      <div class="buttons">
        <button type="button" onClick={() => set({ mask: "drawn", columns: "" })}>
          Clear
        </button>
        <button type="button" onClick={() => void save()}>
          Save mask.png
        </button>
      </div>
      {wrong !== "" && <p class="failure">{wrong}</p>}
    </div>
  );
}

function Method(props: {
  title: string;
  note: string;
  size: number;
  answer: Answered<Sampled>;
  most: number;
}): JSX.Element {
  const { title, note, size, answer, most } = props;
  return (
    <Part title={title} note={note}>
      <Shown answer={answer}>
        {({ made, refused, truth }) => (
          <>
            {made.map((m) => (
              <div key={m.method} class="stack">
                <Picture
                  name={`${fixed(m.psnr, 2)} dB, SSIM ${fixed(m.ssim, 3)}`}
                  values={m.x}
                  rows={size}
                  columns={size}
                  span={[0, truth.reduce((a, b) => Math.max(a, b), 0)]}
                  side={side(size)}
                />
                <Picture
                  name={`error of ${title}, at most ${short(m.error.reduce((a, b) => Math.max(a, b), 0))}`}
                  values={m.error}
                  rows={size}
                  columns={size}
                  scale="magma"
                  span={[0, most]}
                  side={side(size)}
                />
              </div>
            ))}
            {refused.map(({ why }) => (
              <p key={why} class="failure">
                {why}
              </p>
            ))}
          </>
        )}
      </Shown>
    </Part>
  );
}

function Measured({
  experiment,
  sampled,
}: {
  experiment: Experiment;
  sampled: Sampled;
}): JSX.Element {
  const { asked, set } = experiment;
  const { kspace, share, truth } = sampled;
  // a mask of the hand's own is drawn before the engine has answered
  const drawn = asked.mask.kind === "drawn" ? columnsOf(asked.mask.columns, asked.size) : undefined;
  const columns = drawn ?? sampled.columns;
  return (
    <Row>
      <Part
        title={`k-space: ${percent(share)} is measured`}
        note="Bright is much. Hatched columns are not measured. Draw over it, or choose a column by the arrows and switch it by the space bar."
      >
        <KSpace
          values={kspace}
          columns={columns.length === asked.size ? columns : sampled.columns}
          side={300}
          onDraw={(next) => set({ mask: "drawn", columns: columnsText(next) })}
        />
        <MaskTools experiment={experiment} columns={columns} />
      </Part>
      <Part
        title="The image"
        note="What is to be found. It is measured, with noise, only where the mask is open."
      >
        <Picture
          name="the true image"
          values={truth}
          rows={asked.size}
          columns={asked.size}
          side={300}
        />
      </Part>
    </Row>
  );
}

/** An empty mask is known before the engine is asked. */
function Empty({ experiment }: { experiment: Experiment }): JSX.Element {
  const { size, mask } = experiment.asked;
  const full = new Array<boolean>(size).fill(false);
  const centre = full.map((_, k) => Math.abs(k - size / 2) < size / 16);
  return (
    <div class="empty">
      <p class="failure" role="alert">
        {columnsOf(mask.columns, size)
          ? "This mask measures nothing: mark at least one column."
          : "These are no columns."}
      </p>
      <div class="buttons">
        <button type="button" onClick={() => experiment.set({ columns: columnsText(centre) })}>
          Mark the middle
        </button>
        <button type="button" onClick={() => experiment.set({ mask: "own", columns: "" })}>
          Back to the networks’ own mask
        </button>
      </div>
      <MaskTools experiment={experiment} columns={full} />
    </div>
  );
}

function Numbers({ made, share }: { made: readonly Reconstructed[]; share: number }): JSX.Element {
  return (
    <NumberTable
      caption={`What is made of ${percent(share)} of k-space`}
      head={["method", "PSNR, dB", "SSIM", "largest error"]}
      rows={made.map((m) => [
        m.name,
        fixed(m.psnr, 2),
        fixed(m.ssim, 3),
        short(m.error.reduce((a, b) => Math.max(a, b), 0)),
      ])}
    />
  );
}

function Figure({ experiment }: { experiment: Experiment }): JSX.Element {
  const { asked } = experiment;
  const answers = methods.map(([method]) =>
    useEngine("sampleKspace", { problem: asked, methods: [method] }),
  );
  const made = answers.flatMap(({ value }) => value?.made ?? []);
  const most = Math.max(1e-6, ...made.map((m) => m.error.reduce((a, b) => Math.max(a, b), 0)));
  return (
    <>
      <Shown answer={answers[0]}>
        {(sampled) => <Measured experiment={experiment} sampled={sampled} />}
      </Shown>
      <div class="pictures four">
        {methods.map(([method, title, note], i) => (
          <Method key={method} {...{ title, note, most }} size={asked.size} answer={answers[i]} />
        ))}
      </div>
      <ScaleBar what="|error|, the same in all four" scale="magma" span={[0, most]} />
      {made.length > 0 && <Numbers made={made} share={answers[0].value?.share ?? 0} />}
    </>
  );
}

function KSpaceSection(): JSX.Element {
  const [opened, setOpened] = useState(0);
  const experiment = useExperiment(opened);
  const { asked } = experiment;
  const isEmpty =
    asked.mask.kind === "drawn" && !columnsOf(asked.mask.columns, asked.size)?.some(Boolean);
  const more = ["--count 1", "--method total-variation", "--out images"];
  return (
    <>
      <ExperimentControls
        experiment={experiment}
        onOpened={() => setOpened(opened + 1)}
        withDrawn
      />
      {isEmpty ? <Empty experiment={experiment} /> : <Figure experiment={experiment} />}
      <Command line={commandLine("reconstruct", { ...asked, network: "cascade" }, more)}>
        <p class="note">
          And with <code>--method zero-filled</code>, or without <code>--method</code> for the
          network.
          {asked.mask.kind === "drawn" && " Save mask.png first, and give its place."}
        </p>
      </Command>
    </>
  );
}

export const kspace: Section = {
  id: "kspace",
  title: "k-space",
  sentence:
    "A scanner measures waves, not pixels: the columns that are left out save time, and somebody has to guess them.",
  question: {
    asks: "Only the eighth in the middle of k-space is measured. What does the zero-filled image look like?",
    options: ["blurred", "folded over itself", "with a piece missing"],
    right: 0,
    because:
      "The middle holds the slow waves, the contrast and the coarse shapes; the fast ones, the edges, are gone: a blur. Equispaced columns fold the image over itself instead. Choose “the centre only” and an eighth.",
  },
  View: KSpaceSection,
};
