// Normalisations, and softmax.
import { formatShape, sizeOf, type Value } from "../../../engine/index.ts";
import type { Call, Family, OpDefinition, Val } from "../call.ts";
import type { OnnxNode } from "../model.ts";
import { reduced } from "./reductions.ts";

const normalized = (call: Call, x: Value, axes: readonly number[], epsilon: number): Value =>
  call.emit("normalize", { x }, { axes, epsilon });
/** [C] for x [N, C, …]. */
function byChannel(call: Call, line: Value, x: Value): Value {
  return call.reshape(line, [sizeOf(line.shape), ...x.shape.slice(2).map(() => 1)]);
}
/** y·scale + bias; exporters write those of norms without them as ones and zeros. */
function affine(call: Call, y: Value, scale: Value, bias: Value | undefined): Value {
  const isAll = (v: Value, number: number): boolean =>
    call.graph.known(v)?.every((own) => own === number) ?? false;
  const scaled = isAll(scale, 1) ? y : call.math.mul(y, scale);
  return bias === undefined || isAll(bias, 0) ? scaled : call.math.add(scaled, bias);
}
const deviation = (call: Call, variance: Value, epsilon: number): Value =>
  call.math.sqrt(call.math.add(variance, epsilon));

function batchNorm(call: Call): Val[] {
  const x = call.value(0);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => call.value(i));
  const epsilon = call.float("epsilon", 1e-5);
  if (inTraining(call.node, call.opset)) return batchNormTraining(call, epsilon);
  const { add, sub, mul, div } = call.math;
  // one factor and one summand for every channel, made once
  const factor = div(scale, deviation(call, variance, epsilon));
  const summand = sub(bias, mul(mean, factor));
  return [call.give(add(mul(x, byChannel(call, factor, x)), byChannel(call, summand, x)))];
}
function batchNormTraining(call: Call, epsilon: number): Val[] {
  const x = call.value(0);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => call.value(i));
  const { add, mul } = call.math;
  const axes = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const y = add(
    mul(normalized(call, x, axes, epsilon), byChannel(call, scale, x)),
    byChannel(call, bias, x),
  );
  const own = reduced(call, x, axes, true, "mean");
  const spread = reduced(call, call.math.square(call.math.sub(x, own)), axes, false, "mean");
  const momentum = call.float("momentum", 0.9);
  const moved = (old: Value, now: Value): Value => add(mul(old, momentum), mul(now, 1 - momentum));
  return [
    call.give(y),
    call.give(moved(mean, call.reshape(own, [x.shape[1]]))),
    call.give(moved(variance, spread)),
  ];
}
const intOf = (node: OnnxNode, name: string, fallback: number): number => {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "int" ? attribute.value : fallback;
};
function inTraining(node: OnnxNode, opset: number): boolean {
  return opset >= 14 && intOf(node, "training_mode", 0) !== 0;
}
/** Before opset 14, statistics of the batch are asked for by reading them. */
function refusesBatchNorm(node: OnnxNode, opset: number): string | undefined {
  if (intOf(node, "spatial", 1) === 0) return "spatial = 0";
  if (opset < 7 && intOf(node, "is_test", 0) === 0) return "is_test = 0";
  return opset < 14 && node.outputs.slice(1).some((name) => name !== "")
    ? "statistics of the batch"
    : undefined;
}
function instanceNorm(call: Call): Val {
  const x = call.value(0);
  const axes = x.shape.flatMap((_, i) => (i < 2 ? [] : [i]));
  const y = normalized(call, x, axes, call.float("epsilon", 1e-5));
  return call.give(
    affine(call, y, byChannel(call, call.value(1), x), byChannel(call, call.value(2), x)),
  );
}
/** Scales by group until opset 20, by channel since. */
function groupNorm(call: Call): Val {
  const x = call.value(0);
  const [n, c, ...size] = x.shape;
  const groups = call.int("num_groups");
  if (!(groups >= 1 && c % groups === 0)) call.fail(`${c} channels do not make ${groups} groups`);
  const y = normalized(
    call,
    call.reshape(x, [n, groups, (c / groups) * sizeOf(size)]),
    [2],
    call.float("epsilon", 1e-5),
  );
  const [scale, bias] = [call.value(1), call.value(2)];
  if (sizeOf(scale.shape) === groups && groups !== c) {
    const line = (v: Value): Value => call.reshape(v, [groups, 1]);
    return call.give(call.reshape(affine(call, y, line(scale), line(bias)), x.shape));
  }
  const all = call.reshape(y, x.shape);
  return call.give(affine(call, all, byChannel(call, scale, x), byChannel(call, bias, x)));
}
function axesFrom(call: Call, x: Value): number[] {
  const axis = call.axis(call.int("axis", -1), x.shape.length);
  return x.shape.flatMap((_, i) => (i < axis ? [] : [i]));
}
function layerNorm(call: Call): Val[] {
  const x = call.value(0);
  const axes = axesFrom(call, x);
  const epsilon = call.float("epsilon", 1e-5);
  const { sub, square, div } = call.math;
  const outputs = [
    call.give(
      affine(call, normalized(call, x, axes, epsilon), call.value(1), call.inputs[2]?.value),
    ),
  ];
  if (!call.gives(1) && !call.gives(2)) return outputs;
  const mean = reduced(call, x, axes, true, "mean");
  const variance = reduced(call, square(sub(x, mean)), axes, true, "mean");
  return [...outputs, call.give(mean), call.give(div(1, deviation(call, variance, epsilon)))];
}
function rmsNorm(call: Call): Val {
  const x = call.value(0);
  const { mul, div, square } = call.math;
  const power = reduced(call, square(x), axesFrom(call, x), true, "mean");
  return call.give(mul(div(x, deviation(call, power, call.float("epsilon", 1e-5))), call.value(1)));
}
/** Over squares of neighbouring channels: a product with a matrix of ones along its diagonal. */
function localResponse(call: Call): Val {
  const x = call.value(0);
  const [n, c, ...size] = x.shape;
  const width = call.int("size");
  const [before, after] = [Math.floor((width - 1) / 2), Math.ceil((width - 1) / 2)];
  const { add, mul, div, square } = call.math;
  call.graph.spend(c * c);
  const near = Float64Array.from({ length: c * c }, (_, i) => {
    const apart = (i % c) - Math.floor(i / c);
    return apart >= -before && apart <= after ? 1 : 0;
  });
  const squares = call.reshape(square(x), [n, c, sizeOf(size), 1]);
  const attrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
  const sum = call.emit(
    "conv2d",
    { x: squares, w: call.graph.constant(near, [c, c, 1, 1]) },
    attrs,
  );
  const base = add(
    mul(call.reshape(sum, x.shape), call.float("alpha", 1e-4) / width),
    call.float("bias", 1),
  );
  const log = call.emit("log", { x: base });
  return call.give(div(x, call.emit("exp", { x: mul(log, call.float("beta", 0.75)) })));
}
function meanVariance(call: Call): Val {
  const x = call.value(0);
  const axes = call.axes(call.ints("axes") ?? [0, 2, 3], x.shape.length);
  return call.give(normalized(call, x, axes, 1e-9));
}
function lpNorm(call: Call): Val {
  const x = call.value(0);
  const axis = call.axis(call.int("axis", -1), x.shape.length);
  const isSum = call.int("p", 2) === 1;
  const size = reduced(
    call,
    isSum ? call.emit("abs", { x }) : call.math.square(x),
    [axis],
    true,
    "sum",
  );
  const norm = isSum ? size : call.math.sqrt(size);
  // a line of zeros stays one
  const isZero = call.emit("equal", { a: norm, b: call.graph.scalar(0) });
  return call.give(call.math.div(x, call.math.add(norm, isZero)));
}

