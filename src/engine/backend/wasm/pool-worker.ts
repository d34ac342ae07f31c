// A worker of the pool, as a file of its own: a page with a strict content security policy loads
// it like any other script. It takes chunks while there are any, spins for a moment, then sleeps.
import type { Calling } from "./calls.ts";
import {
  countDone,
  takeChunk,
  WORD,
  type Message,
  type Seat,
  type WorkerPlan,
} from "./pool-protocol.ts";
import { builtin } from "./threads.ts";

/** Looks for another pass before a worker falls asleep: about a quarter of a millisecond. */
const SPINS = 40_000;

interface Port {
  postMessage(message: unknown): void;
  on?(name: "message", listener: (message: Message) => void): void;
  onmessage?: ((event: { data: Message }) => void) | null;
}
interface Plan {
  readonly calling: Calling;
  readonly scratch: number;
  /** The weight of a shared memory, for the collector, as in the thread that made it. */
  readonly weight: ArrayBuffer;
}

const node = builtin("node:worker_threads") as { parentPort: Port } | undefined;
const port = node ? node.parentPort : (globalThis as unknown as Port);
const plans = new Map<number, Plan>();
let seat: Seat;
/** Messages read. */
let read = 0;

const hasMail = (): boolean => Atomics.load(seat.control, WORD.mail) !== read;

function add({ id, module, memory, scratch }: WorkerPlan): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const calling = exports as unknown as Calling;
  plans.set(id, { calling, scratch, weight: new ArrayBuffer(memory.buffer.byteLength) });
}

function doChunk(chunk: number): void {
  const { control } = seat;
  // these stay until the chunk is done
  const plan = Atomics.load(control, WORD.plan);
  const call = Atomics.load(control, WORD.call);
  try {
    const { calling, scratch } = plans.get(plan)!;
    calling.chunk(call, scratch, chunk);
  } catch {
    Atomics.store(control, WORD.failed, 1);
  }
  countDone(seat);
}

/** Waits for another pass than this one, or for mail: spins for a moment, then sleeps. */
function awaitNews(opened: number): void {
  const { control } = seat;
  for (let spins = 0; spins < SPINS; spins++)
    if (Atomics.load(control, WORD.opened) !== opened) return;
  Atomics.add(control, WORD.sleepers, 1);
  Atomics.wait(control, WORD.opened, opened);
  Atomics.sub(control, WORD.sleepers, 1);
}

/** Takes chunks until there is mail. */
function work(): void {
  while (!hasMail()) {
    const opened = Atomics.load(seat.control, WORD.opened);
    let chunk = takeChunk(seat);
    for (; chunk >= 0; chunk = takeChunk(seat)) doChunk(chunk);
    if (!hasMail()) awaitNews(opened);
  }
}

function receive(message: Message): void {
  read++;
  if ("seat" in message) seat = message.seat;
  else if ("plan" in message) add(message.plan);
  else plans.delete(message.drop);
  port.postMessage(read);
  // back to the event loop while more is in the post
  if (!hasMail()) work();
}

if (node) port.on!("message", receive);
else port.onmessage = (event) => receive(event.data);
