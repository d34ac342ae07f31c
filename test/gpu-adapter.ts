// Runs a check in a process of its own on the first graphics adapter that this machine has: a card,
// lavapipe or SwiftShader. In a process, because drivers are found by the environment it begins
// with, and a failing driver takes its process with it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

type Surroundings = Record<string, string>;

/** Processors that play a graphics card, where Debian puts them. */
const software: readonly { needs: string; env: Surroundings }[] = [
  ...["lvp_icd.json", "lvp_icd.x86_64.json"].map((name) => ({
    needs: `/usr/share/vulkan/icd.d/${name}`,
    env: { VK_DRIVER_FILES: `/usr/share/vulkan/icd.d/${name}` },
  })),
  {
    needs: "/usr/lib/chromium/vk_swiftshader_icd.json",
    env: {
      LD_LIBRARY_PATH: "/usr/lib/chromium",
      VK_ICD_FILENAMES: "/usr/lib/chromium/vk_swiftshader_icd.json",
    },
  },
];

export interface CheckRun {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}
function run(script: string, args: readonly string[], env: Surroundings): CheckRun {
  const path = fileURLToPath(new URL(`gpu/${script}.mjs`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", path, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 28,
  });
  return { status, out: stdout, err: stderr };
}

export interface Adapter {
  readonly name: string;
  /** What a check prints as its last line, read as JSON. */
  check<T>(script: string, ...args: readonly string[]): T;
  readonly env: Surroundings;
}

function open(): Adapter | string {
  const reasons: string[] = [];
  const candidates = [{ needs: "/", env: {} }, ...software].filter(({ needs }) =>
    existsSync(needs),
  );
  for (const { env } of candidates) {
    const { status, out, err } = run("adapter", [], env);
    if (status === 0) {
      const check = <T>(script: string, ...args: readonly string[]): T => {
        const done = run(script, args, env);
        if (done.status !== 0)
          throw new Error(`gpu/${script} ended with ${done.status}: ${done.err.slice(-2000)}`);
        return JSON.parse(done.out.trim().split("\n").at(-1)!) as T;
      };
      return { name: JSON.parse(out), env, check };
    }
    reasons.push(err.match(/BackendError: .*/)?.[0] ?? `ended with ${status}`);
  }
  return reasons.join("; ");
}

const found = open();
/** The adapter, or none: the tests say why, and are skipped. */
export const adapter: Adapter | undefined = typeof found === "string" ? undefined : found;
if (typeof found === "string")
  console.warn(`no graphics adapter here, its tests are skipped: ${found}`);
