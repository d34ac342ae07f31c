// A plan that is ready to run: what it keeps on the card between executions, and the executions.
import { sizeOf } from "../../core/shape.ts";
import {
  checkInputs,
  checkLength,
  checkOutputs,
  findParameter,
  type HostData,
  type Inputs,
  type Plan,
} from "../backend.ts";
import { held, Turns } from "../turns.ts";
import { time } from "./clock.ts";
import type { Place } from "./memory.ts";
import type { Compiled } from "./plan.ts";
import { piecesOf, submit } from "./submit.ts";

type Outputs = Record<string, HostData>;
interface Execution {
  readonly inputs: Inputs;
  readonly signal?: AbortSignal | undefined;
  /** All unless given. */
  readonly outputs?: readonly string[] | undefined;
}

/** Bits of a buffer's usage: mapped to be read, copied to; copied from and to. */
const READ_BACK = 0x01 | 0x08;
const COPIED = 0x04 | 0x08;
export function executable(compiled: Compiled): Plan {
  const { asked, device, bytes } = compiled;
  const state = new State(compiled);
  const turns = new Turns();
  const pieces = piecesOf(compiled);
  // from the first update in place on, an execution must go to its end
  const written = pieces.findIndex((p) =>
    p.some((step) => step.outputs.some((id) => compiled.targets.has(id))),
  );
  const interruptible = written < 0 ? pieces.length : written;
  // a collector does not count a card's memory; it counts this, which is never touched
  const weight = new ArrayBuffer(bytes);

  const execute = async ({ inputs, outputs, signal }: Execution): Promise<Outputs> => {
    device.check();
    // before anything is written: what has begun must go to its end
    const room = state.makeRoom(outputs);
    if (room) await room;
    state.feed(inputs);
    for (const [i, piece] of pieces.entries()) {
      if (signal && i > 0 && i <= interruptible) {
        await device.gpu.queue.onSubmittedWorkDone();
        signal.throwIfAborted();
      }
      submit(device, piece);
    }
    return state.finish(outputs);
  };
  return {
    get memoryBytes() {
      return weight.byteLength;
    },
    steps: compiled.steps.map((step) => step.description),
    async read(name) {
      const id = findParameter(compiled.graph, name);
      return turns.take(() => state.read(id));
    },
    async write(name, values) {
      const id = findParameter(compiled.graph, name);
      checkLength(compiled.graph, id, values.length);
      const own = turns.busy ? Float32Array.from(values) : values;
      return turns.take(() => {
        device.check();
        state.put(id, own);
      });
    },
    async execute(given = {}, { signal, outputs } = {}) {
      checkInputs(asked, given);
      checkOutputs(asked, outputs);
      signal?.throwIfAborted();
      const inputs = turns.busy ? held(given) : given;
      return turns.take(() => execute({ inputs, outputs, signal }));
    },
    async profile(given = {}) {
      checkInputs(asked, given);
      const inputs = turns.busy ? held(given) : given;
      return turns.take(async () => {
        await state.makeRoom([]);
        state.feed(inputs);
        const times = await time(device, compiled.steps);
        await state.finish([]);
        return times;
      });
    },
  };
}

/** What lies on the card, its constants and first values written. */
class State {
  readonly #compiled: Compiled;
  readonly #inputs: readonly { name: string; id: number }[];
  readonly #outputs: readonly { name: string; id: number }[];
  /** Parameters whose next value was not written in their place. */
  readonly #updates: readonly { from: Place; to: Place; at: number }[];
  readonly #live: ReadonlySet<number>;
  /** Parameters that nothing reads: they have no place on the card. */
  readonly #unread = new Map<number, Float32Array>();
  readonly #betweenBytes: number;
  #between: GPUBuffer | undefined;
  #staging: GPUBuffer | undefined;

  constructor(compiled: Compiled) {
    this.#compiled = compiled;
    const { graph, order, program, targets, map } = compiled;
    const live = order.map((id) => graph.nodes[id]);
    this.#live = new Set(order);
    for (const node of graph.nodes) {
      if (node.kind === "parameter") this.put(node.id, node.initial);
      if (node.kind === "constant" && this.#live.has(node.id)) this.put(node.id, node.data);
    }
    this.#inputs = live.flatMap((node) =>
      node.kind === "input" ? [{ name: node.name, id: node.id }] : [],
    );
    this.#outputs = [...graph.outputs].map(([name, id]) => ({ name, id }));
    let room = 0;
    this.#updates = [...graph.updates]
      .filter(([parameter, next]) => targets.get(program.root(next)) !== parameter)
      .map(([parameter, next]) => {
        const at = room;
        const to = map.placeOf(parameter);
        room += to.bytes;
        return { from: map.placeOf(next), to, at };
      });
    this.#betweenBytes = room;
  }

