// The API reference, docs/api/index.html, from the docstrings of every public name: by TypeDoc,
// which needs a TypeScript of before 7 and so has one of its own, installed beside it at the first
// time. npm run api
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("api", import.meta.url));
const typedoc = `${folder}/node_modules/typedoc/bin/typedoc`;
function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: folder, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
if (!existsSync(typedoc)) run("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock"]);
run(process.execPath, [typedoc, "--options", "typedoc.json"]);
