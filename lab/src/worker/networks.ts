// Networks with given weights, and their numbers in a form that crosses to the page.
import type { Network, Tensor } from "fiducial/learning";
import { nn } from "fiducial/learning";

export interface Plain {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
export const plain = ({ shape, data }: Tensor): Plain => ({ shape, data });

type Architecture = Parameters<typeof nn.sequential>[0];
/** A network whose parameters are `given` where they are, and drawn by the seed otherwise. */
export function networkWith(
  architecture: Architecture,
  given: Readonly<Record<string, readonly number[] | undefined>>,
): Network {
  const network = nn.sequential(architecture);
  const parameters = new Map(network.parameters);
  for (const [name, { shape, data }] of network.parameters) {
    const values = given[name];
    if (values)
      parameters.set(name, { shape, data: Float32Array.from(data, (v, i) => values[i] ?? v) });
  }
  return { ...network, parameters };
}
