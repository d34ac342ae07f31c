// A worker thread of an audit: sets the same audit up, and computes the pieces that it is asked
// for.
import { parentPort, workerData } from "node:worker_threads";
import { encodePiece, planAudit } from "../audit/index.ts";
import type { AuditValues } from "./audit-options.ts";
import { setUpAudit } from "./audit-setup.ts";
import type { Terminal } from "./terminal.ts";

const silent: Terminal = { note() {}, print() {}, json() {}, async progress() {}, finish() {} };
const port = parentPort!;
const plan = planAudit(await setUpAudit({ ...(workerData as AuditValues), threads: 1 }, silent));
port.on("message", async (key: string) => {
  port.postMessage(
    encodePiece(
      await (await plan).compute(key, async () => {
        port.postMessage(null);
      }),
    ),
  );
});
