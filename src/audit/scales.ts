// What black and white and the colours of a result's pictures mean.
import type { PictureGrid } from "../report/index.ts";
import type { AuditResult } from "./schema.ts";

/** All pictures of an image share their scales. */
export const windowsOf = (scale: AuditResult["scales"][number]): NonNullable<PictureGrid["windows"]> => ({
  grey: [0, scale.magnitude],
  colour: { of: "error |x̂ − x|, one scale for all of this image", top: scale.error },
});
