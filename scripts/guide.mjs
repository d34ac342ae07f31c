// The guide's figures: runs every example whose output docs/guide.md shows, and says where it is
// another now; --write puts it there.
// npm run guide -- [--write] [NAME …]
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean" } },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const path = `${root}docs/guide.md`;
const blocks = /<!-- ([\w-]+) -->\n```text\n([\s\S]*?)```/g;
let guide = readFileSync(path, "utf8");
for (const [block, name, shown] of guide.matchAll(blocks)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const output = execFileSync(process.execPath, [`${root}dist/examples/${name}.js`], {
    encoding: "utf8",
  });
  const same = output === shown;
  console.log(`${name}: ${same ? "as the guide shows" : `another output\n${output}`}`);
  if (!same && values.write)
    guide = guide.replace(block, () => `<!-- ${name} -->\n\`\`\`text\n${output}\`\`\``);
  if (!same && !values.write) process.exitCode = 1;
}
if (values.write) writeFileSync(path, guide);
