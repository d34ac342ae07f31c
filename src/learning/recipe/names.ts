// Names with whole numbers in them: "<c>.residual.body.<l>.conv2d.weight" fits many names, and
// "arr_<5*c+l>" is another for each. <…> holds a variable where names are taken apart, and a sum, a
// product, a quotient or a remainder of variables where they are put together.
import { FormatError, quoted } from "../../engine/index.ts";

export type Variables = Readonly<Record<string, number>>;

const TOKEN = /\s*(\d+|[a-z][a-zA-Z]*|[-+*/%()])/y;
function tokensOf(text: string, where: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const found = TOKEN.exec(text);
    if (!found || tokens.length > 100)
      throw new FormatError(`${where}: ${quoted(text)} is no sum of variables`, {});
    tokens.push(found[1]);
  }
  return tokens;
}

/** Whole numbers with + − * / % and parentheses; / rounds down, as Python's //. */
export function evaluate(text: string, variables: Variables, where: string): number {
  const tokens = tokensOf(text, where);
  let at = 0;
  const fail = (): never => {
    const names = Object.keys(variables).join(", ") || "none";
    throw new FormatError(
      `${where}: ${quoted(text)} is no sum of variables; there are ${names}`,
      {},
    );
  };
  const value = (): number => {
    const token = tokens[at++];
    if (token === "-") return -value();
    if (token === "(") {
      const inner = sum();
      if (tokens[at++] !== ")") fail();
      return inner;
    }
    if (token !== undefined && /^\d/.test(token)) return Number(token);
    return token !== undefined && Object.hasOwn(variables, token) ? variables[token] : fail();
  };
  const product = (): number => {
    let left = value();
    while (["*", "/", "%"].includes(tokens[at])) {
      const operation = tokens[at++];
      const right = value();
      if (operation === "*") left *= right;
      else left = operation === "/" ? Math.floor(left / right) : left % right;
    }
    return left;
  };
  const sum = (): number => {
    let left = product();
    while (["+", "-"].includes(tokens[at])) left += tokens[at++] === "+" ? product() : -product();
    return left;
  };
  const result = sum();
  if (at !== tokens.length || !Number.isSafeInteger(result)) fail();
  return result;
}

/** Every <…> of a text as the number that it is worth. */
export const filledIn = (text: string, variables: Variables, where: string): string =>
  text.replace(/<([^<>]*)>/g, (_, inner: string) => String(evaluate(inner, variables, where)));

/**
 * The numbers for which a pattern is a name; undefined where it is not. Throws FormatError for a
 * pattern whose <…> holds no single variable.
 */
export function fitted(pattern: string, name: string): Variables | undefined {
  const found: Record<string, number> = {};
  let at = 0;
  for (const [i, part] of pattern.split(/<([^<>]*)>/).entries()) {
    if (i % 2 === 0) {
      if (!name.startsWith(part, at)) return undefined;
      at += part.length;
      continue;
    }
    if (!/^[a-z][a-zA-Z]*$/.test(part))
      throw new FormatError(
        `recipe: the pattern ${quoted(pattern)} holds ${quoted(part)}; it may hold variables, as <c>`,
        {},
      );
    const digits = /^\d{1,9}/.exec(name.slice(at, at + 9))?.[0];
    if (digits === undefined) return undefined;
    if (Object.hasOwn(found, part) && found[part] !== Number(digits)) return undefined;
    found[part] = Number(digits);
    at += digits.length;
  }
  return at === name.length ? found : undefined;
}

/** Whether a name is as a pattern in which * stands for anything. */
export function alike(pattern: string, name: string): boolean {
  const parts = pattern.split("*");
  if (parts.length === 1) return pattern === name;
  const [first, last] = [parts[0], parts.at(-1)!];
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
