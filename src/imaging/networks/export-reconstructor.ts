// A reconstruction network as an ONNX file, with the physics that it was trained with: the scale,
// the operator and its data consistency are part of the graph.
import {
  ConfigError,
  formatShape,
  GraphBuilder,
  ops,
  present,
  sizeOf,
  type Graph,
  type Shape,
} from "../../engine/index.ts";
import {
  exportGraph,
  metadataOf,
  type Network,
  type ExportedOnnx,
  type ExportOnnxOptions,
} from "../../learning/index.ts";
import type { Operator } from "../operators/operator.ts";
import { misfit, type Reconstructor } from "../reconstructor.ts";
import { formOf, networkReconstructor } from "./network-reconstructor.ts";

export interface ExportReconstructorOptions extends ExportOnnxOptions {
  readonly network: Network;
  /** The operator's measurement y, or its adjoint image A*y alone. */
  readonly from: { readonly measurement: Operator } | "image";
}

/** What an image alone does not answer: the operator that compares it with the measurement. */
class NeedsMeasurement extends ConfigError {}
/** A = I on images: what a network is given that needs A*y alone. */
function imageAlone(domain: Shape): Operator {
  return {
    name: "image",
    domain,
    range: domain,
    norm: 1,
    measured: new Uint8Array(sizeOf(domain)).fill(1),
    description: { kind: "image" },
    forward() {
      throw new NeedsMeasurement("compares its image with the measurement");
    },
    adjoint: (_b, y) => y,
  };
}
/** Why a network needs more than A*y, as a sentence's end; undefined where it does not. */
export function needsMeasurement(network: Network): string | undefined {
  if (formOf(network).input === "measurement") return "takes the measurement itself";
  if ((network.trained?.smoothing ?? 0) > 0) return "is the mean over noise on the measurement";
  const b = new GraphBuilder(ops);
  const { input } = network.architecture;
  try {
    networkReconstructor({ network }).apply(b, b.input("image", [1, ...input]), imageAlone(input));
  } catch (error) {
    if (error instanceof NeedsMeasurement) return error.message;
    throw error;
  }
  return undefined;
}

const scales = {
  rms: "any: divided inside by the root mean square of the zero-filled image, and multiplied back",
  peak: "any: divided inside by the peak of the zero-filled image's magnitude, and multiplied back",
  none: "as the network was trained: nothing is divided inside",
} as const;

/** What comes in and goes out, for people and programs. */
function described(
  network: Network,
  operator: Operator,
  from: "measurement" | "image",
): Record<string, string> {
  const form = formOf(network);
  const image = "complex image: real and imaginary part as two channels";
  const inputs = {
    image: `${image}; A*y, unmeasured k-space taken as 0`,
    measurement: `measurement y of the operator ${operator.name} [${operator.range.join(", ")}]: real parts, then imaginary ones; 0 where nothing is measured`,
  };
  const { noiseSigma } = network.trained ?? {};
  return {
    ...metadataOf(network),
    input: inputs[from],
    output: `${image}; the reconstruction`,
    fourier: "orthonormal, the lowest frequency at (H/2, W/2) rounded down",
    scale: scales[form.scale ?? "rms"],
    form: JSON.stringify(form),
    ...(from === "measurement"
      ? { operator: JSON.stringify(operator.spec ?? operator.description) }
      : {}),
    ...(noiseSigma === undefined ? {} : { noiseSigma: String(noiseSigma) }),
  };
}

/**
 * From the measurement, or the zero-filled image, to the reconstruction, exactly as
 * networkReconstructor gives it. Throws ConfigError for an operator that the network was not made
 * for, and from an image where that is not enough.
 */
export function exportReconstructor(options: ExportReconstructorOptions): ExportedOnnx {
  const { network, from, batch, dft } = options;
  const method: Reconstructor = networkReconstructor({ network });
  const whole = from !== "image";
  const operator = whole ? from.measurement : imageAlone(network.architecture.input);
  const strange = whole ? misfit(method, operator) : needsMeasurement(network);
  if (strange !== undefined)
    throw new ConfigError(
      whole ? `export: ${strange}` : `export: ${method.name} ${strange}; export it from that`,
      {},
    );
  const input = whole ? "measurement" : "zero_filled";
  const trace = (images: number): Graph => {
    const b = new GraphBuilder(ops);
    const y = b.input(input, [images, ...operator.range]);
    b.output("reconstruction", method.apply(b, y, operator));
    return b;
  };
  return exportGraph(trace, {
    ...present({ batch, dft }),
    name: method.name,
    documentation: `${method.name}: from the ${whole ? "measurement" : "zero-filled image"} ${formatShape(operator.range)} to the reconstruction ${formatShape(operator.domain)}.`,
    metadata: described(network, operator, whole ? "measurement" : "image"),
    weights: network.parameters,
  });
}
