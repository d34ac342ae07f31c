// Translation invariance: how far the outputs move when the image moves, without pooling and with
// it.
import { measureShiftInvariance, nn, openBackend, strokeDigits } from "fiducial";

const digits = strokeDigits({ count: 20, seed: 1 });
const images = Array.from({ length: 20 }, (_, i) => {
  const x = new Float32Array(784);
  digits.pixels(i, x);
  return x;
});
const backend = await openBackend("auto");
const convolution = nn.conv2d({
  outChannels: 8,
  kernelSize: 5,
  padding: "same",
  paddingMode: "circular",
});
const networks = {
  "no pooling": [convolution, nn.relu()],
  "max-pooling 4×4": [convolution, nn.relu(), nn.maxPool2d({ kernelSize: 4 })],
  "global max-pooling": [convolution, nn.relu(), nn.globalMaxPool2d()],
};
for (const [name, layers] of Object.entries(networks)) {
  const moved = await measureShiftInvariance(
    nn.sequential({ input: [1, 28, 28], seed: 1, layers }),
    {
      images,
      shifts: [1, 2, 4],
      backend,
    },
  );
  console.log(
    name.padEnd(20),
    moved.map((m) => `${m.shift} px: ${(100 * m.change).toFixed(1)} %`).join("   "),
  );
}
