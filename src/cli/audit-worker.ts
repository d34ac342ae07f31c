// A worker thread of an audit: opens the same audit, and computes the pieces that it is asked for.
import { parentPort, workerData } from "node:worker_threads";
import { encodePiece, planAudit } from "../audit/index.ts";
import { openHanded, type Handed } from "./audit-setup.ts";

const port = parentPort!;
const plan = planAudit(await openHanded(workerData as Handed));
port.on("message", async (key: string) => {
  const { compute } = await plan;
  const tick = async (): Promise<void> => {
    port.postMessage(null);
  };
  port.postMessage(encodePiece(await compute(key, tick)));
});
