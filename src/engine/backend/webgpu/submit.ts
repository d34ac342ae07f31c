// Steps on their way to the card: in pieces, each encoded as one pass.
import type { Device } from "./device.ts";
import type { Compiled, ReadyStep } from "./plan.ts";

/** A system ends a program whose card does not answer for some seconds: work of one submit. */
const WORK = { card: 2e10, processor: 5e8 };
/** Numbers read and written cost about as much as so many operations. */
const OPERATIONS_A_BYTE = 4;

/** Steps in pieces that a card does in a moment. */
export function piecesOf({ steps, device }: Compiled): ReadyStep[][] {
  const limit = device.isSoftware ? WORK.processor : WORK.card;
  const pieces: ReadyStep[][] = [[]];
  let work = 0;
  for (const step of steps) {
    const own = step.description.flops + OPERATIONS_A_BYTE * step.description.bytes;
    if (work > 0 && work + own > limit) {
      pieces.push([]);
      work = 0;
    }
    pieces.at(-1)!.push(step);
    work += own;
  }
  return pieces;
}

export function submit({ gpu }: Device, steps: readonly ReadyStep[]): void {
  gpu.queue.submit([encode(gpu, steps).finish()]);
}
/** The steps as one pass, whose begin and end may be timed. */
export function encode(
  gpu: GPUDevice,
  steps: readonly ReadyStep[],
  timestampWrites?: GPUComputePassTimestampWrites,
): GPUCommandEncoder {
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
  for (const { pipeline, bindings, grid } of steps.flatMap((step) => step.dispatches)) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindings);
    pass.dispatchWorkgroups(...grid);
  }
  pass.end();
  return encoder;
}
