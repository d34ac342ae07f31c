// Repetition in lists of plain data: { "repeat": 9, "as": "k", "from": 1, "of": […] } stands for
// its items nine times over, with <…> in texts worked out for every k.
import { FormatError, quoted } from "../../engine/index.ts";
import { filledIn, type Variables } from "./names.ts";

/** Items that all repetitions may come to, one inside another. */
const MOST = 20_000;

interface Repetition {
  readonly repeat: number;
  readonly as?: string;
  readonly from?: number;
  readonly of: readonly unknown[];
}
const isObject = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v);
const knownFields = ["repeat", "as", "from", "of"];
function repetitionOf(value: Record<string, unknown>, where: string): Repetition {
  const { repeat, as = "k", from = 0, of } = value;
  const right =
    Number.isSafeInteger(repeat) &&
    (repeat as number) >= 0 &&
    typeof as === "string" &&
    /^[a-z][a-zA-Z]*$/.test(as) &&
    Number.isSafeInteger(from) &&
    Array.isArray(of) &&
    Object.keys(value).every((key) => knownFields.includes(key));
  if (right) return value as unknown as Repetition;
  const what = 'is { "repeat": times, "as": variable, "from": its first value, "of": [items] }';
  throw new FormatError(`${where}: a repetition ${what}, it is ${quoted(value)}`, {});
}

/** The same data without repetitions. Throws FormatError for one that is wrong, or for too many. */
export function expanded(value: unknown, where: string): unknown {
  let made = 0;
  const write = (v: unknown, variables: Variables): unknown => {
    if (++made > MOST)
      throw new FormatError(`${where}: its repetitions come to more than ${MOST} items`, {});
    if (typeof v === "string")
      return Object.keys(variables).length > 0 ? filledIn(v, variables, where) : v;
    if (Array.isArray(v)) return v.flatMap((item) => written(item, variables));
    if (!isObject(v)) return v;
    return Object.fromEntries(
      Object.entries(v).map(([key, item]) => [key, write(item, variables)]),
    );
  };
  const written = (item: unknown, variables: Variables): unknown[] => {
    if (!isObject(item) || !Object.hasOwn(item, "repeat")) return [write(item, variables)];
    const { repeat, as = "k", from = 0, of } = repetitionOf(item, where);
    if (repeat > MOST)
      throw new FormatError(`${where}: ${repeat} repetitions are more than ${MOST}`, {});
    const rounds = Array.from({ length: repeat }, (_, k) => ({ ...variables, [as]: from + k }));
    return rounds.flatMap((round) => of.flatMap((inner) => written(inner, round)));
  };
  return write(value, {});
}
