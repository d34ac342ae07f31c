// The command line's audit of one image, its searches on the adapter of a page, beside the same on
// wasm; the default one, unless options of `fiducial audit` say otherwise. It takes hours where a
// processor plays the card, so every piece is kept in FOLDER, and a run that is started again goes
// on. Build first, then:
// node test/gpu/default-audit.mjs FOLDER [--only NAME: pieces such as "U-Net"] [audit options …]
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assembleAudit, openTest } from "fiducial/audit";
import { networksByHash } from "fiducial/imaging";
import { loadNetwork } from "fiducial/learning";
import { bundled, openPage, servePackage, withAdapter } from "./page.mjs";

const [folder, ...words] = process.argv.slice(2);
const [pattern, options] = words[0] === "--only" ? [words[1], words.slice(2)] : ["", words];
if (folder === undefined) {
  console.error("usage: node test/gpu/default-audit.mjs FOLDER [--only NAME] [audit options …]");
  process.exit(2);
}
const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const fileOf = (key) => join(folder, "card", `${key}.json`);
mkdirSync(join(folder, "card"), { recursive: true });

/** What the command line finds on wasm. */
function onWasm() {
  const out = join(folder, "wasm");
  if (!existsSync(join(out, "result.json"))) {
    const audit = ["dist/cli/main.js", "audit", "--backend", "wasm", "--count", "1"];
    const run = spawnSync(process.execPath, [...audit, ...options, "--out", out], { cwd: root });
    if (run.status > 1) throw new Error(String(run.stderr));
  }
  return read(join(out, "result.json"));
}
/** The files of weights/ that a spec names by their hashes. */
function namesOf({ methods }) {
  const isAsked = (network) => {
    const [hash] = networksByHash([network]).keys();
    return methods.some(({ sha256 }) => sha256 === hash);
  };
  return readdirSync(join(root, "weights"))
    .filter((file) => file.endsWith(".safetensors"))
    .filter((file) => isAsked(loadNetwork(readFileSync(join(root, "weights", file)), file)))
    .map((file) => file.replace(".safetensors", ""));
}

/** Computes the pieces that are wanted and missing; gives the audit's header. */
async function onCard(spec) {
  const { url, close } = await servePackage();
  const { address, remove } = await bundled("page-audit.js");
  const opened = await openPage({ url, args: withAdapter, hear: (line) => console.log(line) });
  const { page } = opened;
  try {
    await page.evaluate(`import("${address}")`);
    const given = JSON.stringify({ spec, names: namesOf(spec) });
    const header = await page.evaluate(`globalThis.openSpec(${given})`);
    for (const { key, what } of header.pieces) {
      if (existsSync(fileOf(key)) || !what.includes(pattern)) continue;
      const done = await page.evaluate(`globalThis.computePiece("${key}")`);
      writeFileSync(fileOf(key), JSON.stringify(done));
      console.log(`${what}: ${done.seconds.toFixed(0)} s`);
    }
    return header;
  } finally {
    await opened.close();
    remove();
    close();
  }
}

/** Every measurement of the pieces that there are, a row each. */
function measured(header, wasm) {
  const methods = wasm.methods.map(({ name }) => name);
  const rows = [];
  for (const { key } of header.pieces) {
    if (!existsSync(fileOf(key))) continue;
    const { piece, seconds } = read(fileOf(key));
    for (const own of piece.findings?.measurements ?? []) {
      const [, id, method] = /^(.+)-(\d+)-\d+$/.exec(key);
      const isSame = (m) => m.method === methods[method] && m.relativeBudget === own.relativeBudget;
      const other = wasm.tests.find((test) => test.id === id).measurements.find(isSame);
      const [card, cpu] = [own.psnr.after, other.psnr.after].map((v) => v.toFixed(3));
      rows.push([id, methods[method], own.relativeBudget, cpu, card, seconds.toFixed(0)]);
    }
  }
  return rows;
}
const verdictsOf = ({ tests }) =>
  tests.flatMap(({ id, verdicts }) => verdicts.map((v) => [id, v.method, v.outcome]));

const wasm = onWasm();
const header = await onCard(wasm.spec);
const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
console.log(`\n${header.facts.software.backend}`);
line(["test", "method", "budget", "left on wasm, dB", "left by the card's search, dB", "piece, s"]);
for (const row of measured(header, wasm)) line(row);
const missing = header.pieces.filter(({ key }) => !existsSync(fileOf(key)));
if (missing.length > 0) {
  console.log(`\nno verdicts yet: ${missing.map(({ what }) => what).join("; ")} are missing`);
} else {
  const tests = wasm.spec.tests.map(openTest);
  const card = assembleAudit(header, tests, (key) => read(fileOf(key)).piece);
  writeFileSync(join(folder, "result.json"), `${JSON.stringify(card)}\n`);
  line(["test", "method", "on wasm", "by the card's search"]);
  const others = verdictsOf(card);
  for (const [i, row] of verdictsOf(wasm).entries()) line([...row, others[i][2]]);
}
