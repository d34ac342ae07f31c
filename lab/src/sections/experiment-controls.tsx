// The controls of the experiment that the sections of /break share.
import type { JSX } from "preact";
import { Choice, Controls, Slider } from "../parts/controls.tsx";
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
const rated: ReadonlySet<MaskKind> = new Set(["variable-density", "random", "equispaced", "centre"]);

export interface ExperimentControlsProps {
  experiment: Experiment;
  onOpened: () => void;
  /** Whether one network is chosen. */
  withNetwork?: boolean;
  /** Where the mask is drawn elsewhere on the page. */
  withDrawn?: boolean;
}
function Networks({ experiment, onOpened }: ExperimentControlsProps): JSX.Element {
  const { network, set } = experiment;
  return (
    <>
      <Choice<NetworkName>
        label="Network"
        value={network}
        options={[
          ["cascade", "deep cascade (0.7 MB)"],
          ["unet", "U-Net (1.1 MB), faster"],
          ["own", "one of mine"],
        ]}
        onChange={(v) => set({ network: v })}
      />
      {network === "own" && (
        <Opener
          label="Open a network"
          call="openOwnNetwork"
          what="A checkpoint of Fiducial's, .safetensors; it stays in this tab."
          say={({ name, parameters, input }) =>
            `${name}: ${parameters} parameters, made for ${input.slice(1).join("×")}.`
          }
          onOpened={onOpened}
        />
      )}
    </>
  );
}

export function ExperimentControls(props: ExperimentControlsProps): JSX.Element {
  const { experiment, onOpened, withNetwork = false, withDrawn = false } = props;
  const { asked, set } = experiment;
  const { image, mask, size, seed, noise } = asked;
  const kinds = maskNames.filter(([kind]) => kind !== "drawn" || withDrawn || mask.kind === "drawn");
  return (
    <Controls>
      {withNetwork && <Networks {...props} />}
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
          what="NIfTI, NPY, PNG or DICOM; it stays in this tab."
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
          ["64", "64×64"],
          ["128", "128×128"],
        ]}
        onChange={(v) => set({ size: v })}
      />
      <Choice<MaskKind> label="Mask" value={mask.kind} options={kinds} onChange={(v) => set({ mask: v })} />
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
      <Slider label="Seed" value={seed} from={1} to={99} onChange={(v) => set({ seed: String(Math.round(v)) })} />
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
