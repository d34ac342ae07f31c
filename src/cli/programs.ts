// Runs somebody else's program: its files in a private folder, one process a call, and one clear
// line for everything that can go wrong. Whatever ends this process ends those, and the folder.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { readNpyArray, writeNpyComplex, writeNpyFlags, type NpyArray } from "../data/index.ts";
import { FiducialError, formatShape, present, type Shape } from "../engine/index.ts";
import {
  openCoils,
  type Arrays,
  type Coils,
  type Mask,
  type MethodSpec,
  type Operator,
} from "../imaging/index.ts";
import {
  checkUses,
  readCommand,
  type CommandValues,
  type Placeholder,
  type ProgramWords,
} from "./command-words.ts";
import { MachineError, ProgramError } from "./errors.ts";

/** What a program is asked: plain data, for a thread may ask for another. */
export interface Question {
  readonly measurements: readonly ArrayLike<number>[];
  /** Of one measurement, complex: the operator's range without its first axis. */
  readonly shape: Shape;
  /** [H,W] */
  readonly image: readonly [number, number];
  readonly mask?: Pick<Mask, "shape" | "data">;
}
export type Images = readonly Float64Array[];
export interface Program {
  ask(question: Question): Promise<Images>;
}

export function questionOf(measurements: Question["measurements"], operator: Operator): Question {
  const [, H, W] = operator.domain;
  const { sampling } = operator;
  return {
    measurements,
    shape: operator.range.slice(1),
    image: [H, W],
    ...(sampling ? { mask: { shape: sampling.mask.shape, data: sampling.mask.data } } : {}),
  };
}
/** The coils' maps of an operator that has them. */
export function mapsOf({ spec, domain }: Operator, arrays: Arrays): Coils | undefined {
  if (spec?.kind !== "multiCoilFourier") return undefined;
  return openCoils(spec.coils, [domain[1], domain[2]], arrays);
}

// ---- the folder and the processes, which end with this one ----

const running = new Set<ChildProcess>();
let folder: string | undefined;

/** The process with all that it started, where the system has groups of processes. */
function end(child: ChildProcess): void {
  try {
    if (process.platform === "win32" || child.pid === undefined) child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // it has ended by itself
  }
}
function endAll(): void {
  for (const child of running) end(child);
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
}
/** The folder of this process, which only its user can read; made when it is first needed. */
function ownFolder(): string {
  if (folder !== undefined) return folder;
  try {
    folder = mkdtempSync(join(tmpdir(), "fiducial-"));
  } catch (error) {
    throw new MachineError(
      `${tmpdir()}: cannot make a folder for the program's files: ${(error as Error).message}`,
      {},
    );
  }
  process.on("exit", endAll);
  for (const signal of ["SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => process.exit(128 + constants.signals[signal]));
  return folder;
}

// ---- one call ----

/** The last line that says something, at most so long. */
const LONGEST = 300;
/** Of what a program says, the end is kept. */
const KEPT = 8192;
function lastLine(said: string): string {
  const line = said.split(/[\r\n]+/).findLast((l) => l.trim() !== "");
  return line === undefined ? "it said nothing" : line.trim().slice(-LONGEST);
}
/** Paths may carry a patient's name. */
function withoutPaths(line: string): string {
  return line
    .replace(/(["'])[^"']*[\\/][^"']*\1/g, "FILE")
    .replace(/[^\s"'(),:;=]*[\\/][^\s"'(),;]*/g, "FILE");
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly said: string;
  readonly late: boolean;
}
function perform(words: readonly string[], seconds: number): Promise<Ended> {
  const [program, ...rest] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      stdio: ["ignore", "ignore", "pipe"],
      // a group of its own, so that what it starts ends with it
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    running.add(child);
    let said = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end(child);
    }, 1000 * seconds);
    const done = (): void => {
      clearTimeout(timer);
      running.delete(child);
    };
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-KEPT);
    });
    child.on("error", (error) => {
      done();
      reject(error);
    });
    // what it left behind ends with it
    child.on("exit", () => end(child));
    child.on("close", (code, signal) => {
      done();
      resolve({ code, signal, said, late });
    });
  });
}

interface Running {
  readonly program: ProgramWords;
  /** At once, on a first axis; one, without it, where that is left out. */
  readonly batch: number | undefined;
  readonly seconds: number;
  readonly maps: Coils | undefined;
}

/** Why it could not be started. */
const unstarted: Readonly<Record<string, string>> = {
  ENOENT: "there is no such program; check --command and the path",
  EACCES: "it may not be run; make it executable, or name what runs it (python3 …)",
  ENOEXEC: "it is no program; name what runs it (python3 …)",
};
/** Throws ProgramError unless the program ended well. */
async function requireEnd(
  { program, seconds }: Running,
  words: readonly string[],
  own: string,
): Promise<void> {
  const fail = (what: string, line: string): never => {
    const here = line.replaceAll(own, "");
    throw new ProgramError(
      `${program.name} ${what}: ${withoutPaths(here)}`,
      `${program.name} ${what}: ${here}`,
    );
  };
  let ended: Ended;
  try {
    ended = await perform(words, seconds);
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    return fail("could not be started", unstarted[code] ?? message);
  }
  const { code, signal, said, late } = ended;
  if (late)
    fail(`did not end within ${seconds} s`, "give it longer (--command-timeout), or fewer at once");
  if (signal) fail(`was ended by ${signal}`, lastLine(said));
  if (code !== 0) fail(`ended with exit code ${code}`, lastLine(said));
}

