#!/usr/bin/env node
// The command line: finds the command, and turns every error into one line and an exit code.
import { ConfigError, FiducialError, version } from "../engine/index.ts";
import type { Command } from "./commands/command.ts";
import { help, parse } from "./options.ts";
import { openTerminal } from "./terminal.ts";

const commands: Readonly<Record<string, { summary: string; load: () => Promise<Command> }>> = {
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
  classify: {
    summary: "the likeliest classes of pictures",
    load: async () => (await import("./commands/classify.ts")).classifyCommand,
  },
  "train classifier": {
    summary: "train a network on labelled images",
    load: async () => (await import("./commands/train-classifier.ts")).trainClassifier,
  },
  "train reconstructor": {
    summary: "train a U-Net to reconstruct from undersampled k-space",
    load: async () => (await import("./commands/train-reconstructor.ts")).trainReconstructor,
  },
};
const overview = `Finds out when a learned medical-image reconstruction cannot be trusted.

Usage: fiducial COMMAND [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(22)}${summary}`)
  .join("\n")}

Every command has --help. Version ${version}.
`;

async function run(args: readonly string[]): Promise<number> {
  const [first, second] = args;
  if (first === undefined || first === "--help" || first === "help") {
    process.stdout.write(overview);
    return first === undefined ? 2 : 0;
  }
  if (first === "train" && second === "--help") {
    process.stdout.write(overview);
    return 0;
  }
  if (first === "--version") {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  const name = [`${first} ${second}`, first].find((n) => n in commands);
  if (name === undefined)
    throw new ConfigError(`there is no command "${first}"; it is one of ${Object.keys(commands).join(", ")}`, {
      command: first,
    });
  const command = await commands[name].load();
  const rest = args.slice(name.split(" ").length);
  if (rest.includes("--help")) {
    process.stdout.write(help(command.name, command.usage, command.summary, command.options));
    return 0;
  }
  const values = parse(rest, command.options, `fiducial ${command.name}`);
  const [stray] = values.positionals;
  if (stray !== undefined && !/MODEL|RESULT|FOLDER/.test(command.usage))
    throw new ConfigError(
      `fiducial ${command.name}: "${stray}" belongs to no option; see fiducial ${command.name} --help`,
      { stray },
    );
  return command.run(values, openTerminal(values.has("json")));
}

const args = process.argv.slice(2);
process.on("SIGINT", () => {
  // every file is written beside its final name first, so nothing half-written is left under one
  process.stderr.write(
    `${process.stderr.isTTY ? "\r\x1b[K" : ""}fiducial: interrupted; no result was written${args[0] === "audit" ? ", and the same command goes on from here" : ""}\n`,
  );
  process.exit(130);
});
// a reader that has seen enough (… | head) is no error
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  process.exitCode = await run(args);
} catch (error) {
  const clear = process.stderr.isTTY ? "\r\x1b[K" : "";
  const known = error instanceof FiducialError;
  if (args.includes("--debug")) process.stderr.write(`${clear}${(error as Error).stack}\n`);
  else
    process.stderr.write(
      `${clear}fiducial: ${known ? error.message : `internal error: ${(error as Error).message}; run it again with --debug and report what it prints`}\n`,
    );
  process.exitCode = 2;
}
