// What a file says of its network for people: nothing that names files or machines.
import { version } from "../../../engine/index.ts";
import type { Network, Provenance } from "../../nn/network.ts";

/** Fields of a provenance that this project writes and that say nothing of whoever trained it. */
const PUBLIC = [
  ...[
    "source",
    "licence",
    "initialSeed",
    "trainingSeed",
    "epochs",
    "bestEpoch",
    "batchSize",
    "samples",
  ],
  ...[
    "optimizer",
    "learningRate",
    "loss",
    "images",
    "imageSeed",
    "mosaics",
    "dataSha256",
    "noiseSigma",
    "pixels",
  ],
  ...["jitter", "smoothing", "rates", "otherMasks", "crop", "betweenWeight"],
  ...["adversarialBudget", "adversarialSteps"],
];
/** "C:\…", "/home/…", "../…", "file:…" */
const path = /(^|\s)(\w:\\|\/|\.{1,2}\/|~|file:)|\\/;

function published(provenance: Provenance): [string, string][] {
  const kept = Object.entries(provenance).filter(
    ([key, value]) => PUBLIC.includes(key) && !path.test(String(value)),
  );
  return kept.map(([key, value]) => [`provenance.${key}`, String(value)]);
}

/** Name, software, classes and what of the provenance is nobody's secret, as text. */
export function metadataOf({ name, provenance, trained }: Network): Record<string, string> {
  const classes = trained?.classes;
  return {
    name: name ?? "network",
    software: `fiducial ${version}`,
    ...Object.fromEntries(published(provenance)),
    ...(classes ? { classes: JSON.stringify(classes) } : {}),
  };
}
