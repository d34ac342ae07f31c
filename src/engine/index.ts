// The engine's public face.
export { gradients } from "./autodiff/gradients.ts";
export type {
  Backend,
  BackendOptions,
  ExecuteOptions,
  HostData,
  Inputs,
  Plan,
  PlanStep,
} from "./backend/backend.ts";
export { nameOfBackend } from "./backend/backend.ts";
export { openBackend } from "./backend/open.ts";
export { pausing } from "./backend/turns.ts";
export * from "./core/errors.ts";
export { random, type Random } from "./core/random.ts";
export { formatShape, sizeOf, type Shape } from "./core/shape.ts";
export { SparseMatrix } from "./core/sparse.ts";
export { GraphBuilder } from "./graph/builder.ts";
export type { Catalogue, OpName } from "./graph/catalogue.ts";
export type { Graph, OpDef, Sample, Value } from "./graph/ir.ts";
export { printGraph, reachable, verify } from "./graph/verify.ts";
export { ops } from "./ops/index.ts";
export { arithmetic, type Arithmetic, type Term } from "./graph/arithmetic.ts";
export type { Emitter, Node } from "./graph/ir.ts";
export {
  cos,
  erf,
  exp,
  log,
  log10,
  PI,
  pow,
  roundHalfEven,
  sin,
  sinCos,
  tanh,
} from "./core/math.ts";
export { permutation } from "./core/random.ts";
export { base64, float32Bytes, float32sOf, type Bytes } from "./core/bytes.ts";
export { parseJson, quoted, withoutControls } from "./core/json.ts";
export { present } from "./core/present.ts";
export { version } from "./core/version.ts";
