// What this adapter can do at most: products and sums a second in float32, and bytes a second read
// and written, each the best of ten by its own clock. Prints them as JSON.
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
const card = create(["disable-dawn-features=timestamp_quantization"]);
const adapter = await card.requestAdapter({ powerPreference: "high-performance" });
const device = await adapter.requestDevice({ requiredFeatures: ["timestamp-query"] });

const LANES = 256;
/** Numbers copied: more than any cache holds. */
const NUMBERS = 2 ** 25;
const ROUNDS = 512;
/** Sums that do not wait for each other. */
const CHAINS = 8;
const isSoftware = adapter.info.isFallbackAdapter;
const workgroups = isSoftware ? 16 : 8192;

const buffer = (count, usage) => device.createBuffer({ size: 4 * count, usage });
const [from, to] = [buffer(NUMBERS, 0x80), buffer(NUMBERS, 0x80)];
const bindings = `@group(0) @binding(0) var<storage, read_write> from_array: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> to_array: array<vec4<f32>>;
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {`;
const chains = Array.from({ length: CHAINS }, (_, i) => i);
const shaders = {
  operations: `${bindings}
let start = from_array[id.x % 1024u];
${chains.map((i) => `var sum${i} = start + ${i}.0f;`).join("\n")}
for (var k = 0u; k < ${ROUNDS}u; k++) {
${chains.map((i) => `sum${i} = sum${i} * start + start;`).join("\n")}
}
to_array[id.x % 1024u] = ${chains.map((i) => `sum${i}`).join(" + ")};
}`,
  bytes: `${bindings}
to_array[id.x] = from_array[id.x];
}`,
};

async function best(code, count) {
  const compute = { module: device.createShaderModule({ code }) };
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [from, to].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const [resolved, read] = [buffer(4, 0x204), buffer(4, 0x09)];
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    const encoder = device.createCommandEncoder();
    const timestampWrites = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
    const pass = encoder.beginComputePass({ timestampWrites });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(count);
    pass.end();
    encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, 16);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(1);
    const [begun, ended] = new BigUint64Array(read.getMappedRange().slice(0));
    read.unmap();
    least = Math.min(least, Number(ended - begun) / 1e9);
  }
  return least;
}

const operations = workgroups * LANES * ROUNDS * CHAINS * 4 * 2;
const copied = isSoftware ? NUMBERS / 16 : NUMBERS;
console.log(
  JSON.stringify({
    operations: operations / (await best(shaders.operations, workgroups)),
    bytes: (8 * copied) / (await best(shaders.bytes, copied / 4 / LANES)),
  }),
);
device.destroy();
process.exit(0);
