// Every question of /break. They are fetched when the first one is asked: /inside needs none.
export { openOwnNetwork } from "../break/networks.ts";
export { openScan } from "../break/scan.ts";
export { attack, prepareAttack } from "./attack.ts";
export { maskFile, sampleKspace } from "./kspace.ts";
export { sweepRates } from "./rates.ts";
export { compareRemedies } from "./remedies.ts";
export { trainRemedy } from "./remedy-training.ts";
export { placeTumour, sweepTumours } from "./tumour.ts";
