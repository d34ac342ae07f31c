// Plain data that names an operator or a mask: how it is checked when it comes from a file, and how
// two are compared.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { float32Bytes, FormatError, quoted, type Shape } from "../../engine/index.ts";

/** Arrays that specs name, by their hash (arrayHash). */
export type Arrays = ReadonlyMap<
  string,
  { readonly shape: Shape; readonly data: ArrayLike<number> }
>;

/** SHA-256 of the values as float32, little-endian. */
export const arrayHash = (values: ArrayLike<number>): string =>
  bytesToHex(sha256(float32Bytes(Float32Array.from(values))));

/** The array of that hash. Throws FormatError, naming `what` and the hash, when it is not given. */
export function arrayOf(
  arrays: Arrays,
  hash: string,
  what: string,
): { shape: Shape; data: ArrayLike<number> } {
  const found = arrays.get(hash);
  if (!found)
    throw new FormatError(`${what}: the array with SHA-256 ${hash} is not given; pass its file`, {
      hash,
    });
  return found;
}

/** Throws FormatError, naming `where`, for a value of another kind. */
export type Check = (value: unknown, where: string) => void;
/** Holds a value to what `is` says; `what` it must be is for the message. */
export const check =
  (what: string, is: (value: unknown) => boolean): Check =>
  (value, where) => {
    if (!is(value))
      throw new FormatError(`${where}: it must be ${what}, it is ${quoted(value)}`, { value });
  };
export const aNumber: Check = check("a number", (v) => typeof v === "number" && Number.isFinite(v));
export const aHash: Check = check(
  "a SHA-256",
  (v) => typeof v === "string" && /^[0-9a-f]{64}$/.test(v),
);
export const aShape: Check = check(
  "[height, width]",
  (v) => Array.isArray(v) && v.length === 2 && v.every((n) => Number.isInteger(n) && n > 0),
);

/** The fields of every kind of one family of specs. */
export type Kinds = Readonly<Record<string, Readonly<Record<string, Check>>>>;

/**
 * Holds a value to the fields of its kind. Throws FormatError that names the kind which does not
 * exist, or the field that is missing, unknown or of another type.
 */
export function checkSpec(value: unknown, where: string, kinds: Kinds): void {
  const spec = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const { kind, ...rest } = spec;
  const fields = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (!fields)
    throw new FormatError(
      `${where}: there is no kind ${kind === undefined ? "given" : quoted(kind)}; this version knows ${Object.keys(kinds).join(", ")}`,
      { kind },
    );
  const unknown = Object.keys(rest).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined)
    throw new FormatError(
      `${where}: ${String(kind)} has no field ${quoted(unknown)}; it has ${Object.keys(fields).join(", ")}`,
      { unknown },
    );
  for (const [name, holds] of Object.entries(fields)) holds(rest[name], `${where}.${name}`);
}

/** The same JSON for the same spec, in whatever order its fields were written. */
export const canonical = (spec: unknown): string =>
  JSON.stringify(spec, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
