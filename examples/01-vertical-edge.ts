// A kernel: 3×3 numbers that slide over an image. 1 0 −1 answers where the image changes from
// bright to dark.
import { filterImage, kernels, openBackend } from "fiducial";

const image = {
  shape: [6, 6],
  data: Array.from({ length: 6 }, () => [10, 10, 10, 0, 0, 0]).flat(),
};
const edges = await filterImage(image, {
  kernel: kernels.verticalEdge,
  backend: await openBackend("auto"),
});
for (let row = 0; row < 4; row++)
  console.log([...edges.data.slice(4 * row, 4 * row + 4)].join(" "));
// prints four rows of 0 30 30 0
