// What the lab shows is what is so: its numbers against implementations that share nothing with it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromium, gridOf, openLab, typeInto, type Lab } from "./lab-page.ts";

/** Cross-correlation by the definition: kernel [k][k] over image [n][n], with zeros around it. */
function correlate(image: number[][], kernel: number[][], stride = 1, padding = 0): number[][] {
  const [n, k] = [image.length, kernel.length];
  const size = Math.floor((n + 2 * padding - k) / stride) + 1;
  const places = Array.from({ length: size }, (_, p) => p * stride - padding);
  return places.map((top) =>
    places.map((left) => {
      let sum = 0;
      for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) sum += (image[top + i]?.[left + j] ?? 0) * kernel[i][j];
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
      expect(await gridOf(page, "output of kernel 1")).toEqual(Array.from({ length: 4 }, () => [0, 30, 30, 0]));
      expect(await page.locator(".sum").textContent()).toMatch(/10 \+ 0 \+ 0 \+ 10 \+ 0 \+ 0 \+ 10 \+ 0 \+ 0 = 30/);
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
        await expect.poll(() => gridOf(page, "output of kernel 1")).toEqual(correlate(image, kernel));
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
        expect(await gridOf(page, "output of kernel 1")).toEqual(correlate(halves, kernel, stride, padding));
        await page.context().close();
      }
    });
    it("keeps what was changed in its address, through a reload", async () => {
      const page = await lab.open("slide");
      await typeInto(page, "kernel 1", [1, 1], "5");
      const before = await gridOf(page, "output of kernel 1");
      await page.waitForURL(/kernels=/);
      await page.reload();
      await expect.poll(() => gridOf(page, "output of kernel 1")).toEqual(before);
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
    expect(map).toEqual(parts[0].map((row, i) => row.map((v, j) => v + parts[1][i][j] + parts[2][i][j] + 2)));
    await page.getByLabel("Mute red").check();
    await expect.poll(() => gridOf(page, "answer of red alone")).toEqual(map.map((row) => row.map(() => 0)));
    await page.context().close();
  });
});
