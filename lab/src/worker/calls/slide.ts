// Section 1: a small image, some kernels, and the products of one place.
import { explainNode, nn, summarize, trace, type NodeTerm } from "fiducial/learning";
import { exactly } from "../engine.ts";
import { networkWith, plain, type Plain } from "../networks.ts";

export interface Slid {
  /** [1, kernels, rows, columns] */
  readonly output: Plain;
  readonly parameters: number;
  /** Products of the chosen kernel at the chosen place; what lies in the padding is left out. */
  readonly terms: readonly NodeTerm[];
  readonly sum: number;
  /** The chosen place, moved into the output where it lay outside. */
  readonly row: number;
  readonly column: number;
}
export async function slideKernels(asked: {
  image: readonly number[];
  side: number;
  /** One after another. */
  kernels: readonly number[];
  size: number;
  count: number;
  stride: number;
  padding: number;
  chosen: number;
  row: number;
  column: number;
}): Promise<Slid> {
  const { image, side, kernels, size, count, stride, padding, chosen } = asked;
  const backend = await exactly();
  const convolution = nn.conv2d({
    outChannels: count,
    kernelSize: size,
    stride,
    padding,
    bias: false,
  });
  const network = networkWith(
    { input: [1, side, side], seed: 1, layers: [convolution] },
    { "0.conv2d.weight": kernels },
  );
  const output = (await trace(network, { inputs: image, backend })).get("0.conv2d")!;
  const [, , rows, columns] = output.shape;
  const [row, column] = [Math.min(asked.row, rows - 1), Math.min(asked.column, columns - 1)];
  const node = [chosen, row, column];
  const { terms, sum } = await explainNode(network, {
    layer: "0.conv2d",
    node,
    input: image,
    backend,
  });
  return {
    output: plain(output),
    parameters: summarize(network).parameters,
    terms,
    sum,
    row,
    column,
  };
}
