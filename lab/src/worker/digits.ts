// A small network that knows the drawn digits: its weights come with the lab, and it can be trained
// here too, in a second or two, from any seed; that of the weights is 1.
import { strokeDigits, type LabelledImages } from "fiducial/data";
import { ConfigError } from "fiducial/engine";
import {
  adam,
  classification,
  compileEvaluation,
  crossEntropy,
  fit,
  loadNetwork,
  nn,
  type Network,
} from "fiducial/learning";
import digitsUrl from "../../weights/digits.safetensors?url";
import { quickly } from "./engine.ts";
import { fetchBytes } from "./fetched.ts";
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

/** The network without its softmax. */
export async function trainDigits(seed: number): Promise<Network> {
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
  const fresh = nn.sequential({ input: [1, digitSide, digitSide], seed, layers });
  const optimizer = adam({ learningRate: 1e-2 });
  return fit(fresh, {
    data,
    loss: crossEntropy(),
    optimizer,
    epochs: 8,
    batchSize: 50,
    seed,
    backend,
  });
}
async function shipped(): Promise<Network> {
  const bytes = await fetchBytes(digitsUrl, "digits");
  return loadNetwork(bytes, "digits");
}

async function tested(trained: Network): Promise<DigitNetwork> {
  const backend = await quickly();
  const data = classification(heldOutDigits());
  const evaluate = await compileEvaluation(trained, {
    data,
    loss: crossEntropy(),
    batchSize: 100,
    backend,
  });
  const { accuracy = 0 } = await evaluate(trained, data);
  const { architecture } = trained;
  const layers = [...architecture.layers, nn.softmax()];
  return { network: { ...trained, architecture: { ...architecture, layers } }, accuracy };
}

const known = new Map<number, Promise<DigitNetwork>>();
/** The one that comes with the lab (0), or one that is trained here from a seed. */
export function digitNetwork(seed: number): Promise<DigitNetwork> {
  if (!(Number.isInteger(seed) && seed >= 0))
    throw new ConfigError(`a seed is a whole number, got ${seed}`);
  const network = known.get(seed) ?? (seed === 0 ? shipped() : trainDigits(seed)).then(tested);
  known.set(seed, network);
  // what failed is tried again
  network.catch(() => known.delete(seed));
  return network;
}
