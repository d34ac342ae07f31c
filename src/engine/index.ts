// The engine's public face.
export { gradients } from "./autodiff/gradients.ts";
export { openBackend, type Backend, type HostData, type Plan } from "./backend/backend.ts";
export * from "./core/errors.ts";
export { random, type Random } from "./core/random.ts";
export { formatShape, sizeOf, type Shape } from "./core/shape.ts";
export { GraphBuilder } from "./graph/builder.ts";
export type { Catalogue, OpName } from "./graph/catalogue.ts";
export type { Graph, OpDef, Sample, Value } from "./graph/ir.ts";
export { printGraph, reachable, verify } from "./graph/verify.ts";
export { ops } from "./ops/index.ts";
