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
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
