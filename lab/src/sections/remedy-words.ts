// What the networks that section 15 trains have in common, and how the command line is told.
import type { RemedyTraining, TrainedName } from "../worker/calls/remedy-training.ts";

export const alike = { size: 32, channels: 6, depth: 2, count: 200, noise: 0.01 } as const;
/** ‖r‖ as a share of ‖x‖, and the search's steps. */
export const searchedFor = { norm: 0.05, steps: 10 } as const;
const flags: Readonly<Record<TrainedName, string>> = {
  none: "",
  jitter: "--jitter 0.1 ",
  "data-consistency": "--data-consistency ",
  adversarial: "--adversarial 0.05 ",
  rates: "--rates 0.125,0.25,0.5 ",
};
export function remedyFlags({ remedy, epochs, seed, backend }: RemedyTraining): string {
  const { size, channels, depth, count, noise } = alike;
  const sizes = `--network unet --size ${size} --channels ${channels} --depth ${depth} --count ${count}`;
  const on = backend === "webgpu" ? "--backend webgpu " : "";
  return `${sizes} --epochs ${epochs} --noise ${noise} ${flags[remedy]}${on}--seed ${seed} --out ${remedy}.safetensors`;
}
