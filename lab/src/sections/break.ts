// The sections of /break, in their order. One more is a file here and a line.
import { attack } from "./attack.tsx";
import { kspace } from "./kspace.tsx";
import { rates } from "./rates.tsx";
import { remediesSection } from "./remedies.tsx";
import type { Section } from "./section.ts";
import { tumour } from "./tumour.tsx";

export const breakSections: readonly Section[] = [kspace, attack, tumour, rates, remediesSection];
