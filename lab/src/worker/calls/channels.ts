// Section 4: a filter over three channels, and the three answers before they are added.
import { explainNode, nn, summarize, trace, type NodeTerm } from "fiducial/learning";
import { exactly } from "../engine.ts";
import { networkWith, plain, type Plain } from "../networks.ts";

export interface Summed {
  /** Every channel's own answer, [1, channels, rows, columns]. */
  readonly answers: Plain;
  /** Their sum and the bias, [1, 1, rows, columns]. */
  readonly map: Plain;
  readonly terms: readonly NodeTerm[];
  readonly sum: number;
  /** Of `count` such filters. */
  readonly parameters: number;
  /** What `count` filters answer with. */
  readonly shape: readonly number[];
}
export async function channelSums(asked: {
  /** [channels, side, side] */
  image: readonly number[];
  side: number;
  /** [channels, 3, 3] */
  filter: readonly number[];
  bias: number;
  count: number;
  row: number;
  column: number;
}): Promise<Summed> {
  const { image, side, filter, bias, count, row, column } = asked;
  const backend = await exactly();
  const channels = image.length / side ** 2;
  const input = [channels, side, side];
  const alone = nn.conv2d({ outChannels: channels, kernelSize: 3, groups: channels, bias: false });
  const each = networkWith({ input, seed: 1, layers: [alone] }, { "0.conv2d.weight": filter });
  const over = nn.conv2d({ outChannels: 1, kernelSize: 3 });
  const whole = networkWith(
    { input, seed: 1, layers: [over] },
    { "0.conv2d.weight": filter, "0.conv2d.bias": [bias] },
  );
  const many = summarize(
    nn.sequential({ input, seed: 1, layers: [{ ...over, outChannels: count }] }),
  );
  const node = [0, row, column];
  const { terms, sum } = await explainNode(whole, {
    layer: "0.conv2d",
    node,
    input: image,
    backend,
  });
  return {
    answers: plain((await trace(each, { inputs: image, backend })).get("0.conv2d")!),
    map: plain((await trace(whole, { inputs: image, backend })).get("0.conv2d")!),
    terms,
    sum,
    parameters: many.parameters,
    shape: many.layers[0].shape,
  };
}
