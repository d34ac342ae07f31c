// The engine's public face.
export { gradients } from "./autodiff/gradients.ts";
export type { Backend, BackendOptions, ExecuteOptions, HostData, Inputs, Plan, PlanStep } from "./backend/backend.ts";
export { openBackend } from "./backend/open.ts";
export * from "./core/errors.ts";
export { random, type Random } from "./core/random.ts";
export { formatShape, sizeOf, type Shape } from "./core/shape.ts";
export { GraphBuilder } from "./graph/builder.ts";
export type { Catalogue, OpName } from "./graph/catalogue.ts";
export type { Graph, OpDef, Sample, Value } from "./graph/ir.ts";
export { printGraph, reachable, verify } from "./graph/verify.ts";
export { ops } from "./ops/index.ts";
export { arithmetic, type Arithmetic, type Term } from "./graph/arithmetic.ts";
export type { Emitter, Node } from "./graph/ir.ts";
export { cos, exp, log, log10, PI, sin, sinCos } from "./core/math.ts";
export { permutation } from "./core/random.ts";
export { base64, float32Bytes, float32sOf } from "./core/bytes.ts";
export { version } from "./core/version.ts";
