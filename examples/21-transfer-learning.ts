// Transfer learning: the convolutions of a network that knows digits, frozen, and a new head that
// learns shapes from 20 pictures.
import { adam, classification, crossEntropy, drawnShapes, evaluate, featuresOf } from "fiducial";
import { fit, loadNetwork, nn, openBackend, saveNetwork, strokeDigits } from "fiducial";

const backend = await openBackend("auto");
const common = { loss: crossEntropy(), optimizer: adam({ learningRate: 3e-3 }), seed: 1, backend };
const digits = classification(strokeDigits({ count: 1000, seed: 1 }));
const file = saveNetwork(
  await fit(nn.lenet5({ seed: 1 }), { ...common, data: digits, epochs: 3, batchSize: 50 }),
);

const backbone = nn.firstLayers(loadNetwork(file), "6.flatten");
const shapes = classification(drawnShapes({ count: 20, seed: 2 }));
const features = await featuresOf(backbone, shapes, { backend });
const head = nn.sequential({
  input: features.inputShape,
  seed: 1,
  layers: [nn.linear({ outFeatures: 5 })],
});
const trained = await fit(head, { ...common, data: features, epochs: 40, batchSize: 10 });
const network = nn.chained([backbone, trained]);

const test = classification(drawnShapes({ count: 200, seed: 3 }));
const asked = { data: test, loss: crossEntropy(), batchSize: 50, backend };
const { accuracy } = await evaluate(network, asked);
console.log(`new head on the frozen backbone: ${(100 * accuracy!).toFixed(1)} % of 200 new shapes`);

const scratch = nn.sequential({ input: [1, 28, 28], seed: 1, layers: network.architecture.layers });
const alone = await fit(scratch, { ...common, data: shapes, epochs: 40, batchSize: 10 });
console.log(
  `all of it from nothing: ${(100 * (await evaluate(alone, asked)).accuracy!).toFixed(1)} %`,
);