/** What a softmax goes along: one axis since opset 13, all axes from one on before. */
function lineOf(call: Call): { lines: Value; axis: number } {
  const x = call.value(0);
  const axis = call.axis(call.int("axis", call.opset >= 13 ? -1 : 1), x.shape.length);
  return call.opset >= 13 ? { lines: x, axis } : { lines: call.flattened(x, axis), axis: 1 };
}
const alongAxis = (op: "softmax" | "log_softmax"): OpDefinition => ({
  attributes: "axis",
  run: (call) => {
    const { lines, axis } = lineOf(call);
    const y = call.exchanged(call.emit(op, { x: call.exchanged(lines, axis) }), axis);
    return call.give(call.reshape(y, call.value(0).shape));
  },
});
/** 1 at the first largest number, 0 elsewhere. */
function hardmax(call: Call): Val {
  const { lines, axis } = lineOf(call);
  const { shape } = lines;
  const first = call.reshape(
    call.emit("argmax", { x: lines }, { axis }),
    shape.map((d, i) => (i === axis ? 1 : d)),
  );
  const places = call.counted(shape[axis], axis, shape.length);
  return call.give(call.reshape(call.emit("equal", { a: places, b: first }), call.value(0).shape));
}
/** In use, it drops nothing. */
function dropout(call: Call): Val[] {
  const x = call.input(0);
  return [x, call.give(call.graph.filled(1, x.value.shape), call.opset < 10 ? x.type : "bool")];
}
function runsDropout(call: Call): Val[] {
  const training = call.opset >= 12 && call.has(2) && call.number(2) !== 0;
  if (training && call.number(1, 0.5) !== 0)
    call.fail(
      `it drops at random, of ${formatShape(call.value(0).shape)}, for training; export it in evaluation mode`,
    );
  return dropout(call);
}

export const normalizationOps: Family = {
  BatchNormalization: {
    attributes: "epsilon momentum spatial training_mode is_test consumed_inputs",
    refuses: refusesBatchNorm,
    run: batchNorm,
  },
  InstanceNormalization: { attributes: "epsilon consumed_inputs", run: instanceNorm },
  GroupNormalization: { attributes: "epsilon num_groups stash_type", run: groupNorm },
  LayerNormalization: { attributes: "axis epsilon stash_type", run: layerNorm },
  RMSNormalization: { attributes: "axis epsilon stash_type", run: rmsNorm },
  LRN: { attributes: "alpha beta bias size", run: localResponse },
  MeanVarianceNormalization: { attributes: "axes", run: meanVariance },
  LpNormalization: { attributes: "axis p", run: lpNorm },
  Softmax: alongAxis("softmax"),
  LogSoftmax: alongAxis("log_softmax"),
  Hardmax: { attributes: "axis", run: hardmax },
  Dropout: { attributes: "ratio seed is_test consumed_inputs", run: runsDropout },
};
