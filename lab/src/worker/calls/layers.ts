// Section 7: every number of a trained network for one digit, and where one of them comes from.
import {
  explainNode,
  receptiveField,
  trace,
  type Field,
  type Network,
  type NodeTerm,
} from "fiducial/learning";
import { digitInput, digitNetwork } from "../digits.ts";
import { quickly } from "../engine.ts";
import { plain, type Plain } from "../networks.ts";

export interface TracedLayer extends Plain {
  readonly name: string;
  readonly kind: string;
}
export interface Traced {
  /** The input first. */
  readonly layers: readonly TracedLayer[];
  readonly label: number;
  readonly accuracy: number;
}
/** All layers' values for one of the digits that the network was not trained on. */
export async function traceDigit({
  digit,
  trained,
}: {
  digit: number;
  trained: number;
}): Promise<Traced> {
  const { network, accuracy } = await digitNetwork(trained);
  const { input, label } = digitInput(digit);
  const values = await trace(network, { inputs: input, backend: await quickly() });
  const layers = [...values].map(([name, tensor]) => {
    const kind = name === "input" ? "input" : name.split(".")[1];
    return { name, kind, ...plain(tensor) };
  });
  return { layers, label, accuracy };
}

/** What a cell sees of an earlier layer: rows and columns, first and last. */
export interface Seen extends Field {
  readonly layer: string;
}
export interface Origin {
  /** Of every layer of images before the cell's own, the input first. */
  readonly seen: readonly Seen[];
  /** Products of a layer with weights; empty for others. */
  readonly terms: readonly NodeTerm[];
  readonly bias: number;
  readonly sum: number;
}

/** The layers from `first` on, as a network of their own. */
function tail(
  { architecture, ...network }: Network,
  first: number,
  input: readonly number[],
): Network {
  const { layers } = architecture;
  const parameters = new Map(
    [...network.parameters].flatMap(([name, p]) => {
      const index = Number(name.split(".")[0]) - first;
      return index < 0 ? [] : [[name.replace(/^\d+/, String(index)), p] as const];
    }),
  );
  return { ...network, parameters, architecture: { input, layers: layers.slice(first) } };
}

export async function originOf(asked: {
  digit: number;
  /** 0, or the seed of a network that is trained here. */
  trained: number;
  /** The layer's place; 0 is the first after the input. */
  layer: number;
  channel: number;
  row: number;
  column: number;
}): Promise<Origin> {
  const { digit, trained, layer, channel, row, column } = asked;
  const { network } = await digitNetwork(trained);
  const { input } = digitInput(digit);
  const backend = await quickly();
  const values = [...(await trace(network, { inputs: input, backend }))];
  const { kind } = network.architecture.layers[layer];
  const seen: Seen[] = [];
  for (let before = 0; before <= layer; before++) {
    const [name, { shape }] = values[before];
    if (shape.length !== 4) continue;
    const own = `${layer - before}.${kind}`;
    const rest = tail(network, before, shape.slice(1));
    seen.push({ layer: name, ...receptiveField(rest, { layer: own, row, column }) });
  }
  const weighted = kind === "conv2d" || kind === "linear";
  const node = kind === "linear" ? [channel] : [channel, row, column];
  const explained = weighted
    ? await explainNode(network, { layer: values[layer + 1][0], node, input, backend })
    : { terms: [], bias: 0, sum: 0 };
  return { seen, ...explained };
}
