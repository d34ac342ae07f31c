// Where a graphics card is found: a page's navigator.gpu, or in Node the optional package `webgpu`.
import { BackendError } from "../../core/errors.ts";

interface NodePackage {
  create(options: string[]): GPU;
}

/** Kept alive: without it a worker's first read crashes the process. */
let opened: Promise<GPU> | undefined;

const isNode = (): boolean =>
  (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !==
  undefined;

async function fromPackage(): Promise<GPU> {
  // named by a variable: bundlers for pages must leave it alone
  const name = "webgpu";
  let dawn: NodePackage;
  try {
    dawn = (await import(/* @vite-ignore */ name)) as NodePackage;
  } catch (cause) {
    throw new BackendError(
      `webgpu: this host has no WebGPU of its own, and the package webgpu cannot be loaded (${(cause as Error).message}); npm install webgpu, or use the wasm backend`,
      { library: name },
    );
  }
  // its clock would tick ten times a millisecond
  return dawn.create(["disable-dawn-features=timestamp_quantization"]);
}

/** Throws BackendError where there is none, with what to do about it. */
async function findGpu(): Promise<GPU> {
  const own = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (own) return own;
  if (!isNode())
    throw new BackendError(
      "webgpu: this browser has no WebGPU, or the page is not in a secure context (https or localhost); use the wasm backend",
      {},
    );
  opened ??= fromPackage();
  return opened.catch((error) => {
    opened = undefined;
    throw error;
  });
}

/** Throws BackendError where the host has no adapter. */
export async function findAdapter(): Promise<GPUAdapter> {
  const adapter = await (await findGpu()).requestAdapter({ powerPreference: "high-performance" });
  if (adapter) return adapter;
  throw new BackendError(
    "webgpu: no graphics adapter was found; install the card's Vulkan, Metal or Direct3D driver, or use the wasm backend",
    {},
  );
}

/** The adapter's name, and its driver's in brackets, as far as it says them. */
export function nameOf({ info }: GPUAdapter): string {
  const { device, architecture, vendor, description } = info;
  const own = [device, architecture, vendor].find((part) => part !== "")?.replace(/-+$/, "");
  if (!own) return description || "an adapter that does not say its name";
  return description === "" || description === own ? own : `${own} (${description})`;
}

/** Whether there is an adapter that is no processor playing a card. */
export async function hasCard(): Promise<boolean> {
  const adapter = await findAdapter().catch(() => undefined);
  return adapter !== undefined && !adapter.info.isFallbackAdapter;
}
