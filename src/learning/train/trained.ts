// How a network is used, as its checkpoint says it: typed fields, held to their types when a file
// is read, and taken from the provenance of the first format.
import { FormatError, quoted } from "../../engine/index.ts";
import type { Provenance, Trained } from "../nn/network.ts";
import { isPreprocessing } from "../predict/preprocessing.ts";

const finite = (v: unknown): boolean => typeof v === "number" && Number.isFinite(v);
const isObject = (v: unknown): boolean => typeof v === "object" && v !== null && !Array.isArray(v);
const furtherOfForm: Readonly<Record<string, (v: unknown) => boolean>> = {
  scale: (v) => ["rms", "peak", "none"].includes(v as string),
  noiseLevel: (v) => finite(v) && (v as number) > 0,
  lowestFrequency: (v) => ["centre", "corner"].includes(v as string),
  normalization: (v) => ["orthonormal", "unnormalised"].includes(v as string),
};
const isForm = (v: unknown): boolean => {
  if (!isObject(v)) return false;
  const { input, iterations, dataConsistency, ...further } = v as Record<string, unknown>;
  const known = (name: string, value: unknown): boolean =>
    Object.hasOwn(furtherOfForm, name) && furtherOfForm[name](value);
  return (
    (input === "image" || input === "measurement") &&
    Number.isInteger(iterations) &&
    typeof dataConsistency === "boolean" &&
    Object.entries(further).every(([name, value]) => known(name, value))
  );
};
const fields: { readonly [K in keyof Required<Trained>]: (v: unknown) => boolean } = {
  form: isForm,
  operator: isObject,
  noiseSigma: finite,
  smoothing: finite,
  rates: (v) => Array.isArray(v) && v.every(finite),
  images: (v) => typeof v === "string",
  kinds: (v) => Array.isArray(v) && v.every(isObject),
  classes: (v) => Array.isArray(v) && v.every((c) => typeof c === "string"),
  preprocessing: isPreprocessing,
};

/** Throws FormatError, beginning with `where`, for a field that is unknown or of another type. */
export function checkTrained(value: unknown, where: string): Trained {
  if (!isObject(value))
    throw new FormatError(`${where}: what it was trained for is no object: it is damaged`, {});
  for (const [name, v] of Object.entries(value as object)) {
    if (!Object.hasOwn(fields, name))
      throw new FormatError(
        `${where}: it was trained for ${quoted(name)}, which this version does not know; it knows ${Object.keys(fields).join(", ")}`,
        { name },
      );
    if (!fields[name as keyof Trained](v))
      throw new FormatError(
        `${where}: its field trained.${name} is ${quoted(v)}, of a wrong type`,
        { name },
      );
  }
  return value as Trained;
}

/** What the first format said among its provenance, some of it as JSON in text. */
export function trainedOfProvenance(provenance: Provenance): Trained | undefined {
  const parsed = (name: string): unknown => {
    try {
      return JSON.parse(String(provenance[name]));
    } catch {
      return undefined;
    }
  };
  const { input, iterations, dataConsistency, noiseSigma, smoothing, rates, images } = provenance;
  const formed = input !== undefined || iterations !== undefined || dataConsistency !== undefined;
  const found: Record<keyof Trained, unknown> = {
    form: formed && {
      input: input === "measurement" ? input : "image",
      iterations: iterations ?? 1,
      dataConsistency: dataConsistency === true,
    },
    operator: parsed("operator"),
    noiseSigma,
    smoothing,
    rates,
    images,
    kinds: undefined,
    classes: parsed("classes"),
    preprocessing: undefined,
  };
  const kept = Object.entries(found).filter(([name, v]) => fields[name as keyof Trained](v));
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}
