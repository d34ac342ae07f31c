// A network that improves the adjoint image, and how one is trained.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { arithmetic, ConfigError, float32Bytes, formatShape, random, version, type Backend, type GraphBuilder, type Value } from "../../engine/index.ts";
import { applyNetwork, fit, type Epoch, type Loss, type Network, type Optimizer, type Progress } from "../../learning/index.ts";
import type { InverseProblem } from "../problem.ts";
import type { Operator } from "../operators/operator.ts";
import { atUnitScale, type Reconstructor } from "../reconstructor.ts";

interface Applied { readonly y: Value; readonly parameters: Map<string, Value> }

/** x = network(A*y / s)·s; then, where wanted, x + A*(y − Ax), which for A = M·F puts the measured cells of k-space back. */
function forward(options: { network: Network; operator: Operator; dataConsistency: boolean }, b: GraphBuilder, y: Value, trainable: boolean): Applied {
  const { network, operator, dataConsistency } = options;
  let parameters = new Map<string, Value>();
  const out = atUnitScale(operator, b, y, (scaled, initial) => {
    const applied = applyNetwork(b, network, initial, { trainable, training: trainable });
    parameters = applied.parameters;
    if (!dataConsistency) return applied.y;
    const { add, sub } = arithmetic(b);
    return add(applied.y, operator.adjoint(b, sub(scaled, operator.forward(b, applied.y))));
  });
  return { y: out, parameters };
}

/** x̂ = network(A*y / s)·s with s the root mean square of A*y, and with `dataConsistency` the measured cells put back: x̂ + A*(y − Ax̂), a projection where AA* is one. Data consistency is as the network was trained unless given. Throws ConfigError when the network does not map complex images to complex images of the operator's size. */
export function postProcess(options: { network: Network; operator: Operator; name?: string; dataConsistency?: boolean }): Reconstructor {
  const { network, operator, name = "U-Net", dataConsistency = network.provenance.dataConsistency === true } = options;
  const { input } = network.architecture;
  if (input.join() !== operator.domain.join()) throw new ConfigError(`postProcess: the network takes ${formatShape(input)}, the operator's images are ${formatShape(operator.domain)}; train one for this size or resample the images`, { input, domain: operator.domain });
  return {
    name, operator, on: (other) => postProcess({ ...options, operator: other }),
    description: { kind: "postProcess", dataConsistency, parameters: [...network.parameters.values()].reduce((n, p) => n + p.data.length, 0), trainedOn: String(network.provenance.images ?? "unknown"), weightsSha256: weightsHash(network) },
    apply: (b, y) => forward({ network, operator, dataConsistency }, b, y, false).y,
  };
}

function weightsHash(network: Network): string {
  const hash = sha256.create();
  for (const [name, { data }] of network.parameters) hash.update(new TextEncoder().encode(name)).update(float32Bytes(data));
  return bytesToHex(hash.digest());
}

/** Trains a network to reconstruct: measurements are taken from the problem's images inside the plan, with fresh noise every time an image is seen. `jitter` adds Gaussian noise of up to that standard deviation, drawn uniformly for every image: a remedy against worst-case perturbations (Genzel, Macdonald, März 2022). */
export async function fitReconstructor(network: Network, options: { problem: InverseProblem; dataConsistency?: boolean; jitter?: number; loss: Loss; optimizer: Optimizer; epochs: number; batchSize: number; seed: number; backend: Backend; on?: { epoch?: (e: Epoch) => void; step?: (p: Progress) => void | Promise<void> } }): Promise<Network> {
  const { problem, seed, dataConsistency = false, jitter = 0 } = options;
  const { operator, images, noise } = problem;
  const [, H, W] = operator.domain;
  const size = 2 * H * W;
  const rng = random(seed).fork("noise");
  const trained = await fit(network, {
    ...options,
    // image and noise travel together; the target is the image
    data: {
      length: images.length, inputShape: [4, H, W], targetShape: [2, H, W],
      read(i, input, target) {
        const image = images.image(i);
        input.set(image);
        const extra = jitter > 0 ? jitter * rng.uniform() : 0;
        const sigma = Math.sqrt(noise.sigma ** 2 + extra ** 2);
        for (let k = 0; k < size; k++) input[size + k] = sigma * rng.normal();
        target.set(image);
      },
    },
  }, (b, net, input) => {
    const part = (from: number): Value => b.emit("slice", { x: input }, { start: [0, from, 0, 0], end: [input.shape[0], from + 2, H, W] });
    const y = b.emit("add", { a: operator.forward(b, part(0)), b: part(2) }, {});
    return forward({ network: net, operator, dataConsistency }, b, problem.sampled(b, y), true);
  });
  const hash = sha256.create();
  for (let i = 0; i < images.length; i++) hash.update(float32Bytes(images.image(i)));
  const provenance = { ...trained.provenance, software: `fiducial ${version}`, images: String(images.description.kind), imageSeed: Number(images.description.seed ?? 0), mosaics: Number(images.description.mosaics ?? 0), dataSha256: bytesToHex(hash.digest()), noiseSigma: noise.sigma, ...(jitter > 0 ? { jitter } : {}), dataConsistency, operator: JSON.stringify(operator.description) };
  return { ...trained, provenance };
}
