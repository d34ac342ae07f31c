// Ops that were ONNX's for a trial and are no more, as OnnxMLTools' files of Core ML networks have
// them. Source: onnx/defs/experiments of onnx 1.3.
import type { Call, Family, Val } from "../call.ts";

/** x·scale, and for every channel its own summand. */
function imageScaler(call: Call): Val {
  const { add, mul } = call.math;
  const bias = call.floats("bias") ?? call.fail("its attribute bias is missing");
  const [, ...size] = call.value(0).shape.slice(1);
  const shape = [bias.length, ...size.map(() => 1)];
  return call.give(
    add(mul(call.value(0), call.float("scale", 1)), call.graph.constant(bias, shape)),
  );
}
/** Without its rim: left, top, right, bottom. */
function crop(call: Call): Val {
  const x = call.value(0);
  const border = call.ints("border") ?? [];
  if (x.shape.length !== 4 || border.length !== 4)
    call.fail(`its border is ${border}, for images [N×C×H×W]`);
  const [left, top, right, bottom] = border;
  const [height, width] = call.ints("scale") ?? [
    x.shape[2] - top - bottom,
    x.shape[3] - left - right,
  ];
  const rows = call.math.slice(x, 2, top, top + height);
  return call.give(call.math.slice(rows, 3, left, left + width));
}
function affine(call: Call): Val {
  const { add, mul } = call.math;
  return call.give(add(mul(call.value(0), call.float("alpha", 1)), call.float("beta", 0)));
}
export const retiredOps: Family = {
  ImageScaler: { attributes: "bias scale", run: imageScaler },
  Crop: { attributes: "border scale", run: crop },
  Affine: { attributes: "alpha beta", run: affine },
};
