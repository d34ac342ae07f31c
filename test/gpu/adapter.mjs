// Prints the adapter's name, or fails: whether a graphics card, or a processor that plays one, is
// to be had in this environment.
import { openBackend } from "fiducial/engine";

const backend = await openBackend("webgpu");
console.log(JSON.stringify(backend.adapter));
await backend.close();
