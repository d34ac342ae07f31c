// The visitor's own files, dropped on the page, and all that may go wrong: said in place, and
// nothing is frozen.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { writeDicom, writeNifti, writeNpy, writePng } from "fiducial/data";
import { sheppLogan } from "fiducial/imaging";
import { exportNetwork, nn, saveNetwork, type Network } from "fiducial/learning";
import type { Page } from "playwright-core";
import { hdf5 } from "./fixtures/hdf5.mjs";
import {
  chromium,
  eventually,
  gridOf,
  hostOf,
  openLab,
  press,
  quick,
  settled,
  tableOf,
  visit,
  type Lab,
} from "./lab-page.ts";
import { fiducial } from "./program.ts";

vi.setConfig({ testTimeout: 600_000 });
const folder = mkdtempSync(join(tmpdir(), "fiducial-lab-own-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As a visitor drops it, anywhere on the page. */
async function drop(page: Page, name: string, bytes: Uint8Array | string): Promise<void> {
  const base64 = Buffer.from(bytes).toString("base64");
  await page.evaluate(
    ([file, content]) => {
      const data = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([data], file));
      document.body.dispatchEvent(
        new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }),
      );
    },
    [name, base64] as const,
  );
}
const said = (page: Page): Promise<string | null> => page.locator(".dropped").textContent();

/** 40×48 pixels of a phantom; no reader guesses that shape. */
function scan(): { pixels: Float32Array; shape: [number, number] } {
  const whole = sheppLogan({ size: 48 });
  return { pixels: whole.slice(0, 40 * 48), shape: [40, 48] };
}
const unet = (): Network => {
  const shape = {
    inChannels: 2,
    outChannels: 2,
    baseChannels: 2,
    depth: 1,
    size: [64, 64],
  } as const;
  return nn.unet({ ...shape, seed: 5, residual: true, norm: "none" });
};
const classifier = (): Network =>
  nn.sequential({
    input: [1, 8, 8],
    seed: 1,
    layers: [nn.flatten(), nn.linear({ outFeatures: 3 })],
  });

