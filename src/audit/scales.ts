// What black and white and the colours of a result's pictures mean.
import type { PictureGrid } from "../report/index.ts";
import type { ImageScale } from "./schema.ts";

export interface Scale extends Pick<ImageScale, "magnitude" | "percentile" | "error"> {
  readonly change?: number;
}
type Windows = NonNullable<PictureGrid["windows"]>;

/** Of a figure with grey pictures and maps of errors, or of changes, all on one scale. */
export function windowsOf(scale: Scale, maps: "error" | "change" = "error"): Windows {
  const { magnitude, percentile, error, change = 0 } = scale;
  return {
    grey: [0, magnitude],
    white: percentile === undefined ? "the largest |x|" : `the ${percentile}th percentile of |x|`,
    colour:
      maps === "error"
        ? { of: "error |x̂ − x|, one scale for all methods", top: error }
        : { of: "change |x̂(r) − x̂(0)|, one scale for all methods", top: change },
  };
}
