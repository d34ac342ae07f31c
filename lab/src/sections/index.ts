// The sections of /inside, in the order of the subject. One more is a file here and a line.
import { channels } from "./channels.tsx";
import { kernels } from "./kernels.tsx";
import type { Section } from "./section.tsx";
import { slide } from "./slide.tsx";

export const sections: readonly Section[] = [slide, kernels, channels];
