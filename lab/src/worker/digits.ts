// A small network that knows the drawn digits: trained here, in a second or two, when a section
// first needs it. The seed makes it the same network every time.
import { strokeDigits, type LabelledImages } from "fiducial/data";
import { adam, classification, compileEvaluation, crossEntropy, fit, nn, type Network } from "fiducial/learning";
import { quickly } from "./engine.ts";
import { inMemory } from "./samples.ts";

export const digitSide = 16;
const training = { count: 2000, seed: 1, size: digitSide };
const heldOut = { count: 300, seed: 1001, size: digitSide };

export interface DigitNetwork {
  /** It ends with a softmax. */
  readonly network: Network;
  /** Share of 300 digits that it was not trained on. */
  readonly accuracy: number;
}
export const heldOutDigits = (): LabelledImages => strokeDigits(heldOut);
/** As the network takes them: between −1 and 1. */
export function digitInput(index: number): { input: Float32Array; label: number } {
  const data = classification(heldOutDigits());
  const input = new Float32Array(digitSide ** 2);
  data.read(index, input, new Float32Array(10));
  return { input, label: heldOutDigits().label(index) };
}

async function train(): Promise<DigitNetwork> {
  const backend = await quickly();
  const layers = [
    nn.conv2d({ outChannels: 4, kernelSize: 5 }),
    nn.relu(),
    nn.maxPool2d({ kernelSize: 2 }),
    nn.conv2d({ outChannels: 6, kernelSize: 3 }),
    nn.relu(),
    nn.flatten(),
    nn.linear({ outFeatures: 10 }),
  ];
  const data = await inMemory(classification(strokeDigits(training)));
  const loss = crossEntropy();
  const fresh = nn.sequential({ input: [1, digitSide, digitSide], seed: 1, layers });
  const optimizer = adam({ learningRate: 1e-2 });
  const trained = await fit(fresh, { data, loss, optimizer, epochs: 8, batchSize: 50, seed: 1, backend });
  const tested = classification(heldOutDigits());
  const evaluate = await compileEvaluation(trained, { data: tested, loss, batchSize: 100, backend });
  const { accuracy = 0 } = await evaluate(trained, tested);
  const architecture = { ...trained.architecture, layers: [...layers, nn.softmax()] };
  return { network: { ...trained, architecture }, accuracy };
}
let known: Promise<DigitNetwork> | undefined;
export function digitNetwork(): Promise<DigitNetwork> {
  known ??= train();
  return known;
}
