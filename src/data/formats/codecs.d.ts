// Optional libraries that bring no types: each opens a decoder.
declare module "@cornerstonejs/codec-charls/decode" {
  const open: unknown;
  export default open;
}
declare module "@cornerstonejs/codec-openjpeg/decode" {
  const open: unknown;
  export default open;
}
declare module "@cornerstonejs/codec-openjph" {
  const open: unknown;
  export default open;
}
