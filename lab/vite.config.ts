// How the lab is built: TSX by Preact, formulae written as MathML while it is built, nothing
// inline, so that a strict content security policy holds.
import temml from "temml";
import { defineConfig, type Plugin } from "vite";
import { licenses } from "./licenses.ts";
import { formulas } from "./src/formulas.ts";

/** src/formulas.ts holds TeX; pages get MathML, and no code that could read TeX. */
const mathMl: Plugin = {
  name: "formulas as MathML",
  enforce: "pre",
  transform(_code, id) {
    if (!id.endsWith("/src/formulas.ts")) return undefined;
    const written = Object.entries(formulas).map(([name, tex]) => [
      name,
      temml.renderToString(tex),
    ]);
    return {
      code: `export const formulas = ${JSON.stringify(Object.fromEntries(written))};`,
      map: null,
    };
  },
};

const notices = licenses();
const nothing = `${import.meta.dirname}/src/nothing.ts`;

export default defineConfig({
  root: import.meta.dirname,
  // wherever it is served from
  base: "./",
  plugins: [mathMl, notices.page],
  // libraries that unpack scans ask for these where they run in Node
  resolve: { alias: { fs: nothing, path: nothing } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  logLevel: "warn",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // how long plugins take says more of the machine than of them
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  // what reads HDF5 and packed DICOM is a file each, fetched when a scan needs it
  worker: {
    format: "es",
    plugins: () => [notices.worker],
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
