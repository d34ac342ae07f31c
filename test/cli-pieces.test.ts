// An audit that is stopped and goes on, or is computed in parts, ends with the same bytes.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { at, ended, fiducial, killedAt, main, quick, quickest, refused, throughShell } from "./program.ts";
import { spawn } from "node:child_process";

const outputs = ["result.json", "report.html", "report.md", "measurements.csv"];
function sameBytes(out: string, whole: string): void {
  for (const name of outputs) expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name)))).toBe(true);
}

describe("an audit that was stopped goes on where it was", () => {
  it("killed at changes of its files, on two threads, it ends with the same bytes; another audit does not touch its pieces", () => {
    const [out, whole] = [at("killed"), at("not killed")];
    const args = [...quick, "--count", "3"];
    expect(fiducial(["audit", ...args, "--out", whole]).status).toBe(0);
    const run = (call: number): ReturnType<typeof fiducial> =>
      fiducial(["audit", ...args, "--threads", "2", "--out", out], { node: killedAt(call) });
    // in the header, in the middle of a piece, between two, and in the report
    for (const call of [8, 14, 23, 37]) {
      expect(run(call).signal).toBe("SIGKILL");
      expect(outputs.filter((name) => existsSync(join(out, name)))).toEqual([]);
    }
    const other = fiducial(["audit", ...args, "--seed", "9", "--out", out]);
    refused(other, /holds the pieces of an unfinished audit with other options/);
    const last = run(0);
    expect(last.err).toMatch(/\d+ of \d+ pieces of this audit are there already; going on from there/);
    expect(last.status).toBe(0);
    sameBytes(out, whole);
    expect(readdirSync(out).filter((n) => n === "pieces")).toEqual([]);
  });
  it("a full disk: nothing is left under a final name, and it is the machine's fault", () => {
    const out = at("full");
    // files may grow to 8 blocks of 512 or 1024 bytes: less than a report
    const run = throughShell(`ulimit -f 8; trap '' XFSZ; exec "$0" "$@"`, ["audit", ...quickest, "--out", out]);
    ended(run, 3, /cannot write it: (the file grew past|the disk is full)/);
    expect(readdirSync(out)).toEqual(["pieces"]);
  });
  it("a full disk in mid-report: the pieces are kept, and the next run writes the same bytes without computing them again", () => {
    const [out, whole] = [at("full later"), at("whole")];
    const args = ["audit", ...quickest, "--count", "2"];
    // the largest piece fits, the result does not
    const run = throughShell(`ulimit -f 40; trap '' XFSZ; exec "$0" "$@"`, [...args, "--out", out]);
    ended(run, 3, /(result\.json|report\.html): cannot write it: (the file grew past|the disk is full)/);
    expect(readdirSync(out)).toEqual(["pieces"]);
    const again = fiducial([...args, "--out", out]);
    expect(again.err).toMatch(/(\d+) of \1 pieces of this audit are there already/);
    fiducial([...args, "--out", whole]);
    sameBytes(out, whole);
    expect(readdirSync(out)).not.toContain("pieces");
  });
  it("Ctrl-C ends it with exit code 130, one line, and no file", async () => {
    const out = at("interrupted");
    const endless = ["--count", "1000", "--iterations", "100000", "--norms", "9"];
    const child = spawn(process.execPath, [main, "audit", ...quickest, ...endless, "--out", out]);
    let err = "";
    child.stderr.on("data", (d: Buffer) => {
      err += d.toString();
      if (/^ *\d+ %/.test(d.toString())) child.kill("SIGINT");
    });
    const code = await new Promise((done) => {
      child.on("close", done);
    });
    expect(code).toBe(130);
    expect(err.split("\n").filter((l) => l.startsWith("fiducial:"))).toEqual([
      "fiducial: interrupted; no result was written, and the same command goes on from here",
    ]);
    expect(readdirSync(out)).toEqual(["pieces"]);
  });
});

describe("an audit in parts", () => {
  it("put together: the same bytes as one run; a missing part is named", () => {
    const args = [...quick, "--count", "2"];
    const whole = at("in one");
    fiducial(["audit", ...args, "--out", whole]);
    const parts = [1, 2, 3].map((i) => at(`part ${i}`));
    parts.forEach((out, i) => {
      expect(fiducial(["audit", ...args, "--shard", `${i + 1}/3`, "--out", out]).status).toBe(0);
    });
    const merged = at("merged");
    refused(fiducial(["merge", parts[0], parts[2], "--out", merged]), /merge: missing is shard 2\/3 \(all of it\)/);
    rmSync(join(parts[1], "pieces", readdirSync(join(parts[1], "pieces"))[1]));
    refused(fiducial(["merge", ...parts, "--out", merged]), /missing is shard 2\/3 \(1 pieces\)/);
    fiducial(["audit", ...args, "--shard", "2/3", "--out", parts[1]]);
    expect(fiducial(["merge", ...parts, "--out", merged]).status).toBe(0);
    sameBytes(merged, whole);
    refused(fiducial(["merge", whole]), /there are no pieces of an audit in it/);
    refused(fiducial(["audit", ...args, "--shard", "4/3"]), /--shard 4\/3: give I\/N/);
  });
});
