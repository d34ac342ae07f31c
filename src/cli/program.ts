// The command line: finds the command, and turns every error into one line and an exit code.
import { ConfigError, version } from "../engine/index.ts";
import type { Command } from "./commands/command.ts";
import { BAD_INPUT, DONE, explained, INTERRUPTED, OUR_ERROR, type ExitCode } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { help, parse } from "./options.ts";
import { err, openTerminal, out, say, sayAll } from "./terminal.ts";

interface Entry {
  readonly summary: string;
  load(): Promise<Command>;
}
const commands: Readonly<Record<string, Entry>> = {
  audit: {
    summary: "find the perturbations that ruin a reconstruction; write a report",
    load: async () => (await import("./commands/audit.ts")).auditCommand,
  },
  merge: {
    summary: "put the parts of an audit together",
    load: async () => (await import("./commands/merge.ts")).mergeCommand,
  },
  report: {
    summary: "render an audit's report again from its result",
    load: async () => (await import("./commands/report.ts")).reportCommand,
  },
  compare: {
    summary: "two audits side by side",
    load: async () => (await import("./commands/compare.ts")).compareCommand,
  },
  reconstruct: {
    summary: "images from undersampled k-space",
    load: async () => (await import("./commands/reconstruct.ts")).reconstructCommand,
  },
  inspect: {
    summary: "a checkpoint's layers, parameters, operations and receptive field",
    load: async () => (await import("./commands/inspect.ts")).inspectCommand,
  },
  export: {
    summary: "a network as an ONNX file",
    load: async () => (await import("./commands/export.ts")).exportCommand,
  },
  classify: {
    summary: "the likeliest classes of pictures",
    load: async () => (await import("./commands/classify.ts")).classifyCommand,
  },
  lab: {
    summary: "a network opened up, in your browser, served on this machine alone",
    load: async () => (await import("./commands/lab.ts")).labCommand,
  },
  "train classifier": {
    summary: "train a network on labelled images",
    load: async () => (await import("./commands/train-classifier.ts")).trainClassifier,
  },
  "train reconstructor": {
    summary: "train a network to reconstruct, on generated images, scans or k-space",
    load: async () => (await import("./commands/train-reconstructor.ts")).trainReconstructor,
  },
};
const summaries = Object.entries(commands).map(
  ([name, { summary }]) => `  ${name.padEnd(22)}${summary}`,
);
const overview = `Finds out when a learned medical-image reconstruction cannot be trusted.

Usage: fiducial COMMAND [options]

${summaries.join("\n")}

Every command has --help. Exit codes: 0 done, 1 a test failed and --fail-on asked, 2 bad input, 3 an
error of the program or the machine. Version ${version}.
`;

/** "train reconstructor" of the words, or what may have been meant. */
function nameOf([first, second]: readonly string[]): string {
  const names = Object.keys(commands);
  const name = [`${first} ${second}`, first].find((n) => names.includes(n));
  if (name !== undefined) return name;
  const near = nearest(first, names);
  throw new ConfigError(
    `there is no command "${first}"; ${near === undefined ? `it is one of ${names.join(", ")}` : `did you mean ${near}?`}`,
    { command: first },
  );
}

async function perform(command: Command, words: readonly string[]): Promise<ExitCode> {
  const { name, operands: expected } = command;
  const usage = [...(expected === undefined ? [] : [expected]), "[options]"].join(" ");
  if (words.includes("--help") || words.includes("-h")) {
    const page = help({ ...command, usage });
    const terminal = openTerminal(words.includes("--json"));
    terminal.print(page);
    terminal.json({ help: page });
    return DONE;
  }
  const { values, positionals } = parse(words, command.options, `fiducial ${name}`);
  if (expected === undefined && positionals.length > 0)
    throw new ConfigError(
      `fiducial ${name}: "${positionals[0]}" belongs to no option; see fiducial ${name} --help`,
      {},
    );
  return command.perform(values, openTerminal(values.json === true), positionals);
}

async function answer(words: readonly string[]): Promise<ExitCode> {
  const [first, second] = words;
  if (first === undefined) {
    err.write(overview);
    return BAD_INPUT;
  }
  if (["--help", "-h", "help"].includes(first) || (first === "train" && second === "--help")) {
    out.write(overview);
    return DONE;
  }
  if (first === "--version") {
    out.write(`${version}\n`);
    return DONE;
  }
  const name = nameOf(words);
  return perform(await commands[name].load(), words.slice(name.split(" ").length));
}

/** Runs the command that the words name; sets the process's exit code. */
export async function start(words: readonly string[]): Promise<void> {
  const fail = (error: unknown): ExitCode => {
    const { line, code } = explained(error);
    if (words.includes("--debug") && error instanceof Error) sayAll(error.stack ?? error.message);
    else say(`fiducial: ${line}`);
    return code;
  };
  process.on("SIGINT", () => {
    // that is how it is ended
    if (words[0] === "lab") process.exit(DONE);
    // every file is written beside its final name first, so nothing half-written is left under one
    const goesOn = words[0] === "audit" ? ", and the same command goes on from here" : "";
    say(`fiducial: interrupted; no result was written${goesOn}`);
    process.exit(INTERRUPTED);
  });
  process.on("uncaughtException", (error) => {
    process.exit(fail(error));
  });
  // until it is known better: a promise that is never kept ends the process too
  process.exitCode = OUR_ERROR;
  try {
    process.exitCode = await answer(words);
  } catch (error) {
    process.exitCode = fail(error);
  }
  process.on("exit", () => {
    // a reader that has seen enough (… | head) is no error, a full disk is
    if (out.lost === undefined || out.lost.code === "EPIPE") return;
    say(`fiducial: stdout was lost (${out.lost.code}): not everything was printed`);
    if (process.exitCode === DONE) process.exitCode = OUR_ERROR;
  });
}
