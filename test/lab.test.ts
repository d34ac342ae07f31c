// What the lab shows is what is so: its numbers against implementations that share nothing with it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  chromium,
  eventually,
  gridOf,
  numberOf,
  openLab,
  settled,
  tableOf,
  typeInto,
  type Lab,
} from "./lab-page.ts";

/** Cross-correlation by the definition: kernel [k][k] over image [n][n], with zeros around it. */
function correlate(image: number[][], kernel: number[][], stride = 1, padding = 0): number[][] {
  const [n, k] = [image.length, kernel.length];
  const size = Math.floor((n + 2 * padding - k) / stride) + 1;
  const places = Array.from({ length: size }, (_, p) => p * stride - padding);
  return places.map((top) =>
    places.map((left) => {
      let sum = 0;
      for (let i = 0; i < k; i++)
        for (let j = 0; j < k; j++) sum += (image[top + i]?.[left + j] ?? 0) * kernel[i][j];
      return sum;
    }),
  );
}
const halves = Array.from({ length: 6 }, () => [10, 10, 10, 0, 0, 0]);
const edge = [
  [1, 0, -1],
  [1, 0, -1],
  [1, 0, -1],
];

describe.runIf(chromium)("the lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
  });
  afterAll(async () => {
    await lab?.close();
  });

  describe("a kernel slides", () => {
    it("answers the 6×6 edge with four rows of 0 30 30 0", async () => {
      const page = await lab.open("slide");
      expect(await gridOf(page, "output of kernel 1")).toEqual(
        Array.from({ length: 4 }, () => [0, 30, 30, 0]),
      );
      expect(await page.locator(".sum").textContent()).toMatch(
        /10 \+ 0 \+ 0 \+ 10 \+ 0 \+ 0 \+ 10 \+ 0 \+ 0 = 30/,
      );
      await page.context().close();
    });
    it("answers anew, all 16 numbers, whichever cell of kernel or image is typed into", async () => {
      const page = await lab.open("slide");
      const [image, kernel] = [halves.map((row) => [...row]), edge.map((row) => [...row])];
      for (let i = 0; i < 9; i++) {
        const [row, column] = [Math.floor(i / 3), i % 3];
        kernel[row][column] = i - 3;
        image[row + 1][column + 2] = 7 - 2 * i;
        await typeInto(page, "kernel 1", [row, column], String(kernel[row][column]));
        await typeInto(page, "image", [row + 1, column + 2], String(image[row + 1][column + 2]));
        await eventually(() => gridOf(page, "output of kernel 1")).toEqual(
          correlate(image, kernel),
        );
      }
      await page.context().close();
    });
    it("answers with every size, stride and padding", async () => {
      for (const [size, stride, padding] of [
        [1, 1, 0],
        [2, 2, 1],
        [4, 1, 2],
        [5, 3, 2],
        [3, 3, 1],
      ]) {
        const kernel = Array.from({ length: size }, (_, i) =>
          Array.from({ length: size }, (__, j) => 2 * i - 3 * j + 1),
        );
        const page = await lab.open(
          `slide?size=${size}&stride=${stride}&padding=${padding}&kernels=${kernel.flat().join("_")}`,
        );
        expect(await gridOf(page, "output of kernel 1")).toEqual(
          correlate(halves, kernel, stride, padding),
        );
        await page.context().close();
      }
    });
    it("keeps what was changed in its address, through a reload", async () => {
      const page = await lab.open("slide");
      await typeInto(page, "kernel 1", [1, 1], "5");
      const before = await gridOf(page, "output of kernel 1");
      await page.waitForURL(/kernels=/);
      await page.reload();
      await eventually(() => gridOf(page, "output of kernel 1")).toEqual(before);
      await page.context().close();
    });
  });

  it("adds the answers of three channels and the bias into one map", async () => {
    const page = await lab.open("channels");
    const parts: number[][][] = [];
    for (const colour of ["red", "green", "blue"]) {
      const image = await gridOf(page, `${colour} channel of the image`);
      const answer = await gridOf(page, `answer of ${colour} alone`);
      expect(answer).toEqual(correlate(image, await gridOf(page, `kernel for ${colour}`)));
      parts.push(answer);
    }
    const map = await gridOf(page, "map, the sum of the three answers and the bias");
    expect(map).toEqual(
      parts[0].map((row, i) => row.map((v, j) => v + parts[1][i][j] + parts[2][i][j] + 2)),
    );
    await page.getByLabel("Mute red").check();
    await eventually(() => gridOf(page, "answer of red alone")).toEqual(
      map.map((row) => row.map(() => 0)),
    );
    await page.context().close();
  });

  describe("back-propagation", () => {
    /** The parameters' derivatives as central differences of a cost that is written here anew. */
    const expected = (
      parameters: number[],
      loss: "squared" | "crossEntropy",
      activation: string,
    ): number[] => {
      const at = (moved: number, by: number): number =>
        costOf(
          parameters.map((v, i) => (i === moved ? v + by : v)),
          loss,
          activation,
        );
      return parameters.map((_, i) => (at(i, 1e-5) - at(i, -1e-5)) / 2e-5);
    };
    const settings = (["squared", "crossEntropy"] as const).flatMap((loss) =>
      (["tanh", "sigmoid", "relu"] as const).map((activation) => ({ loss, activation })),
    );
    it.each(settings)(
      "shows derivatives that are so: $loss, $activation",
      async ({ loss, activation }) => {
        const page = await lab.open(`backprop?loss=${loss}&activation=${activation}&seed=4`);
        const rows = (await tableOf(page, "Every parameter")).map((row) =>
          row.slice(1).map(numberOf),
        );
        expect(rows).toHaveLength(25);
        const derivatives = expected(
          rows.map((row) => row[0]),
          loss,
          activation,
        );
        for (const [i, [value, shown, difference, next]] of rows.entries()) {
          expect(Math.abs(shown - derivatives[i])).toBeLessThan(1e-4);
          expect(Math.abs(shown - difference)).toBeLessThan(1e-4);
          // the update, at the rate 0.5 that is set
          expect(next).toBeCloseTo(value - 0.5 * shown, 4);
        }
        const length = Math.sqrt(rows.reduce((sum, row) => sum + row[1] ** 2, 0));
        expect(
          numberOf((await page.locator(".control strong").first().textContent()) ?? ""),
        ).toBeCloseTo(length, 3);
        await page.context().close();
      },
    );
    it("adds up nine products for each shared weight, one for others", async () => {
      for (const weight of [0, 3, 4, 5, 20, 24]) {
        const page = await lab.open(`backprop?weight=${weight}`);
        const rows = await tableOf(page, "place by place");
        const [sum, difference] = rows.slice(-2).map((row) => numberOf(row[4]));
        const products = rows.slice(0, -2).map((row) => row.slice(1).map(numberOf));
        expect(products).toHaveLength(weight < 5 ? 9 : 1);
        for (const [dzdw, dadz, dCda, product] of products)
          expect(product).toBeCloseTo(dzdw * dadz * dCda, 5);
        expect(products.reduce((total, row) => total + row[3], 0)).toBeCloseTo(sum, 5);
        expect(difference).toBeCloseTo(sum, 5);
        const every = await tableOf(page, "Every parameter");
        expect(numberOf(every[weight][2])).toBeCloseTo(sum, 6);
        await page.context().close();
      }
    });
    it("moves no parameter before every derivative is known, then all of them at once", async () => {
      const page = await lab.open("backprop?stage=0");
      const before = await gridOf(page, "weights v of output 1");
      for (let stage = 1; stage <= 5; stage++) {
        await eventually(() => page.getByRole("button", { name: "Update all" }).count()).toBe(0);
        await page.getByRole("button", { name: "Step backward" }).click();
        expect(await gridOf(page, "weights v of output 1")).toEqual(before);
      }
      const promised = (await tableOf(page, "Every parameter")).map((row) => row[4]);
      const cost = numberOf(await page.locator(".cost").textContent());
      await page.getByRole("button", { name: "Update all 25 parameters" }).click();
      await eventually(async () =>
        (await tableOf(page, "Every parameter")).map((row) => row[1]),
      ).toEqual(promised);
      expect(numberOf(await page.locator(".cost").textContent())).toBeLessThan(cost);
      await page.context().close();
    });
  });

  it("trains to 90 % of new digits told right or more", async () => {
    const page = await lab.open("train");
    const phase = page.locator("[data-phase]");
    const started = performance.now();
    await page.getByRole("button", { name: "Train" }).first().click();
    await eventually(() => phase.getAttribute("data-phase")).toBe("done");
    const last = (await tableOf(page, "Epoch by epoch")).at(-1)!;
    console.info(
      `trained in ${((performance.now() - started) / 1000).toFixed(1)} s: ${last[4]} of new digits`,
    );
    expect(numberOf(last[4].replace(" %", ""))).toBeGreaterThanOrEqual(90);
    await page.context().close();
  });
  it("pauses at once, takes one step, and begins again", async () => {
    // long enough to be caught in the middle
    const page = await lab.open("train?samples=1000&epochs=30&batch=20");
    const phase = page.locator("[data-phase]");
    await page.getByRole("button", { name: "Train" }).first().click();
    await eventually(() => phase.getAttribute("data-phase")).toBe("running");
    await page.getByRole("button", { name: "Pause" }).click();
    await eventually(() => phase.getAttribute("data-phase")).toBe("paused");
    const step = Number(/step (\d+)/.exec((await phase.textContent())!)![1]);
    await page.getByRole("button", { name: "One step" }).click();
    await eventually(() => phase.textContent()).toMatch(new RegExp(`Paused at step ${step + 1} `));
    await page.getByRole("button", { name: "Start again" }).click();
    await eventually(() => phase.textContent()).toMatch(/Not trained yet/);
    await page.context().close();
  });
  it("is at the same step with the same numbers again when it is loaded anew", async () => {
    const page = await lab.open("train?samples=100&step=3");
    const phase = page.locator("[data-phase]");
    await eventually(() => phase.textContent()).toMatch(/Paused at step 3/);
    const kernel = "kernel 1 of the first convolution";
    const kernels = async (): Promise<string | null> =>
      page.locator(`[aria-label^="${kernel}"]`).getAttribute("aria-label");
    const before = await kernels();
    await page.reload();
    await eventually(() => phase.textContent()).toMatch(/Paused at step 3/);
    expect(await kernels()).toBe(before);
    await page.context().close();
  });
  it("says in place that a learning rate is too high, and goes on with a lower one", async () => {
    const page = await lab.open("backprop?rate=5&updates=50");
    expect(await page.locator(".failure").textContent()).toMatch(/lower the learning rate/);
    await page.getByLabel("Learning rate η, as a number").fill("0.01");
    await page.keyboard.press("Tab");
    await eventually(() => page.locator(".failure").count()).toBe(0);
    expect(await tableOf(page, "Every parameter")).toHaveLength(25);
    await page.context().close();
  });
  it("makes a sheet whose answers are right, another for another number", async () => {
    const page = await lab.open("slide");
    const seen = new Set<string>();
    for (const sheet of [1, 2, 3]) {
      await page.goto(`${lab.url}#/sheet?sheet=${sheet}`);
      await eventually(() => page.locator("h1").textContent()).toMatch(
        new RegExp(`sheet ${sheet}$`),
      );
      await settled(page);
      const [image, kernel] = [
        await gridOf(page, "image of exercise 1"),
        await gridOf(page, "kernel of exercise 1"),
      ];
      expect(await gridOf(page, "output of answer 1")).toEqual(correlate(image, kernel));
      seen.add(String(image));
    }
    expect(seen.size).toBe(3);
    await page.context().close();
  });
  it("takes a picture of the visitor's, and says kindly what is none", async () => {
    const page = await lab.open("kernels?image=own");
    await eventually(() => page.locator(".failure").textContent()).toMatch(/open it again/);
    const file = page.locator("#own-picture");
    await file.setInputFiles({
      name: "notes.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("not a picture"),
    });
    await eventually(() => page.locator(".control [role=status]").textContent()).toMatch(
      /notes\.txt/,
    );
    const { writePng } = await import("fiducial");
    const ramp = Float32Array.from({ length: 20 * 30 }, (_, i) => (i % 30) / 29);
    const buffer = Buffer.from(writePng(ramp, [20, 30], 1));
    await file.setInputFiles({ name: "ramp.png", mimeType: "image/png", buffer });
    await eventually(() => page.locator(".control [role=status]").textContent()).toMatch(
      /ramp\.png, .*20×30/,
    );
    await eventually(() => page.locator("canvas").count()).toBe(2);
    await page.context().close();
  });
});

/** The cost of section 9's network at its first picture and right answer, by plain loops. */
function costOf(
  parameters: readonly number[],
  loss: "squared" | "crossEntropy",
  activation: string,
): number {
  const image = [1, 0.2, 0, 0, 0.3, 1, 0.1, 0, 0, 0.2, 0.9, 0.2, 0, 0, 0.3, 1];
  const bend = (z: number): number => {
    if (activation === "tanh") return Math.tanh(z);
    return activation === "sigmoid" ? 1 / (1 + Math.exp(-z)) : Math.max(0, z);
  };
  const a: number[] = [];
  for (let p = 0; p < 3; p++)
    for (let q = 0; q < 3; q++) {
      let z = parameters[4];
      for (let i = 0; i < 4; i++) z += parameters[i] * image[4 * (p + (i >> 1)) + q + (i & 1)];
      a.push(bend(z));
    }
  const y = [0, 1].map((o) =>
    a.reduce((sum, v, i) => sum + v * parameters[5 + 9 * o + i], parameters[23 + o]),
  );
  if (loss === "squared") return ((y[0] - 1) ** 2 + y[1] ** 2) / 2;
  return Math.log(Math.exp(y[0]) + Math.exp(y[1])) - y[0];
}
