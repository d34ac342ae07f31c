// A filter: one kernel per colour, 3×3×3 numbers, whose answers are added into one image.
import { filterImage, openBackend } from "fiducial";

// red on the left, blue on the right
const red = Array.from({ length: 5 }, () => [1, 1, 0, 0, 0]).flat();
const blue = Array.from({ length: 5 }, () => [0, 0, 1, 1, 1]).flat();
const image = { shape: [3, 5, 5], data: [...red, ...new Array<number>(25).fill(0), ...blue] };
const edge = [1, 0, -1, 1, 0, -1, 1, 0, -1];
// an edge from red to blue: the red falls, the blue rises
const filter = {
  shape: [3, 3, 3],
  data: [...edge, ...new Array<number>(9).fill(0), ...edge.map((v) => -v)],
};
const answer = await filterImage(image, { kernel: filter, backend: await openBackend("auto") });
console.log(answer.shape.join("×"), "values", [...answer.data.slice(0, 3)].join(" "));
// prints 1×3×3 values 6 6 0
