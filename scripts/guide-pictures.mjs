// The pictures of docs/guide.md, made by the library itself. Run after `npm run build`; about half
// a minute.
import { mkdirSync, writeFileSync } from "node:fs";
import {
  adam,
  classification,
  crossEntropy,
  drawnShapes,
  featureSheet,
  filterImage,
  fit,
  kernels,
  kernelSheet,
  measureShiftInvariance,
  nn,
  openBackend,
  saliency,
  sheppLogan,
  strokeDigits,
  trace,
  writePng,
} from "fiducial";

const folder = new URL("../docs/images/", import.meta.url);
mkdirSync(folder, { recursive: true });
const save = (name, { shape, values }) =>
  writeFileSync(new URL(name, folder), writePng(values, shape, 1));
const backend = await openBackend("auto");
/** Pictures side by side, each from black to white on its own scale. */
const row = (pictures) =>
  featureSheet(
    new Map([
      [
        "row",
        {
          shape: [1, pictures.length, ...pictures[0].shape],
          data: Float64Array.from(pictures.flatMap((p) => [...p.data])),
        },
      ],
    ]),
  );

// kernels: a phantom, and what five kernels make of it
const phantom = { shape: [128, 128], data: sheppLogan({ size: 128 }) };
const answers = [phantom];
for (const name of ["verticalEdge", "horizontalEdge", "laplacian", "sharpen", "emboss"])
  answers.push(
    await filterImage(phantom, {
      kernel: kernels[name],
      padding: "same",
      paddingMode: "replicate",
      backend,
    }),
  );
save(
  "kernels.png",
  row(answers.map(({ shape, data }) => ({ shape, data: Float64Array.from(data) }))),
);

// pooling: a digit, its 2×2 maxima, and theirs
const digits = strokeDigits({ count: 20, seed: 1 });
const images = Array.from({ length: 20 }, (_, i) => {
  const x = new Float32Array(784);
  digits.pixels(i, x);
  return x;
});
const pools = nn.sequential({
  input: [1, 28, 28],
  seed: 0,
  layers: [nn.maxPool2d({ kernelSize: 2 }), nn.maxPool2d({ kernelSize: 2 })],
});
const pooled = await trace(pools, { inputs: images[0], backend });
/** The picture with every pixel drawn as a square, so that all are one size. */
const enlarged = ({ shape: [, , h, w], data }, size) => ({
  shape: [size, size],
  data: Float64Array.from(
    { length: size * size },
    (_, k) =>
      data[Math.floor((Math.floor(k / size) * h) / size) * w + Math.floor(((k % size) * w) / size)],
  ),
});
save("pooling.png", row([...pooled.values()].map((t) => enlarged(t, 112))));

// translation invariance: change of the outputs against the shift, with more and more pooling
const shifts = [0, 1, 2, 3, 4, 5, 6];
const convolution = nn.conv2d({
  outChannels: 8,
  kernelSize: 5,
  padding: "same",
  paddingMode: "circular",
});
const lines = [];
for (const [name, layers] of [
  ["no pooling", []],
  ["2×2", [nn.maxPool2d({ kernelSize: 2 })]],
  ["4×4", [nn.maxPool2d({ kernelSize: 4 })]],
  ["7×7", [nn.maxPool2d({ kernelSize: 7 })]],
  ["global", [nn.globalMaxPool2d()]],
]) {
  lines.push({
    name,
    values: (
      await measureShiftInvariance(
        nn.sequential({ input: [1, 28, 28], seed: 1, layers: [convolution, nn.relu(), ...layers] }),
        { images, shifts, backend },
      )
    ).map((m) => m.change),
  });
}
const colours = ["#d55e00", "#e69f00", "#009e73", "#0072b2", "#555"];
const top = Math.max(...lines.flatMap((l) => l.values));
const [px, py] = [(i) => 60 + 75 * i, (v) => 240 - (210 * v) / top];
writeFileSync(
  new URL("shift-invariance.svg", folder),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 290" font-family="sans-serif" font-size="13"><rect width="640" height="290" fill="#fff"/>
${[0, 0.25, 0.5, 0.75, 1]
  .filter((v) => v <= top)
  .map(
    (v) =>
      `<line x1="60" x2="510" y1="${py(v)}" y2="${py(v)}" stroke="#ddd"/><text x="52" y="${py(v) + 4}" text-anchor="end">${100 * v} %</text>`,
  )
  .join("")}
${shifts.map((s, i) => `<text x="${px(i)}" y="260" text-anchor="middle">${s}</text>`).join("")}<text x="285" y="282" text-anchor="middle">shift of the image, pixels</text><text transform="translate(14 135) rotate(-90)" text-anchor="middle">change of the outputs</text>
${lines.map(({ name, values }, k) => `<path fill="none" stroke="${colours[k]}" stroke-width="2" d="${values.map((v, i) => `${i ? "L" : "M"}${px(i)} ${py(v).toFixed(1)}`).join("")}"/><text x="518" y="${py(values.at(-1)) + 4}" fill="${colours[k]}" font-weight="600">${name}</text>`).join("\n")}
</svg>
`,
);

// a trained classifier from within
const shapes = drawnShapes({ count: 2000, seed: 1 });
const network = await fit(
  nn.sequential({
    input: [1, 28, 28],
    seed: 1,
    layers: [
      nn.conv2d({ outChannels: 8, kernelSize: 5, padding: "same" }),
      nn.relu(),
      nn.maxPool2d({ kernelSize: 2 }),
      nn.conv2d({ outChannels: 16, kernelSize: 5, padding: "same" }),
      nn.relu(),
      nn.maxPool2d({ kernelSize: 2 }),
      nn.flatten(),
      nn.linear({ outFeatures: 5 }),
    ],
  }),
  {
    data: classification(shapes),
    loss: crossEntropy(),
    optimizer: adam({ learningRate: 2e-3 }),
    epochs: 4,
    batchSize: 50,
    seed: 1,
    backend,
  },
);
save("learned-kernels.png", kernelSheet(network, "0.conv2d.weight"));
const looked = [];
const test = drawnShapes({ count: 12, seed: 2 });
for (let i = 0; i < 4; i++) {
  const x = new Float32Array(784);
  test.pixels(i, x);
  const input = x.map((v) => 2 * v - 1);
  if (i === 0) save("features.png", featureSheet(await trace(network, { inputs: input, backend })));
  const output = test.label(i);
  looked.push(
    enlarged({ shape: [1, 1, 28, 28], data: x }, 84),
    enlarged(
      { shape: [1, 1, 28, 28], data: (await saliency(network, { input, output, backend })).data },
      84,
    ),
  );
}
save("saliency.png", row(looked));
