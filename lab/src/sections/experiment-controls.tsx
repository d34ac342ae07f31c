// The controls of the experiment that the sections of /break share.
import type { JSX } from "preact";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
import { Dropped } from "../parts/Dropped.tsx";
import { Opener } from "../parts/Opener.tsx";
import type { MaskKind, NetworkName } from "../worker/break/asked.ts";
import type { Experiment } from "./experiment.ts";

export const maskNames: readonly (readonly [MaskKind, string])[] = [
  ["own", "the networks' own (a quarter)"],
  ["variable-density", "columns drawn densest in the middle"],
  ["random", "columns drawn evenly"],
  ["equispaced", "equispaced columns"],
  ["centre", "the centre only"],
  ["full", "everything"],
  ["drawn", "drawn by hand"],
];
const rated: ReadonlySet<MaskKind> = new Set([
  "variable-density",
  "random",
  "equispaced",
  "centre",
]);

export interface ExperimentControlsProps {
  experiment: Experiment;
  onOpened: () => void;
  /** Whether one network is chosen. */
  withNetwork?: boolean;
  /** Where the mask is drawn elsewhere on the page. */
  withDrawn?: boolean;
}
function Networks({ experiment, onOpened }: ExperimentControlsProps): JSX.Element {
  const { network, set, asked } = experiment;
  return (
    <>
      <Choice<NetworkName>
        label="Network"
        value={network}
        options={[
          ["cascade", "small cascade"],
          ["unet", "small U-Net, faster"],
          ["own", "one of mine"],
        ]}
        onChange={(v) => set({ network: v })}
      />
      {network === "own" && (
        <Opener
          label="Open a network"
          call="openOwnNetwork"
          what="An ONNX file, or a checkpoint of Fiducial's (.safetensors); it stays in this tab."
          beside={{ size: asked.size }}
          say={({ name, parameters, input, notes }) =>
            [
              `${name}: ${parameters} parameters, made for ${input.slice(1).join("×")}.`,
              ...notes,
            ].join(" ")
          }
          onOpened={onOpened}
        />
      )}
    </>
  );
}

export function ExperimentControls(props: ExperimentControlsProps): JSX.Element {
  const { experiment, onOpened, withNetwork = false } = props;
  const { set } = experiment;
  return (
    <>
      <Settings {...props} />
      <Dropped
        {...{ size: experiment.asked.size, withNetwork }}
        onScan={() => {
          set({ image: "own" });
          onOpened();
        }}
        onNetwork={() => {
          set({ network: "own" });
          onOpened();
        }}
      />
    </>
  );
}

function Images({ experiment, onOpened }: ExperimentControlsProps): JSX.Element {
  const { asked, set } = experiment;
  const { image, size } = asked;
  return (
    <>
      <Choice
        label="Image"
        value={image}
        options={[
          ["phantom", "a generated head"],
          ["own", "a scan of mine"],
        ]}
        onChange={(v) => set({ image: v })}
      />
      {image === "own" && (
        <Opener
          label="Open a scan"
          call="openScan"
          what="NIfTI, DICOM, NPY, PNG, MATLAB or HDF5; it stays in this tab."
          beside={{}}
          say={({ name, rows, columns, slice, slices }) =>
            `${name}: ${rows}×${columns}${slices > 1 ? `, slice ${slice} of ${slices}, counted from 0` : ""}.`
          }
          onOpened={onOpened}
        />
      )}
      <Choice
        label="Pixels"
        value={String(size)}
        options={[
          ["64", "64×64, as the networks were trained"],
          ["128", "128×128"],
        ]}
        onChange={(v) => set({ size: v })}
      />
    </>
  );
}

function Masks({ experiment, withDrawn = false }: ExperimentControlsProps): JSX.Element {
  const { asked, set } = experiment;
  const { mask } = asked;
  const kinds = maskNames.filter(
    ([kind]) => kind !== "drawn" || withDrawn || mask.kind === "drawn",
  );
  return (
    <>
      <Choice<MaskKind>
        label="Mask"
        value={mask.kind}
        options={kinds}
        onChange={(v) => set({ mask: v })}
      />
      {rated.has(mask.kind) && (
        <Choice
          label="Measured"
          value={String(mask.rate)}
          options={[
            ["2", "a half"],
            ["4", "a quarter"],
            ["8", "an eighth"],
          ]}
          onChange={(v) => set({ rate: v })}
        />
      )}
    </>
  );
}

function Settings(props: ExperimentControlsProps): JSX.Element {
  const { experiment, withNetwork = false } = props;
  const { asked, set } = experiment;
  const { seed, noise } = asked;
  return (
    <Controls>
      {withNetwork && <Networks {...props} />}
      <Images {...props} />
      <Masks {...props} />
      <Slider
        label="Seed"
        value={seed}
        from={1}
        to={99}
        onChange={(v) => set({ seed: String(Math.round(v)) })}
      />
      <Slider
        label="Noise σ (image at most 1)"
        value={noise}
        from={0}
        to={0.1}
        step={0.005}
        onChange={(v) => set({ noise: String(v) })}
      />
    </Controls>
  );
}
