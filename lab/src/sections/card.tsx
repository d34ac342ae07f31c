// The choice of what gradients are taken on: seen only where the page can have a graphics card, or
// where the address asks for one.
import type { JSX } from "preact";
import { Choice, Controls } from "../parts/controls.tsx";
import { oneOf, useSetting } from "../settings.ts";
import { useEngine } from "../worker/client.ts";
import type { GradientBackend } from "../worker/engine.ts";

export const backendSetting = oneOf("backend", ["wasm", "webgpu"], "wasm");
/** What a section's searches and trainings take their gradients on. */
export function useBackend(): GradientBackend {
  return useSetting(backendSetting)[0];
}
/** As the command line has it. */
export const backendWords = (backend: GradientBackend): string[] =>
  backend === "webgpu" ? ["--backend webgpu"] : [];

/** Of searches. */
export const searchNote =
  "What its searches find is measured, and judged, on the processor, as everywhere; another card may find another perturbation.";

/** `note` says what of the figures hangs on the card; `onChange` hears of another choice. */
export function GradientsOn(props: { note: string; onChange?: () => void }): JSX.Element | null {
  const [backend, setBackend] = useSetting(backendSetting);
  const chosen = backend === "webgpu";
  const { value, error, busy } = useEngine("graphicsCard", { chosen });
  if (!chosen && !value?.isThere) return null;
  return (
    <div class="card">
      <Controls>
        <Choice<GradientBackend>
          label="Gradients on"
          value={backend}
          options={[
            ["wasm", "the processor (WebAssembly)"],
            ["webgpu", "the graphics card (WebGPU)"],
          ]}
          onChange={(v) => {
            props.onChange?.();
            setBackend(v);
          }}
        />
      </Controls>
      {chosen && busy && <p class="waiting">The card is being opened…</p>}
      {chosen && error !== undefined && (
        <p class="failure" role="alert">
          This page has no graphics card to compute on: choose the processor. ({error})
        </p>
      )}
      {chosen && !busy && error === undefined && value?.adapter !== undefined && (
        <p class="note">
          On {value.adapter}. {props.note}
          {value.notes.map((note) => ` ${note}.`)}
        </p>
      )}
    </div>
  );
}
