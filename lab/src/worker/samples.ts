// Samples kept in memory: the generated ones are drawn anew at every reading otherwise.
import { sizeOf } from "fiducial/engine";
import type { Dataset } from "fiducial/learning";

const { port1: here, port2: there } = new MessageChannel();
const passing: (() => void)[] = [];
here.onmessage = () => passing.shift()?.();
/**
 * Lets what is waiting for this worker be heard: a stop, another question. A message to itself
 * takes some microseconds, where browsers make a timer wait for four milliseconds.
 */
export const giveWay = (): Promise<void> =>
  new Promise((resolve) => {
    passing.push(resolve);
    there.postMessage(undefined);
  });

/** Reads every sample once; says how many are done, now and again. */
export async function inMemory(
  data: Dataset,
  progress?: (done: number) => void,
  signal?: AbortSignal,
): Promise<Dataset> {
  const [inputSize, targetSize] = [sizeOf(data.inputShape), sizeOf(data.targetShape)];
  const inputs = new Float32Array(data.length * inputSize);
  const targets = new Float32Array(data.length * targetSize);
  const inputOf = (i: number): Float32Array => inputs.subarray(i * inputSize, (i + 1) * inputSize);
  const targetOf = (i: number): Float32Array =>
    targets.subarray(i * targetSize, (i + 1) * targetSize);
  for (let i = 0; i < data.length; i++) {
    data.read(i, inputOf(i), targetOf(i));
    if (i % 50 !== 49) continue;
    progress?.(i + 1);
    await giveWay();
    signal?.throwIfAborted();
  }
  return {
    ...data,
    read(i, input, target) {
      input.set(inputOf(i));
      target.set(targetOf(i));
    },
  };
}
