// A worker of the pool, as a file of its own: a page with a strict content security policy loads
// it like any other script. It takes chunks while there are any, spins for a moment, then sleeps.
import { MAX_CHUNKS, WORD, type Message, type WorkerPlan } from "./pool-protocol.ts";
import { builtin } from "./threads.ts";

/** Looks at the ticket before a worker falls asleep. */
const SPINS = 3000;

interface Port {
  postMessage(message: unknown): void;
  on?(name: "message", listener: (message: Message) => void): void;
  onmessage?: ((event: { data: Message }) => void) | null;
}
interface Plan {
  readonly calls: readonly { call: (...args: number[]) => void; args: number[]; first: number }[];
  /** The weight of a shared memory, for the collector, as in the thread that made it. */
  readonly weight: ArrayBuffer;
}

const node = builtin("node:worker_threads") as { parentPort: Port } | undefined;
const port = node ? node.parentPort : (globalThis as unknown as Port);
const plans = new Map<number, Plan>();
let control: Int32Array;
/** Messages read. */
let read = 0;

const hasMail = (): boolean => Atomics.load(control, WORD.mail) !== read;

function add({ id, module, memory, calls, scratch }: WorkerPlan): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const bound = calls.map(({ name, pointers, first }) => ({
    call: exports[name] as (...args: number[]) => void,
    args: [...pointers, scratch, 0],
    first,
  }));
  plans.set(id, { calls: bound, weight: new ArrayBuffer(memory.buffer.byteLength) });
}

function doChunk(plan: number, pass: number, chunk: number): void {
  try {
    const { call, args, first } = plans.get(plan)!.calls[pass];
    args[args.length - 1] = first + chunk;
    call(...args);
  } catch {
    Atomics.store(control, WORD.failed, 1);
  }
  Atomics.add(control, WORD.done, 1);
  if (Atomics.load(control, WORD.waiting) === 1) Atomics.notify(control, WORD.done);
}

function sleep(ticket: number): void {
  Atomics.add(control, WORD.sleepers, 1);
  if (!hasMail()) Atomics.wait(control, WORD.ticket, ticket);
  Atomics.sub(control, WORD.sleepers, 1);
}

/** Takes chunks until there is mail. */
function work(): void {
  let idle = 0;
  while (!hasMail()) {
    const ticket = Atomics.load(control, WORD.ticket);
    const chunk = ticket & MAX_CHUNKS;
    const pass = Atomics.load(control, WORD.pass);
    const plan = Atomics.load(control, WORD.plan);
    if (chunk < Atomics.load(control, WORD.chunks)) {
      if (Atomics.compareExchange(control, WORD.ticket, ticket, ticket + 1) !== ticket) continue;
      idle = 0;
      doChunk(plan, pass, chunk);
    } else if (++idle > SPINS) {
      sleep(ticket);
      idle = 0;
    }
  }
}

function receive(message: Message): void {
  read++;
  if ("control" in message) control = message.control;
  else if ("plan" in message) add(message.plan);
  else plans.delete(message.drop);
  port.postMessage(read);
  // back to the event loop while more is in the post
  if (!hasMail()) work();
}

if (node) port.on!("message", receive);
else port.onmessage = (event) => receive(event.data);
