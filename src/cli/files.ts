// Files: every failure is one line that says what, where and what to do; every write is beside the
// final name first.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
  type Dirent,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { ConfigError, FormatError } from "../engine/index.ts";
import { MachineError } from "./errors.ts";

const mends: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder; check the path",
  EISDIR: "it is a folder; name a file",
  ENOTDIR: "a part of the path is a file, not a folder; choose another path",
  EEXIST: "a file of that name is in the way; choose another path",
  EACCES: "permission denied; choose another place or change its permissions",
  EPERM: "permission denied; choose another place or change its permissions",
  EROFS: "the disk is read-only; choose another place",
  ENOSPC: "the disk is full; make room or choose another place",
  EDQUOT: "the disk quota is used up; make room or choose another place",
  EFBIG:
    "the file grew past the largest size allowed here; raise the limit or choose another place",
  EMFILE: "too many files are open; close some programs",
  EIO: "the disk does not answer as it should; check it, or choose another place",
  ERR_FS_FILE_TOO_LARGE: "the file is larger than 2 GiB; cut the slices you need out of it first",
};
/** Those that no other path or permission would mend. */
const ofTheMachine = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE", "ENOMEM", "EIO"]);
function say(path: string, doing: string, error: unknown): never {
  const { code } = error as { code?: string };
  // not the machine's, but a mistake of ours
  if (code === undefined) throw error;
  const message = `${path}: cannot ${doing}: ${mends[code] ?? (error as Error).message}`;
  throw ofTheMachine.has(code)
    ? new MachineError(message, { code })
    : new ConfigError(message, { code });
}

/**
 * The file's bytes. Throws ConfigError when it cannot be read, FormatError with the remedy when it
 * is empty.
 */
export function readFile(path: string, remedy = "fetch or export it again"): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return say(path, "read it", error);
  }
  if (bytes.length === 0) throw new FormatError(`${path}: the file is empty; ${remedy}`, {});
  return bytes;
}

/** Whether there is a folder of that name. */
export const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** A link counts as what it leads to; one that leads nowhere as a file, which says so when read. */
function leadsToFolder(path: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  try {
    return statSync(join(path, entry.name)).isDirectory();
  } catch {
    return false;
  }
}

/**
 * Names in a folder, in order; those of folders end with "/". Throws ConfigError when it cannot be
 * read.
 */
export function listFolder(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .map((e) => (leadsToFolder(path, e) ? `${e.name}/` : e.name))
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch (error) {
    if ((error as { code?: string }).code === "ENOTDIR")
      throw new ConfigError(`${path}: cannot read it: it is a file; name a folder`, {});
    return say(path, "read it", error);
  }
}
export function removeFile(path: string): void {
  rmSync(path, { force: true });
}
/** File by file, so that Ctrl-C and a kill find it in a state that the next run understands. */
export function removeFolder(path: string): void {
  if (!existsSync(path)) return;
  for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true });
  rmdirSync(path);
}
export function moveFile(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    say(from, "move it", error);
  }
}
export const fileExists: (path: string) => boolean = existsSync;

/**
 * Makes the folder and those above it. Node's own recursive mkdir never returns where the kernel
 * answers ENOENT for a folder that is there (/proc).
 */
function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw error;
    makeFolder(dirname(path));
    mkdirSync(path);
  }
}

function writeBeside(path: string, content: Uint8Array | string): string {
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
  let file: number | undefined;
  try {
    makeFolder(dirname(path));
    file = openSync(beside, "w");
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
    closeSync(file);
    return beside;
  } catch (error) {
    if (file !== undefined) {
      closeSync(file);
      rmSync(beside, { force: true });
    }
    return say(path, "write it", error);
  }
}

/**
 * Writes all the files, or none: each beside its final name first, renamed once all are complete.
 */
export function writeFiles(
  files: readonly { readonly path: string; readonly content: Uint8Array | string }[],
): void {
  const written: { path: string; beside: string }[] = [];
  try {
    for (const { path, content } of files)
      written.push({ path, beside: writeBeside(path, content) });
    for (const { path, beside } of written) {
      try {
        renameSync(beside, path);
      } catch (error) {
        say(path, "write it", error);
      }
    }
  } finally {
    for (const { beside } of written) rmSync(beside, { force: true });
  }
}

/** Finds out before the work whether a file can be written there after it. */
export function checkWritable(path: string): void {
  rmSync(writeBeside(path, ""), { force: true });
}
