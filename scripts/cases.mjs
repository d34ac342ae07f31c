// npm run cases -- FOLDER: runs the broken files and the reports from the field that FOLDER holds
// (broken/, reports.md) through the built command line and library, and prints for each whether it
// came out right. Exits with 1 where one did not or is not covered, 2 where there is no such
// folder. What is right is written in cases-*.mjs, by file name and row; the files themselves are
// no part of this project. --only TEXT runs those whose name has it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, ...rest] = process.argv.slice(2);
if (folder === undefined || !existsSync(join(folder, "broken"))) {
  console.error(
    `cases: there is no folder ${folder ?? "given"} with broken/ in it; nothing was run`,
  );
  process.exit(2);
}
const only = rest[0] === "--only" ? rest[1] : "";
const { broken } = await import("./cases-tools.mjs");
const { files } = await import("./cases-broken.mjs");
const { scans } = await import("./cases-scans.mjs");
const { numbers } = await import("./cases-numbers.mjs");
const rows = { ...scans, ...numbers };

/** Rows of reports.md and files that CASES.md names, of which nothing here speaks. */
function uncovered() {
  const table = existsSync(join(folder, "reports.md"))
    ? readFileSync(join(folder, "reports.md"), "utf8")
    : "";
  const numbersOf = (names) => new Set(names.map((name) => Number.parseInt(name, 10)));
  const covered = numbersOf(Object.keys(rows));
  const reported = [...numbersOf([...table.matchAll(/^\| *(\d+) *\|/gm)].map(([, n]) => n))];
  const missing = reported.filter((n) => !covered.has(n)).map((n) => `reports.md row ${n}`);
  const listed = readFileSync(broken("CASES.md"), "utf8").matchAll(/^- ([\w.*/-]+[\w*])/gm);
  const known = (name) =>
    Object.keys(files).some(
      (file) => file.startsWith(name.replace(/\*.*$/, "")) || name.startsWith(file),
    );
  return [...missing, ...[...listed].map(([, name]) => name).filter((name) => !known(name))];
}

let wrong = 0;
async function tried(name, judge) {
  let fault;
  try {
    fault = await judge();
  } catch (error) {
    fault = `${error?.constructor?.name}: ${error?.message}`;
  }
  if (fault !== undefined) wrong++;
  const held = judge.heldBy === undefined ? "" : ` (${judge.heldBy})`;
  console.log(
    `${fault === undefined ? "right" : "WRONG"}  ${name}${held}${fault === undefined ? "" : `: ${fault.trim()}`}`,
  );
}
const missingFile = (name) => (existsSync(broken(name)) ? undefined : "the file is missing");
const cases = [
  ...Object.entries(files).map(([name, judge]) => [
    `broken/${name}`,
    () => missingFile(name) ?? judge(),
  ]),
  ...Object.entries(rows).map(([name, judge]) => [`reports.md row ${name}`, judge]),
  ...uncovered().map((name) => [name, () => "nothing covers it"]),
].filter(([name]) => name.includes(only));
for (const [name, judge] of cases) await tried(name, judge);
console.log(`${wrong} wrong of ${cases.length}`);
process.exit(wrong > 0 ? 1 : 0);
