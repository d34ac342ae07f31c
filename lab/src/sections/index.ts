// The sections of /inside, in the order of the subject. One more is a file here and a line.
import { backprop } from "./backprop.tsx";
import { channels } from "./channels.tsx";
import { cost } from "./cost.tsx";
import { kernels } from "./kernels.tsx";
import { layers } from "./layers.tsx";
import { learned } from "./learned.tsx";
import { node } from "./node.tsx";
import { pool } from "./pool.tsx";
import type { Section } from "./section.ts";
import { slide } from "./slide.tsx";
import { train } from "./train.tsx";

export const sections: readonly Section[] = [
  slide,
  kernels,
  learned,
  channels,
  pool,
  node,
  layers,
  cost,
  backprop,
  train,
];
