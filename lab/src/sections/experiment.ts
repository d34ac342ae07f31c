// The experiment of /break, which all of its sections share: image, mask, noise, size. It is in the
// address, and the command line takes the same.
import { useEffect } from "preact/hooks";
import { change, useAddress } from "../address.ts";
import { oneOf, real, textOf, useSetting, whole, type Setting } from "../settings.ts";
import {
  maskKinds,
  type MaskKind,
  type NetworkName,
  type ProblemAsked,
} from "../worker/break/asked.ts";
import { backendSetting } from "./card.tsx";

export const NOISE = 0.01;
const columnList: Setting<string> = {
  name: "columns",
  otherwise: "",
  read: (text) => (/^[\d, –-]{0,800}$/.test(text) ? text : undefined),
  write: (text) => text,
};
export const settings = {
  // what the lab's networks were trained at; the address always says it
  size: oneOf("size", ["64", "128"], "64"),
  image: oneOf("image", ["phantom", "own"], "phantom"),
  seed: whole("seed", 1, 1, 9999),
  noise: real("noise", NOISE, 0, 0.5),
  mask: oneOf("mask", maskKinds, "own"),
  rate: oneOf("rate", ["2", "4", "8"], "4"),
  columns: columnList,
  network: oneOf("network", ["cascade", "unet", "own"], "cascade"),
};
/** What goes along from section to section. */
export const carried: ReadonlySet<string> = new Set(
  [...Object.values(settings), backendSetting].map(({ name }) => name),
);

export interface Experiment {
  readonly asked: ProblemAsked;
  readonly network: NetworkName;
  /** A run that was made for another experiment is none of this one. */
  set(changes: { [K in keyof typeof settings]?: string }): void;
}

/** `opened` counts the files that the visitor has opened. */
export function useExperiment(opened: number): Experiment {
  const [size] = useSetting(settings.size);
  const [image] = useSetting(settings.image);
  const [seed] = useSetting(settings.seed);
  const [noise] = useSetting(settings.noise);
  const [kind] = useSetting(settings.mask);
  const [rate] = useSetting(settings.rate);
  const [columns] = useSetting(settings.columns);
  const [network] = useSetting(settings.network);
  const address = useAddress().settings;
  useEffect(() => {
    if (!address.has("size")) change({ size });
  }, []);
  const mask = { kind, rate: Number(rate), columns };
  const asked = { size: Number(size), image, seed, noise, mask, network, opened };
  const set: Experiment["set"] = (changes) => {
    const written = Object.entries(changes).map(([name, text]) => [name, short(name, text)]);
    change({
      run: undefined,
      ...(Object.fromEntries(written) as Record<string, string | undefined>),
    });
  };
  return { asked, network, set };
}
/** What is as it is otherwise needs no word in the address, but for the size. */
function short(name: string, text: string): string | undefined {
  const setting = settings[name as keyof typeof settings] as Setting<unknown>;
  const value = setting.read(text);
  return name === "size" || value === undefined ? text : textOf(setting, value);
}

const maskFlags = ({ kind, rate }: ProblemAsked["mask"]): string[] => {
  const flags: Readonly<Record<MaskKind, string>> = {
    own: "",
    centre: `--sampling equispaced-fraction --acceleration ${rate} --center-fraction ${1 / rate}`,
    "variable-density": `--sampling variable-density --acceleration ${rate}`,
    random: `--sampling random --acceleration ${rate}`,
    equispaced: `--sampling equispaced-fraction --acceleration ${rate}`,
    full: "--sampling equispaced-fraction --acceleration 1 --center-fraction 1",
    drawn: "--mask mask.png --lowest-frequency centre",
  };
  return flags[kind] === "" ? [] : [flags[kind]];
};
/** As the command line has them. */
export const modelNames: Readonly<Record<NetworkName, string>> = {
  cascade: "lab-cascade",
  unet: "lab-unet",
  own: "NETWORK",
};
/** The command line of a problem: "npx fiducial audit --tests … --size 64 …". */
export function commandLine(
  command: string,
  asked: ProblemAsked,
  more: readonly string[] = [],
): string {
  const { size, seed, noise, image, network } = asked;
  return [
    "npx fiducial",
    command,
    `--model ${modelNames[network]}`,
    ...(image === "own" ? ["--images SCAN"] : []),
    `--size ${size}`,
    ...maskFlags(asked.mask),
    `--noise ${noise}`,
    ...more,
    `--seed ${seed}`,
  ].join(" ");
}
