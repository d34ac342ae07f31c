// An audit that is stopped and goes on, or is computed in parts, ends with the same bytes.
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  at,
  ended,
  fiducial,
  killedAt,
  main,
  quick,
  quickest,
  refused,
  throughShell,
} from "./program.ts";
import { spawn } from "node:child_process";

const outputs = ["result.json", "report.html", "report.md", "measurements.csv"];
function sameBytes(out: string, whole: string): void {
  for (const name of outputs)
    expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name)))).toBe(true);
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
    expect(last.err).toMatch(
      /\d+ of \d+ pieces of this audit are there already; going on from there/,
    );
    expect(last.status).toBe(0);
    sameBytes(out, whole);
    expect(readdirSync(out).filter((n) => n === "pieces")).toEqual([]);
  });
  it("a full disk: nothing is left under a final name, and it is the machine's fault", () => {
    const out = at("full");
    // files may grow to 8 blocks of 512 or 1024 bytes: less than a report
    const run = throughShell(`ulimit -f 8; trap '' XFSZ; exec "$0" "$@"`, [
      "audit",
      ...quickest,
      "--out",
      out,
    ]);
    ended(run, 3, /cannot write it: (the file grew past|the disk is full)/);
    expect(readdirSync(out)).toEqual(["pieces"]);
  });
  it("a full disk in mid-report: the pieces are kept, and the next run writes the same bytes without computing them again", () => {
    const [out, whole] = [at("full later"), at("whole")];
    const args = ["audit", ...quickest, "--count", "2"];
    // the largest piece fits, the result does not
    const run = throughShell(`ulimit -f 40; trap '' XFSZ; exec "$0" "$@"`, [...args, "--out", out]);
    ended(
      run,
      3,
      /(result\.json|report\.html): cannot write it: (the file grew past|the disk is full)/,
    );
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

describe("killed again and again", () => {
  it("25 times, while pieces are removed and while it goes on: the same bytes", () => {
    const [out, whole] = [at("removed"), at("never killed")];
    const args = ["audit", ...quickest, "--count", "1", "--iterations", "1"];
    expect(fiducial([...args, "--out", whole]).status).toBe(0);
    for (let kill = 0; kill < 25; kill++) {
      // the folder's renaming, the removal of its five files and its own
      const removal = kill % 2 === 0;
      const node = removal
        ? killedAt(1 + ((kill / 2) % 7), "removal")
        : killedAt(1 + ((3 * kill) % 11));
      expect(fiducial([...args, "--out", out], { node }).signal).toBe("SIGKILL");
      if (removal) sameBytes(out, whole);
    }
    expect(fiducial([...args, "--out", out]).status).toBe(0);
    sameBytes(out, whole);
    expect(readdirSync(out).filter((name) => /pieces/.test(name))).toEqual([]);
  });
});

describe("pieces that are not what they should be are refused by name", () => {
  const args = [...quickest, "--count", "1", "--iterations", "1"];
  const part = (seed: number, i: number): string => {
    const out = at(`seed ${seed}, part ${i}`);
    const shard = ["--seed", String(seed), "--shard", `${i}/2`];
    expect(fiducial(["audit", ...args, ...shard, "--out", out]).status).toBe(0);
    return out;
  };
  const parts = [part(9, 1), part(9, 2)];
  const other = part(2, 1);
  const pieces = join(parts[0], "pieces");
  const [name] = readdirSync(pieces).filter((n) => n !== "audit.json");
  const content = readFileSync(join(pieces, name), "utf8");
  const remove = /remove it and run its audit again/;
  const edited = content.replace(
    /("psnr":)(\d)/,
    (_, key, digit) => `${key}${(Number(digit) + 1) % 10}`,
  );
  it.each([
    ["empty", "", /the file is empty/],
    ["an empty object", "{}", /it is no piece of an audit/],
    ["null", "null", /it is no piece of an audit/],
    ["cut short", content.slice(0, -20), /it is no JSON/],
    ["edited", edited, /its content does not fit its SHA-256, so it was changed or cut/],
    [
      "an empty piece in a seal",
      content.replace(/"content":.*$/s, '"content":{}}'),
      /does not fit its SHA-256/,
    ],
    [
      "of another audit",
      readFileSync(join(other, "pieces", name), "utf8"),
      /it is a piece of another audit/,
    ],
    [
      "under another name",
      content.replace(/"key":"[^"]*"/, '"key":"clean-7-7"'),
      /the piece "clean-7-7" under another name/,
    ],
  ])("%s: by merge, and by the audit that goes on", (_, wrong, says) => {
    expect(wrong).not.toBe(content);
    writeFileSync(join(pieces, name), wrong);
    const where = new RegExp(`part 1/pieces/${name}: `);
    refused(fiducial(["merge", ...parts, "--out", at("never")]), where, says, remove);
    const again = fiducial(["audit", ...args, "--seed", "9", "--shard", "1/2", "--out", parts[0]]);
    refused(again, where, says, remove);
    expect(existsSync(join(at("never"), "result.json"))).toBe(false);
    writeFileSync(join(pieces, name), content);
  });
  it("a folder of pieces without its header, and with one that was changed", () => {
    const out = at("stale");
    cpSync(other, out, { recursive: true });
    const header = join(out, "pieces", "audit.json");
    const whole = readFileSync(header, "utf8");
    renameSync(header, join(at("stale"), "kept.json"));
    const run = (): ReturnType<typeof fiducial> =>
      fiducial(["audit", ...args, "--seed", "2", "--shard", "1/2", "--out", out]);
    refused(
      run(),
      /pieces: it holds 2 files and no audit\.json that says of which audit; remove .*pieces and compute/,
    );
    refused(fiducial(["merge", out, "--out", at("never")]), /it holds 2 files and no audit\.json/);
    writeFileSync(header, whole.replace('"seed":2', '"seed":9'));
    refused(
      run(),
      /audit\.json: its content does not fit its SHA-256.*remove .*pieces and compute it again/,
    );
    writeFileSync(header, "{}");
    refused(run(), /audit\.json: it is no piece of an audit/);
    writeFileSync(header, whole);
    expect(run().status).toBe(0);
  });
  it("and pieces as they were are put together", () => {
    expect(fiducial(["merge", ...parts, "--out", at("together")]).status).toBe(0);
    expect(readdirSync(at("together"))).toContain("result.json");
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
    refused(
      fiducial(["merge", parts[0], parts[2], "--out", merged]),
      /merge: missing is shard 2\/3 \(all of it\)/,
    );
    rmSync(join(parts[1], "pieces", readdirSync(join(parts[1], "pieces"))[1]));
    refused(fiducial(["merge", ...parts, "--out", merged]), /missing is shard 2\/3 \(1 pieces\)/);
    fiducial(["audit", ...args, "--shard", "2/3", "--out", parts[1]]);
    expect(fiducial(["merge", ...parts, "--out", merged]).status).toBe(0);
    sameBytes(merged, whole);
    refused(fiducial(["merge", whole]), /there are no pieces of an audit in it/);
    refused(fiducial(["audit", ...args, "--shard", "4/3"]), /--shard 4\/3: give I\/N/);
  });
});
