// What the foreign graphs inside a network ask of an operator, and which files they are.
import { present } from "../../engine/index.ts";
import type { Network, OnnxBlock } from "../../learning/index.ts";
import type { Operator } from "../operators/operator.ts";

type Layers = Network["architecture"]["layers"];
/** Those at the top and in cascades, which are where recipes put them. */
function blocksIn(layers: Layers): OnnxBlock[] {
  return layers.flatMap((layer) => {
    if (layer.kind === "onnxBlock") return [layer];
    return layer.kind === "kSpaceCascades" ? layer.cascades.flatMap(blocksIn) : [];
  });
}

/** What a result says of them: the SHA-256 of every file, in order, and whose phase is kept. */
export function onnxFacts({ architecture }: Network): Readonly<Record<string, string>> {
  const blocks = blocksIn(architecture.layers);
  const hashes = blocks.flatMap(({ sha256 }) => sha256 ?? []);
  const keepsPhase = blocks.some(
    ({ output }) => output.parts === "magnitude" && output.phase !== "none",
  );
  return present({
    onnxSha256: hashes.length > 0 ? hashes.join(" ") : undefined,
    phase: keepsPhase ? "of the zero-filled image" : undefined,
  });
}
/** Why an operator does not measure what they are given, as a sentence's end. */
export function unfitBlocks({ architecture }: Network, operator: Operator): string | undefined {
  const given = operator.coils?.shape[0] ?? 1;
  for (const { inputs, coils } of blocksIn(architecture.layers)) {
    const measured = Object.entries(inputs).find(([, { is }]) =>
      ["measurement", "mask", "coilMaps"].includes(is),
    );
    if (!measured) continue;
    const [name, { is, layout }] = measured;
    if (!operator.sampling)
      return `its input "${name}" is the ${is}, and ${operator.name} samples no grid of k-space`;
    if (coils !== undefined && coils !== given)
      return `it is for ${coils} coils, the operator has ${given}`;
    const single = Object.values(inputs).some(
      (feed) => feed.is === "measurement" && !feed.layout.includes("K"),
    );
    if (given > 1 && single)
      return `its layout ${layout} has no axis K of coils, and the operator has ${given}`;
  }
  return undefined;
}
