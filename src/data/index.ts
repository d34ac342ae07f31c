// The public face of data: bytes in, slices of numbers out, and back.
export { writeNpy } from "./formats/npy.ts";
export { writePng } from "./formats/png.ts";
export { readVolume } from "./formats/read.ts";
export type { Volume } from "./volume.ts";
