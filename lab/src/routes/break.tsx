// /break: a reconstruction broken, a section at a time. Its code is fetched when it is first
// opened.
import { laterChapter } from "../parts/LaterChapter.tsx";
import type { Route } from "./route.ts";

/** /inside has the ten before. */
const View = laterChapter("break", 11, async () => {
  const [{ breakSections: sections }, { carried }] = await Promise.all([
    import("../sections/break.ts"),
    import("../sections/experiment.ts"),
  ]);
  return { sections, carried, beyond: { title: "Audit", route: "audit", section: "audit" } };
});

export const route: Route = { id: "break", title: "Break a reconstruction", order: 2, View };