describe.runIf(chromium)("files of the visitor's", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(async () => {
    await lab?.close();
  });

  it("takes scans of five formats that are dropped, and finds the command line's numbers", async () => {
    const { pixels, shape } = scan();
    const [height, width] = shape;
    const volume = await hdf5((file) => {
      file.create_dataset({ name: "image", data: pixels, shape: [1, height, width], dtype: "<f4" });
    });
    const files: Record<string, Uint8Array> = {
      "scan.npy": writeNpy([pixels], shape),
      "scan.nii": writeNifti([pixels], shape),
      "scan.dcm": writeDicom([pixels], shape),
      "scan.png": writePng(pixels, shape, 1),
      "scan.h5": volume,
    };
    const page = await lab.open("break/kspace?size=64");
    for (const [name, bytes] of Object.entries(files)) {
      await drop(page, name, bytes);
      await eventually(() => said(page)).toBe(`${name}: a scan of 40×48 is the image now.`);
      await settled(page);
      const path = join(folder, name);
      writeFileSync(path, bytes);
      const options =
        `--model lab-cascade --size 64 --noise 0.01 --method zero-filled --seed 1 --json`.split(
          " ",
        );
      const run = fiducial([
        "reconstruct",
        "--images",
        path,
        "--out",
        join(folder, "images"),
        ...options,
      ]);
      expect(run.status, `${name}: ${run.err}`).toBe(0);
      const [{ psnr, ssim }] = (JSON.parse(run.out) as { images: { psnr: number; ssim: number }[] })
        .images;
      const [row] = await tableOf(page, "What is made of");
      expect(row.slice(0, 3), name).toEqual(["zero-filled", psnr.toFixed(2), ssim.toFixed(3)]);
    }
    await page.context().close();
  });

  it("takes networks that are dropped, of ours and in ONNX, and both give the same image", async () => {
    const page = await lab.open(`break/attack?${quick}`);
    const rows: string[][] = [];
    for (const [name, bytes] of [
      ["mine.safetensors", saveNetwork(unet())],
      ["mine.onnx", exportNetwork(unet()).bytes],
    ] as const) {
      await drop(page, name, bytes);
      await eventually(() => said(page)).toMatch(
        new RegExp(`${name}: a network of \\d+ parameters`),
      );
      await settled(page);
      await page.waitForURL(/network=own/);
      rows.push((await tableOf(page, "What each method makes"))[0]);
    }
    expect(rows[0].slice(1)).toEqual(rows[1].slice(1));
    await page.context().close();
  });

  it("says in a sentence what is wrong with a file, and goes on with what there was", async () => {
    const page = await lab.open(`break/attack?${quick}`);
    const before = await tableOf(page, "What each method makes");
    const whole = saveNetwork(unet());
    for (const [name, bytes, why] of [
      ["notes.txt", "no scan at all", /notes\.txt: it is none of .*convert it/],
      ["empty.nii", "", /empty\.nii: the file is empty/],
      ["cut.safetensors", whole.slice(0, whole.length - 100), /cut\.safetensors/],
      ["cut.onnx", exportNetwork(unet()).bytes.slice(0, 200), /cut\.onnx/],
      [
        "classes.safetensors",
        saveNetwork(classifier()),
        /a reconstruction network maps complex images/,
      ],
      ["classes.onnx", exportNetwork(classifier()).bytes, /classes\.onnx/],
      ["cut.png", writePng(scan().pixels, scan().shape, 1).slice(0, 90), /cut\.png/],
    ] as const) {
      await drop(page, name, bytes);
      await eventually(() => page.locator(".dropped.failure").textContent()).toMatch(why);
      expect((await said(page))!.split("\n"), name).toHaveLength(1);
    }
    expect(await tableOf(page, "What each method makes")).toEqual(before);
    await visit(page, lab.url, "break/kspace?size=64");
    await drop(page, "mine.onnx", exportNetwork(unet()).bytes);
    await eventually(() => said(page)).toMatch(/drop it on the section/);
    const blank = new Float32Array(64 * 64);
    await drop(page, "blank.npy", writeNpy([blank], [64, 64]));
    await eventually(() => page.locator("main .failure").first().textContent()).toMatch(/constant/);
    await page.context().close();
  });

  it("lets go of a training at the back button, and begins it anew after a lost worker", async () => {
    const page = await lab.open("cost");
    const phase = page.locator("[data-phase]");
    await visit(page, lab.url, "train?samples=200&epochs=30");
    await page.getByRole("button", { name: "Train" }).first().click();
    await eventually(() => phase.getAttribute("data-phase")).toBe("running");
    await page.goBack();
    await eventually(() => page.locator("h1").textContent()).toMatch(/cost/);
    await page.goForward();
    await settled(page);
    expect(await phase.getAttribute("data-phase")).toBe("idle");
    await page.getByRole("button", { name: "Train" }).first().click();
    await eventually(() => phase.getAttribute("data-phase")).toBe("running");
    await page.workers()[0].evaluate("setTimeout(() => { throw new Error('lost') })");
    await eventually(() => phase.textContent()).toMatch(/worker was lost/);
    await page.getByRole("button", { name: "Train" }).first().click();
    await eventually(() => phase.getAttribute("data-phase")).toBe("running");
    await page.getByRole("button", { name: "Pause" }).click();
    await eventually(() => phase.textContent()).toMatch(/^Paused at step/);
    await page.context().close();
    // the worker's own error is what was thrown into it
    lab.complaints.splice(0);
  });

  it("says that a rate was too high to learn by, or what came of it, and stays at hand", async () => {
    const page = await lab.open("train?samples=50&epochs=1&batch=1&rate=1&convolutions=1");
    await page.getByRole("button", { name: "Train" }).first().click();
    await eventually(() => page.locator("[data-phase]").getAttribute("data-phase")).toMatch(
      /done|failed/,
    );
    await press(page, "Start again");
    await eventually(() => page.locator("[data-phase]").textContent()).toMatch(/Not trained yet/);
    await page.context().close();
  });

  it("comes with the weights that it would train: section 7, to the last number", async () => {
    const page = await lab.open("layers");
    const first = await tableOf(page, /largest first/);
    await press(page, "Train it here");
    await eventually(() => page.locator(".steps [role=status]").textContent()).toMatch(
      /was trained in this tab, from seed 1/,
    );
    await settled(page);
    expect(await tableOf(page, /largest first/)).toEqual(first);
    await press(page, "Train another");
    await eventually(() => tableOf(page, /largest first/)).not.toEqual(first);
    await page.context().close();
  });

  it("asks nobody but itself for anything, and has nothing to complain of", () => {
    expect(lab.strangers).toEqual([]);
    expect(lab.complaints).toEqual([]);
  });
});

it.runIf(chromium)(
  "computes by plain loops, and says so, where WebAssembly is forbidden",
  async () => {
    const host = await hostOf({ "Content-Security-Policy": "script-src 'self'" });
    const lab = await openLab(host.url);
    const page = await lab.open("slide");
    expect(await gridOf(page, "output of kernel 1")).toEqual(
      Array.from({ length: 4 }, () => [0, 30, 30, 0]),
    );
    await eventually(() => page.locator("footer").textContent()).toMatch(
      /reference.*computed by plain loops/s,
    );
    await visit(page, lab.url, "layers");
    expect(await page.locator("main .failure").count()).toBe(0);
    expect((await tableOf(page, /largest first/)).length).toBeGreaterThan(5);
    await lab.close();
    host.close();
  },
);
