// Pooling: a 4×4 image becomes 2×2, by the largest value or by the mean of each window.
import { nn, openBackend, trace } from "fiducial";

const image = [1, 3, 2, 1, 2, 9, 1, 1, 1, 3, 2, 3, 5, 6, 1, 2];
const backend = await openBackend("auto");
for (const layer of [nn.maxPool2d({ kernelSize: 2 }), nn.avgPool2d({ kernelSize: 2 })]) {
  const network = nn.sequential({ input: [1, 4, 4], seed: 0, layers: [layer] });
  const pooled = (await trace(network, { inputs: image, backend })).get(`0.${layer.kind}`)!;
  console.log(layer.kind, [...pooled.data].join(" "));
}
// prints maxPool2d 9 2 6 3, and avgPool2d 3.75 1.25 3.75 2
