// /audit: a whole audit, and results opened. Its code is fetched when it is first opened.
import type { Route } from "./route.ts";
import { laterChapter } from "../parts/LaterChapter.tsx";

const View = laterChapter("audit", 16, async () => {
  const [{ audit }, { carried }] = await Promise.all([
    import("../sections/audit.tsx"),
    import("../sections/experiment.ts"),
  ]);
  return { sections: [audit], carried };
});

export const route: Route = { id: "audit", title: "Audit", order: 3, View };
