// Numbers as bytes, and bytes as text, the same on every host.

/**
 * Bytes in memory of their own, never shared: what Blob, fetch and WebAssembly take. As this and
 * not as Uint8Array<ArrayBuffer>, which TypeScript before 5.7 does not know.
 */
export type Bytes = Uint8Array & { readonly buffer: ArrayBuffer };

/** Little-endian float32. */
export function float32Bytes(values: ArrayLike<number>): Bytes {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  return bytes;
}
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000)
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}
/** The float32 numbers of `base64(float32Bytes(…))`. */
export function float32sOf(text: string): Float32Array {
  const characters = atob(text);
  const view = new DataView(new ArrayBuffer(characters.length));
  for (let i = 0; i < characters.length; i++) view.setUint8(i, characters.charCodeAt(i));
  const values = new Float32Array(Math.floor(characters.length / 4));
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
  return values;
}
