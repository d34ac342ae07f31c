// How long steps take: by the card's own clock where it has one, else by the host's, which counts
// the way to the card and back.
import type { PlanStep } from "../backend.ts";
import type { Device } from "./device.ts";
import type { ReadyStep } from "./plan.ts";
import { encode, submit } from "./submit.ts";

export interface Timed {
  readonly step: PlanStep;
  readonly ms: number;
}

/** Bits of a buffer's usage: query results and copied from; mapped to be read and copied to. */
const RESOLVED = 0x200 | 0x04;
const MAP_TO_READ = 0x01;
const READ_BACK = MAP_TO_READ | 0x08;
/** Steps of one set of queries, which may hold 4,096 times. */
const STEPS_A_SET = 2048;
const BYTES_A_TIME = 8;

/** Runs the steps one after the other, and times each. */
export async function time(device: Device, steps: readonly ReadyStep[]): Promise<Timed[]> {
  const times: Timed[] = [];
  for (let i = 0; i < steps.length; i += STEPS_A_SET) {
    const some = steps.slice(i, i + STEPS_A_SET);
    times.push(...(device.hasClock ? await byCard(device, some) : await byHost(device, some)));
  }
  return times;
}

async function byHost(device: Device, steps: readonly ReadyStep[]): Promise<Timed[]> {
  const times: Timed[] = [];
  for (const step of steps) {
    await device.gpu.queue.onSubmittedWorkDone();
    const begun = performance.now();
    submit(device, [step]);
    await device.gpu.queue.onSubmittedWorkDone();
    device.check();
    times.push({ step: step.description, ms: performance.now() - begun });
  }
  return times;
}

async function byCard(device: Device, steps: readonly ReadyStep[]): Promise<Timed[]> {
  const { gpu } = device;
  const count = 2 * steps.length;
  const size = count * BYTES_A_TIME;
  const querySet = gpu.createQuerySet({ type: "timestamp", count });
  const resolved = gpu.createBuffer({ size, usage: RESOLVED });
  const read = gpu.createBuffer({ size, usage: READ_BACK });
  for (const [i, step] of steps.entries()) {
    const own = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
    gpu.queue.submit([encode(gpu, [step], own).finish()]);
  }
  const last = gpu.createCommandEncoder();
  last.resolveQuerySet(querySet, 0, count, resolved, 0);
  last.copyBufferToBuffer(resolved, 0, read, 0, size);
  gpu.queue.submit([last.finish()]);
  await read.mapAsync(MAP_TO_READ).catch((error: Error) => device.failed(error));
  device.check();
  const at = new BigUint64Array(read.getMappedRange().slice(0));
  for (const made of [querySet, resolved, read]) made.destroy();
  return steps.map(({ description }, i) => ({
    step: description,
    ms: Number(at[2 * i + 1] - at[2 * i]) / 1e6,
  }));
}
