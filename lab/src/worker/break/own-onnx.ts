// A network of the visitor's in an ONNX file: what reads it is fetched when one is opened.
import { importedNetwork } from "fiducial/imaging";
import type { Network } from "fiducial/learning";

interface Imported {
  readonly own: { readonly name: string; at(size: number): Network };
  readonly first: Network;
  readonly notes: readonly string[];
}
/** Throws what importedNetwork throws. */
export async function importedFrom(
  bytes: Uint8Array,
  name: string,
  size: number,
): Promise<Imported> {
  const known = new Map<number, Network>();
  const open = (side: number): { network: Network; notes: readonly string[] } => {
    const { network, notes } = importedNetwork({ bytes, name, size: [side, side] });
    known.set(side, network);
    return { network, notes };
  };
  const { network, notes } = open(size);
  return {
    own: { name, at: (side) => known.get(side) ?? open(side).network },
    first: network,
    notes,
  };
}