  put(id: number, values: ArrayLike<number>): void {
    const { map, buffers, device } = this.#compiled;
    if (values.length === 0) return;
    const own = values instanceof Float32Array ? values : Float32Array.from(values);
    if (!this.#live.has(id)) {
      this.#unread.set(id, own.slice());
      return;
    }
    const { buffer, offset } = map.placeOf(id);
    device.gpu.queue.writeBuffer(buffers[buffer], offset, own as Float32Array<ArrayBuffer>);
  }
  async read(parameter: number): Promise<HostData> {
    if (this.#live.has(parameter))
      return (await this.readBack([{ name: "value", id: parameter }])).value;
    return this.#unread.get(parameter)!.slice();
  }
  feed(given: Inputs): void {
    for (const { name, id } of this.#inputs) this.put(id, given[name]);
  }

  #chosen(wanted?: readonly string[]): readonly { name: string; id: number }[] {
    return this.#outputs.filter(({ name }) => wanted === undefined || wanted.includes(name));
  }
  #bytesOf(values: readonly { id: number }[]): number {
    const { map } = this.#compiled;
    return values.reduce((sum, { id }) => sum + map.placeOf(id).bytes, 0);
  }
  /**
   * Makes what `finish` needs beside the plan's own buffers, where it is not there yet. Throws
   * BackendError where the card has no room for it.
   */
  makeRoom(wanted?: readonly string[]): Promise<void> | undefined {
    const size = this.#bytesOf(this.#chosen(wanted));
    const isThere = size <= (this.#staging?.size ?? 0);
    if (isThere && (this.#between || this.#betweenBytes === 0)) return undefined;
    return this.#make(size);
  }
  async #make(size: number): Promise<void> {
    if (size > 0) await this.#stagingOf(size);
    if (this.#betweenBytes === 0) return;
    this.#between ??= await this.#room("the next values of parameters", this.#betweenBytes, COPIED);
  }

  /** Reads what is wanted and gives parameters their next values. */
  async finish(wanted?: readonly string[]): Promise<Outputs> {
    const chosen = this.#chosen(wanted);
    if (chosen.length > 0) return this.readBack(chosen, (encoder) => this.#update(encoder));
    const { gpu } = this.#compiled.device;
    const encoder = gpu.createCommandEncoder();
    this.#update(encoder);
    gpu.queue.submit([encoder.finish()]);
    await gpu.queue.onSubmittedWorkDone();
    this.#compiled.device.check();
    return {};
  }

  /** Copies of values; `also` is done after they were copied. */
  async readBack(
    wanted: readonly { name: string; id: number }[],
    also?: (e: GPUCommandEncoder) => void,
  ): Promise<Outputs> {
    const { map, buffers, device, program } = this.#compiled;
    device.check();
    const staging = await this.#stagingOf(this.#bytesOf(wanted));
    const encoder = device.gpu.createCommandEncoder();
    const places = wanted.map(({ id }) => map.placeOf(id));
    let at = 0;
    for (const { buffer, offset, bytes } of places) {
      encoder.copyBufferToBuffer(buffers[buffer], offset, staging, at, bytes);
      at += bytes;
    }
    also?.(encoder);
    device.gpu.queue.submit([encoder.finish()]);
    const bytes = await this.#mapped(staging, at);
    let from = 0;
    return Object.fromEntries(
      wanted.map(({ name, id }, i) => {
        const values = new Float32Array(bytes, from, sizeOf(program.shapeOf(id)));
        from += places[i].bytes;
        return [name, values.slice()];
      }),
    );
  }

  /** The first `size` bytes of a buffer, once the card is done. */
  async #mapped(staging: GPUBuffer, size: number): Promise<ArrayBuffer> {
    const { device } = this.#compiled;
    try {
      await staging.mapAsync(1, 0, size);
    } catch (error) {
      return device.failed(error as Error);
    }
    const bytes = staging.getMappedRange(0, size).slice(0);
    staging.unmap();
    device.check();
    return bytes;
  }

  async #stagingOf(size: number): Promise<GPUBuffer> {
    if (this.#staging && this.#staging.size >= size) return this.#staging;
    this.#staging?.destroy();
    this.#staging = undefined;
    this.#staging = await this.#room("what is read back", size, READ_BACK);
    return this.#staging;
  }
  async #room(what: string, size: number, usage: number): Promise<GPUBuffer> {
    const { device, owned } = this.#compiled;
    const make = (): GPUBuffer => device.gpu.createBuffer({ size, usage });
    const buffer = await device.guarded({ what, bytes: size }, make);
    owned.push(buffer);
    return buffer;
  }

  /** A next value may itself be a parameter: all are read before any is written. */
  #update(encoder: GPUCommandEncoder): void {
    const { buffers } = this.#compiled;
    for (const { from, at } of this.#updates)
      encoder.copyBufferToBuffer(buffers[from.buffer], from.offset, this.#between!, at, from.bytes);
    for (const { to, at } of this.#updates)
      encoder.copyBufferToBuffer(this.#between!, at, buffers[to.buffer], to.offset, to.bytes);
  }
}
