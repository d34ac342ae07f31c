// Every op's definition by name. A new op adds its line here; leaving one out does not compile.
import type { OpDefs } from "../graph/ir.ts";
import { abs } from "./abs.ts";
import { add } from "./add.ts";
import { argmax } from "./argmax.ts";
import { avg_pool2d } from "./avg_pool2d.ts";
import { avg_pool2d_grad } from "./avg_pool2d_grad.ts";
import { broadcast_to } from "./broadcast_to.ts";
import { concat } from "./concat.ts";
import { conv2d } from "./conv2d.ts";
import { conv2d_weight_grad } from "./conv2d_weight_grad.ts";
import { conv_transpose2d } from "./conv_transpose2d.ts";
import { cos } from "./cos.ts";
import { div } from "./div.ts";
import { equal } from "./equal.ts";
import { erf } from "./erf.ts";
import { exp } from "./exp.ts";
import { fft2 } from "./fft2.ts";
import { floor } from "./floor.ts";
import { greater } from "./greater.ts";
import { log } from "./log.ts";
import { log_softmax } from "./log_softmax.ts";
import { lookup } from "./lookup.ts";
import { lookup_grad } from "./lookup_grad.ts";
import { matmul } from "./matmul.ts";
import { max_pool2d } from "./max_pool2d.ts";
import { max_pool2d_gather } from "./max_pool2d_gather.ts";
import { max_pool2d_grad } from "./max_pool2d_grad.ts";
import { maximum } from "./maximum.ts";
import { minimum } from "./minimum.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";
import { normalize } from "./normalize.ts";
import { normalize_grad } from "./normalize_grad.ts";
import { pad } from "./pad.ts";
import { pow } from "./pow.ts";
import { random_uniform } from "./random_uniform.ts";
import { reduce_max } from "./reduce_max.ts";
import { relu } from "./relu.ts";
import { relu_grad } from "./relu_grad.ts";
import { reshape } from "./reshape.ts";
import { roll } from "./roll.ts";
import { round } from "./round.ts";
import { select } from "./select.ts";
import { sigmoid } from "./sigmoid.ts";
import { sign } from "./sign.ts";
import { sin } from "./sin.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { sparse_matmul } from "./sparse_matmul.ts";
import { sqrt } from "./sqrt.ts";
import { sub } from "./sub.ts";
import { sum } from "./sum.ts";
import { take } from "./take.ts";
import { take_grad } from "./take_grad.ts";
import { tanh } from "./tanh.ts";
import { transpose } from "./transpose.ts";

export const ops: OpDefs = {
  neg,
  exp,
  log,
  sqrt,
  abs,
  sign,
  relu,
  relu_grad,
  sigmoid,
  erf,
  tanh,
  sin,
  cos,
  floor,
  round,
  add,
  sub,
  mul,
  div,
  maximum,
  minimum,
  greater,
  equal,
  pow,
  select,
  sum,
  reduce_max,
  argmax,
  broadcast_to,
  reshape,
  transpose,
  slice,
  pad,
  concat,
  roll,
  take,
  take_grad,
  lookup,
  lookup_grad,
  random_uniform,
  matmul,
  sparse_matmul,
  conv2d,
  conv_transpose2d,
  conv2d_weight_grad,
  max_pool2d,
  max_pool2d_grad,
  max_pool2d_gather,
  avg_pool2d,
  avg_pool2d_grad,
  softmax,
  log_softmax,
  normalize,
  normalize_grad,
  fft2,
};