/** The values by their place in C order. */
function inOrder(array: NpyArray): (place: number, channel: 0 | 1) => number {
  const index = array.shape.map(() => 0);
  return (place, channel) => {
    let rest = place;
    for (let axis = index.length - 1; axis >= 0; axis--) {
      index[axis] = rest % array.shape[axis];
      rest = Math.floor(rest / array.shape[axis]);
    }
    return array.at(index, channel);
  };
}
/** Axes of length 1 may be more or fewer than asked for. */
const plain = (shape: readonly number[]): number[] => shape.filter((n) => n !== 1);
/** The images of {out}. Throws ProgramError for everything that is none. */
function imagesOf(
  { program, batch }: Running,
  path: string,
  { measurements, image: [H, W] }: Question,
): Images {
  const fail = (what: string): never => {
    const line = `${program.name}: its {out} ${what}`;
    throw new ProgramError(line, line);
  };
  const wanted = batch === undefined ? [H, W] : [measurements.length, H, W];
  let array: NpyArray;
  try {
    array = readNpyArray(readFileSync(path), "{out}");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return fail("was not written");
    if (error instanceof FiducialError) return fail(`cannot be read: ${error.message}`);
    throw error;
  }
  if (plain(array.shape).join() !== plain(wanted).join())
    fail(
      `is ${formatShape(array.shape)}; it is to be ${formatShape(wanted)}, complex or magnitude`,
    );
  const size = H * W;
  const at = inOrder(array);
  return measurements.map((_, n) => {
    const length = array.complex ? 2 * size : size;
    const values = Float64Array.from({ length }, (__, k) =>
      at(n * size + (k % size), k < size ? 0 : 1),
    );
    if (!values.every(Number.isFinite)) fail("has values that are not finite (NaN or infinity)");
    return values;
  });
}

/** Writes the files, runs the program, reads its answer, and removes what was written. */
async function answer(how: Running, own: string, question: Question): Promise<Images> {
  const { program, batch, maps } = how;
  const { measurements, shape, mask } = question;
  const files: Readonly<Record<Placeholder, () => Uint8Array | undefined>> = {
    in: () =>
      writeNpyComplex(measurements, batch === undefined ? shape : [measurements.length, ...shape]),
    out: () => undefined,
    mask: () => mask && writeNpyFlags(mask.data, mask.shape),
    maps: () => maps && mapsFile(maps),
  };
  const pathOf = (name: string): string => join(own, `${name}.npy`);
  for (const name of program.uses) {
    const content = files[name]();
    if (content) writeFileSync(pathOf(name), content);
  }
  const words = program.words.map((word) =>
    word.replace(/\{(in|out|mask|maps)\}/g, (_, name: string) => pathOf(name)),
  );
  await requireEnd(how, words, own);
  return imagesOf(how, pathOf("out"), question);
}
/** [coils,H,W] */
function mapsFile({ shape: [C, , H, W], data }: Coils): Uint8Array {
  const each = 2 * H * W;
  return writeNpyComplex(
    Array.from({ length: C }, (_, c) => data.subarray(c * each, (c + 1) * each)),
    [C, H, W],
  );
}

interface Opened {
  readonly spec: MethodSpec & { readonly kind: "command" };
  readonly program: Program;
}
/**
 * The program of --command for an operator, and what a spec says of it. Throws ConfigError for a
 * command that cannot be used.
 */
export function openCommand(
  {
    name,
    commandBatch: batch,
    commandTimeout: seconds,
  }: CommandValues & { readonly name?: string | undefined },
  command: string,
  { operator, arrays }: { readonly operator: Operator; readonly arrays: Arrays },
): Opened {
  const words = readCommand(command);
  checkUses(words, operator);
  const program = { ...words, name: name ?? words.name };
  const spec = present({
    kind: "command" as const,
    name: program.name,
    command: words.shown,
    sha256: words.sha256,
    together: batch,
    followsMask: words.uses.has("mask") ? true : undefined,
  });
  return {
    spec,
    program: openProgram({ program, batch, seconds, maps: mapsOf(operator, arrays) }),
  };
}

/** The program, ready to be asked any number of times, at once too. */
export function openProgram(how: Running): Program {
  let calls = 0;
  return {
    async ask(question) {
      const own = join(ownFolder(), String(++calls));
      try {
        mkdirSync(own);
        return await answer(how, own, question);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (error instanceof FiducialError || code === undefined) throw error;
        throw new MachineError(`${how.program.name}: cannot exchange files with it: ${message}`, {
          code,
        });
      } finally {
        rmSync(own, { recursive: true, force: true });
      }
    },
  };
}
