// Checks of single fields of specs that come from files, beside those of operators/spec.ts.
import { FormatError, quoted } from "../engine/index.ts";
import { aNumber, check, type Check } from "./operators/spec.ts";

export const aWhole: Check = check(
  "a whole number from 0 up",
  (v) => Number.isSafeInteger(v) && (v as number) >= 0,
);
export const aText: Check = check("a text", (v) => typeof v === "string");
export const aFlag: Check = check("true or false", (v) => typeof v === "boolean");
export const oneOf = (names: readonly string[]): Check =>
  check(`one of ${names.join(", ")}`, (v) => names.includes(v as string));
/** A list whose every item is held to `item`. */
export const aList =
  (item: Check): Check =>
  (value, where) => {
    if (!Array.isArray(value))
      throw new FormatError(`${where}: it must be a list, it is ${quoted(value)}`, { value });
    value.forEach((v, i) => {
      item(v, `${where}[${i}]`);
    });
  };
export const numbers: Check = aList(aNumber);
/** An object with these fields and no others. */
export const aRecord =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, where) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new FormatError(`${where}: it must be an object, it is ${quoted(value)}`, { value });
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(fields, name));
    if (unknown !== undefined)
      throw new FormatError(
        `${where}: it has no field ${quoted(unknown)}; it has ${Object.keys(fields).join(", ")}`,
        { unknown },
      );
    for (const [name, holds] of Object.entries(fields))
      holds((value as Record<string, unknown>)[name], `${where}.${name}`);
  };
/** An object of any names whose every value is held to `item`. */
export const aMap =
  (item: Check): Check =>
  (value, where) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new FormatError(`${where}: it must be an object, it is ${quoted(value)}`, { value });
    for (const [name, v] of Object.entries(value)) item(v, `${where}[${quoted(name)}]`);
  };
/** A field that may be left out. */
export const maybe =
  (holds: Check): Check =>
  (value, where) => {
    if (value !== undefined) holds(value, where);
  };
