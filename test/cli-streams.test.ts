// Streams, exit codes and what a terminal is shown.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { saveNetwork } from "fiducial/learning";
import {
  at,
  complaints,
  ended,
  fiducial,
  file,
  main,
  model,
  network,
  quickest,
  refused,
  throughShell,
} from "./program.ts";

const inspect = ["inspect", file("small.safetensors", saveNetwork(network))];

describe("a lost stream is no crash", () => {
  it("a reader that has seen enough: the rest is not printed, the exit code is the command's own", () => {
    const { status, out, err } = throughShell(
      `"$0" "$@" | head -1; exit \${PIPESTATUS[0]}`,
      inspect,
    );
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toMatch(/^layer .*\n$/);
  });
  it("an audit whose readers are gone writes its files all the same", () => {
    const out = at("unread");
    const args = ["audit", ...quickest, "--count", "1", "--out", out];
    expect(throughShell(`("$0" "$@" 2>&1; echo $? >&3) 3>&1 1> >(exec true)`, args).out).toBe(
      "0\n",
    );
    expect(readFileSync(`${out}/report.html`, "utf8")).toContain("</html>");
  });
  it.each([">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])("%s", (closed) => {
    expect(throughShell(`"$0" "$@" ${closed}`, inspect).status).toBe(0);
    expect(throughShell(`"$0" "$@" ${closed}`, [...inspect, "--tape"]).status).toBe(2);
  });
  it("a full disk behind stdout is said, with exit code 3", () => {
    ended(throughShell(`"$0" "$@" >/dev/full`, inspect), 3, /stdout was lost \(ENOSPC\)/);
  });
});

