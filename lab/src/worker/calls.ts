// Every question that the page may ask, by name. One more is a function in calls/ and a line here.
import { about } from "./engine.ts";
import { channelSums } from "./calls/channels.ts";
import { filterPicture } from "./calls/filter.ts";
import { slideKernels } from "./calls/slide.ts";
import { openPicture } from "./pictures.ts";

export const calls = { about: (_: object) => about(), channelSums, filterPicture, openPicture, slideKernels };
export type Calls = typeof calls;
