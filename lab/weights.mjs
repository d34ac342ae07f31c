// Trains every network that the lab brings, each by the command that stands here, and writes their
// weights: `npm run lab-weights`. The same seed gives the same bits on every machine.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { saveNetwork } from "fiducial/learning";
import { createServer } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv.slice(2);
const chosen = (name) => wanted.length === 0 || wanted.includes(name);

/** Sections 11 to 16: small enough for a page to wait for, trained by the command line. */
const reconstructors = {
  "lab-cascade":
    "--size 64 --channels 12 --cascades 4 --crop 32 --count 2000 --epochs 4 --name small-cascade",
  "lab-unet":
    "--network unet --size 64 --channels 8 --depth 2 --count 2000 --epochs 6 --name small-U-Net",
};
for (const [name, options] of Object.entries(reconstructors).filter(([n]) => chosen(n))) {
  // names have blanks
  const words = options.split(" ").map((word) => word.replace("small-", "small "));
  const out = `${root}weights/${name}.safetensors`;
  const command = [`${root}dist/cli/main.js`, "train", "reconstructor", ...words, "--out", out];
  const { status } = spawnSync(process.execPath, command, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

/** Section 7: trained by the lab's own code, as its button does. */
if (chosen("digits")) {
  const served = { root: `${root}lab`, configFile: false, appType: "custom", logLevel: "error" };
  const server = await createServer({ ...served, server: { middlewareMode: true } });
  const { trainDigits } = await server.ssrLoadModule("/src/worker/digits.ts");
  const bytes = saveNetwork({ ...(await trainDigits(1)), name: "digits" });
  mkdirSync(`${root}lab/weights`, { recursive: true });
  writeFileSync(`${root}lab/weights/digits.safetensors`, bytes);
  console.log(`lab/weights/digits.safetensors: ${bytes.length} bytes`);
  await server.close();
}
process.exit(0);