describe("exit codes", () => {
  it("1: a test failed and --fail-on asked; nothing else", () => {
    const args = ["audit", ...quickest, "--count", "1", "--out", at("fails")];
    // with weights of 0 it gives the zero-filled image; untrained it is less accurate than that
    const zero = [...network.parameters].map(
      ([name, p]) => [name, { ...p, data: p.data.map(() => 0) }] as const,
    );
    const accurate = file(
      "accurate.safetensors",
      saveNetwork({ ...network, parameters: new Map(zero) }),
    );
    const limited = [...args.map((word) => (word === model ? accurate : word)), "--max-loss"];
    expect(fiducial([...args, "--fail-on", "model"]).status).toBe(1);
    expect(fiducial([...limited, "0.001", "--fail-on", "any"]).status).toBe(1);
    expect(fiducial([...limited, "0.001"]).status).toBe(0);
    expect(fiducial([...limited, "1000", "--fail-on", "any"]).status).toBe(0);
  });
  it("2: bad input; what to do with no command at all is said on stderr", () => {
    const nothing = fiducial([]);
    expect(nothing).toMatchObject({
      status: 2,
      out: "",
      err: expect.stringContaining("Usage: fiducial COMMAND"),
    });
  });
  it("3: no memory left for a network, in this thread or in a worker of an audit", () => {
    const says = /the machine did not give the \d+ MiB that this network needs/;
    ended(fiducial(["inspect", "--plan"], { node: noMemory("true") }), 3, says);
    const audit = [
      "audit",
      ...quickest,
      "--count",
      "1",
      "--threads",
      "2",
      "--out",
      at("no memory"),
    ];
    ended(fiducial(audit, { node: noMemory("!isMainThread") }), 3, says);
  });
  it("3: a worker that is lost", () => {
    const script = `
      import { isMainThread } from "node:worker_threads";
      if (!isMainThread) process.exit(0);`;
    const audit = ["audit", ...quickest, "--count", "1", "--threads", "2", "--out", at("lost")];
    const run = fiducial(audit, {
      node: ["--import", `data:text/javascript,${encodeURIComponent(script)}`],
    });
    ended(
      run,
      3,
      /a worker thread ended before its work; run the same command again, it goes on from there/,
    );
  });
  it("3: an old Node is told so in one line, before anything of the program is read", () => {
    for (const version of ["18.20.4", "16.0.0"]) {
      const pretend = `Object.defineProperty(process.versions, "node", { value: "${version}" })`;
      const run = fiducial(["--version"], {
        node: ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`],
      });
      expect(run).toMatchObject({ status: 3, out: "" });
      expect(run.err).toBe(`fiducial: this is Node ${version}; it needs Node 20 or newer\n`);
    }
  });
  it.each(["", "setImmediate"])(
    "3: an error of ours asks for a report, thrown at once or later (%s)",
    (later) => {
      const script = `
      import fs from "node:fs";
      import { syncBuiltinESMExports } from "node:module";
      const read = fs.readFileSync;
      const mistake = () => { throw new TypeError("a mistake"); };
      fs.readFileSync = (path, ...rest) => {
        if (String(path).endsWith(".safetensors")) ${later}(${later === "" ? "mistake)()" : "mistake)"};
        return read(path, ...rest);
      };
      syncBuiltinESMExports();`;
      const run = fiducial([...inspect, "--plan"], {
        node: ["--import", `data:text/javascript,${encodeURIComponent(script)}`],
      });
      // node's own handler would have answered 1
      expect(run.status).toBe(3);
      expect(run.err).toBe(
        "fiducial: internal error: a mistake; run it again with --debug and report what it prints\n",
      );
    },
  );
});
/** Options of node under which WebAssembly gets no memory in some threads. */
function noMemory(where: string): string[] {
  const script = `
    import { isMainThread } from "node:worker_threads";
    const refuse = () => { throw new RangeError("WebAssembly.Memory(): could not allocate memory"); };
    if (${where}) WebAssembly.Memory = class { constructor() { refuse(); } };`;
  return ["--import", `data:text/javascript,${encodeURIComponent(script)}`];
}

describe("what a terminal is shown", () => {
  /** A terminal's own view: the program runs with one as its streams. */
  const onTerminal = (args: readonly string[], env: Record<string, string>): string => {
    const words = [process.execPath, main, ...args].map((w) => `'${w}'`).join(" ");
    const { stdout } = spawnSync("script", ["-qec", words, "/dev/null"], {
      encoding: "utf8",
      env: { ...process.env, ...env },
    });
    return stdout;
  };
  const ESC = "\x1b";
  const audit = ["audit", ...quickest, "--count", "1", "--out", at("shown")];
  it("a capable one a bar and colours; TERM=dumb, NO_COLOR and pipes plain lines", () => {
    const capable = onTerminal(audit, { TERM: "xterm" });
    expect(capable).toMatch(new RegExp(`${ESC}\\[3[12]m(pass|fail)${ESC}\\[0m`));
    expect(capable).toContain("█");
    const uncoloured = onTerminal(audit, { TERM: "xterm", NO_COLOR: "1" });
    expect(uncoloured).not.toContain(`${ESC}[3`);
    const dumb = onTerminal(audit, { TERM: "dumb" });
    expect(dumb).not.toContain("\x1b");
    expect(dumb).toMatch(/^ *\d+ %.* U-Net: image 1 of 1 without perturbation\r?$/m);
    const piped = fiducial(audit);
    expect(piped.out + piped.err).not.toContain("\x1b");
  });
  it("fits 100 columns for three methods and the default tests, with nothing cut", () => {
    const methods = ["--methods", "wavelet,zero-filled", "--tests", "ascent,worst-case"];
    const { out } = fiducial([
      "audit",
      ...quickest,
      ...methods,
      "--count",
      "1",
      "--out",
      at("wide"),
    ]);
    const lines = out.split("\n").filter((line) => !line.startsWith("Report:"));
    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(100);
    const result = JSON.parse(readFileSync(`${at("wide")}/result.json`, "utf8"));
    const words = out.replace(/\s+/g, " ");
    for (const test of result.tests)
      for (const { method, explanation } of test.verdicts)
        expect(words).toContain(`${method} ${explanation}`);
  });
  it("what comes from files without control characters, on both streams and in JSON", () => {
    const steering = ["\x1b]0;owned\x07", "\x9b2J", "\u202e", "\u2066", "\x7f", "two\nlines"];
    const marked = saveNetwork({
      ...network,
      provenance: Object.fromEntries(steering.map((s, i) => [`n${i}${s}`, s])),
    });
    const path = file("marked.safetensors", marked);
    const shown = fiducial(["inspect", path]);
    const unsafe = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;
    expect(shown.out.replaceAll("\n", "")).not.toMatch(unsafe);
    expect(shown.out).toContain(String.raw`n0\u001b]0;owned\u0007: \u001b]0;owned\u0007`);
    expect(shown.out).toContain(String.raw`n5two\nlines: two\nlines`);
    const json = fiducial(["inspect", path, "--json"]);
    expect(json.out.trimEnd()).not.toMatch(unsafe);
    expect(Object.values(JSON.parse(json.out).provenance)).toEqual(steering);
    const named = fiducial(["inspect", at("no\x1b[2J\u202e\nfile")]);
    refused(named, /no\\u001b\[2J\\u202e\\nfile: cannot read it/);
    expect(named.err.trimEnd()).not.toMatch(unsafe);
  });
  it("--json: nothing but JSON on stdout, whatever is asked", () => {
    for (const args of [
      [...inspect, "--json"],
      ["audit", "--help", "--json"],
      [...audit, "--json"],
    ]) {
      const run = fiducial(args);
      expect(run.status).toBe(0);
      expect(() => JSON.parse(run.out)).not.toThrow();
    }
    for (const args of [
      ["--json"],
      ["audit", "--json", "--seed", "x"],
      ["audit", "--json", "--sed", "1"],
    ])
      expect(fiducial(args)).toMatchObject({ status: 2, out: "" });
  });
});

describe("options", () => {
  it("names the nearest option and the nearest command", () => {
    for (const [words, says] of [
      ["audit --accel 4", /no option --accel; did you mean --acceleration\?/],
      ["audit --resarts 4", /no option --resarts; did you mean --restarts\?/],
      ["audit --fail_on any", /no option --fail_on; did you mean --fail-on\?/],
      ["audit --failOn any", /no option --failOn; did you mean --fail-on\?/],
      ["audit --quux 4", /no option --quux; see fiducial audit --help/],
      ["adit", /no command "adit"; did you mean audit\?/],
      ["train clasifier", /no command "train"; /],
      ["audit --out --json", /--out needs a value, --out FOLDER/],
      ["audit --json=yes", /--json takes no value/],
      ["audit --seed -5", /--seed -5: give a number from 0 up/],
      ["audit --seed 1.5", /--seed 1\.5: give a whole number/],
      ["audit --seed 1e12", /--seed 1e12: give a whole number/],
      ["audit --threads 65", /--threads 65: give a number between 1 and 64/],
      ["audit --tests ascent,worst", /--tests worst: give some of ascent, worst-case/],
    ] as const)
      refused(fiducial(words.split(" ")), says);
  });
  it("a value may follow an equals sign, and look like an option there", () => {
    const out = at("--odd");
    expect(fiducial([...inspect, `--out=${out}`, "--backend=reference"]).status).toBe(0);
  });
  it("complaints are one line", () => {
    expect(complaints(fiducial(["audit", "--model", at("a\nb")]))).toHaveLength(1);
  });
});
