// Everything public, in one entry; fiducial/engine, /data, /learning, /imaging and /audit are its
// parts.
export * from "./engine/index.ts";
export * from "./data/index.ts";
export * from "./learning/index.ts";
export * from "./imaging/index.ts";
export * from "./audit/index.ts";
