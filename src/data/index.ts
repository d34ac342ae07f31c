// The public face of data: bytes in, slices of numbers out.
export { readVolume } from "./formats/read.ts";
export type { Volume } from "./volume.ts";
