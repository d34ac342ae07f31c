// Writes licenses.txt beside the bundle: the notice of every package that is built into it. Vite's
// own `build.license` leaves workers out, and what packages carry along compiled.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

/** Texts in licenses/ of what packages carry along, and of those that bring none of their own. */
const texts: Readonly<Record<string, readonly string[]>> = {
  "@bufbuild/protobuf": ["protobuf"],
  "@cornerstonejs/codec-charls": ["charls", "emscripten"],
  "@cornerstonejs/codec-openjpeg": ["openjpeg-package", "openjpeg", "emscripten"],
  "@cornerstonejs/codec-openjph": ["openjph", "emscripten"],
  "@jsquash/webp": ["libwebp", "emscripten"],
  h5wasm: ["hdf5", "emscripten"],
};
/** In no module, yet the page shows what it made. */
const toolsShown = ["temml"];

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** "/…/node_modules/@scope/name/file.js" → "/…/node_modules/@scope/name"; none for our own. */
const folderOf = (module: string): string | undefined =>
  /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0];

function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as {
    name: string;
    version: string;
    license?: string;
  };
  const own = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const files = [
    ...own.map((file) => `${folder}/${file}`),
    ...(texts[name] ?? []).map((text) => here(`licenses/${text}.txt`)),
  ];
  if (files.length === 0)
    throw new Error(`${name} brings no licence: put its text into lab/licenses/, see licenses.ts`);
  const read = files.map((file) => readFileSync(file, "utf8").trim());
  return `${name} ${version} (${license ?? "see below"})\n\n${read.join("\n\n---\n\n")}\n`;
}

const RULE = `\n${"=".repeat(80)}\n\n`;
const HEAD = `Fiducial is licensed under the Apache License 2.0, whose text is the last of this file.
Built into the files of this folder are parts of the packages below.
`;

/** For the page, and for its workers, whose packages go into the same file. */
export function licenses(): { page: Plugin; worker: Plugin } {
  const folders = new Set(toolsShown.map((name) => here(`../node_modules/${name}`)));
  const name = "licences of what is built in";
  const gather = (modules: readonly string[]): void => {
    for (const module of modules) {
      const folder = folderOf(module.split("?")[0]);
      if (folder && existsSync(`${folder}/package.json`)) folders.add(folder);
    }
  };
  const renderChunk = (_code: string, { moduleIds }: { moduleIds: string[] }): null => {
    gather(moduleIds);
    return null;
  };
  const page: Plugin = {
    ...{ name, renderChunk },
    generateBundle() {
      const notices = [...folders].sort().map(noticeOf);
      const ours = readFileSync(here("../LICENSE"), "utf8");
      const source = [HEAD, ...notices, ours].join(RULE);
      this.emitFile({ type: "asset", fileName: "licenses.txt", source });
    },
  };
  return { page, worker: { name, renderChunk } };
}
