// Measures the lab as a visitor has it, and writes docs/lab.md's table of figures:
// `npm run build && node lab/figures.mjs`. With --print nothing is written. It fails where a target
// is missed. Times are of the machine that it runs on: let nothing else run beside it.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { attacking, editing, loading, sizes, training } from "./measures.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = `${root}docs/lab.md`;
const [begin, end] = ["<!-- figures: node lab/figures.mjs -->", "<!-- end of figures -->"];

async function served() {
  const server = spawn(process.execPath, [
    `${root}dist/cli/main.js`,
    "lab",
    "--port",
    "0",
    "--json",
  ]);
  const line = await new Promise((resolve) =>
    server.stdout.once("data", (data) => resolve(String(data))),
  );
  return { server, url: JSON.parse(line).url };
}

/** A row: what, measured as a number, its unit, and the target. */
function written({ what, value, unit, most, least }) {
  const digits = unit === "" ? 3 : unit === "s" || unit === "kB" ? 1 : 0;
  const number = (v) => `${v.toFixed(digits)}${unit === "" ? "" : ` ${unit}`}`;
  const [target, ok] =
    most !== undefined
      ? [`≤ ${most} ${unit}`, value <= most]
      : least !== undefined
        ? [`≥ ${least} ${unit}`, value >= least]
        : ["", true];
  return {
    line: `| ${what} | ${number(value)} | ${target.trim()} | ${target === "" ? "" : ok ? "✓" : "✗"} |`,
    ok,
  };
}

const { server, url } = await served();
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
const rows = [];
try {
  rows.push(...sizes(root));
  for (const measure of [loading, editing, training, attacking])
    rows.push(...(await measure(browser, url)));
} finally {
  await browser.close();
  server.kill("SIGINT");
}
const lines = rows.map(written);
const machine = `Chromium ${browser.version()}, ${availableParallelism()} processors (${cpus()[0]?.model ?? "unknown"}), one run.`;
const table = [
  machine,
  "",
  "| what | measured | target | |",
  "|---|---|---|---|",
  ...lines.map(({ line }) => line),
];
console.log(table.join("\n"));
if (!process.argv.includes("--print")) {
  const text = readFileSync(page, "utf8");
  const [before, rest] = text.split(begin);
  const after = rest.split(end)[1];
  writeFileSync(page, `${before}${begin}\n${table.join("\n")}\n${end}${after}`);
}
const missed = lines.filter(({ ok }) => !ok).length;
if (missed > 0) console.log(`\n${missed} targets are missed.`);
process.exitCode = missed > 0 ? 1 : 0;
