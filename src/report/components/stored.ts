// Pictures that a page shows more than once, whole and cropped, or the same for every method: they
// stand in it once.
import type { PictureGrid, Report } from "../kinds.ts";

export interface StoredPicture {
  /** Of its element. */
  readonly id: string;
  /** PNG in base64. */
  readonly data: string;
  /** [height, width] */
  readonly shape: PictureGrid["shape"];
}
/** A report's pictures by their ids, and those that are stored, by their content. */
export interface Pictures {
  readonly data: Readonly<Record<string, string>>;
  readonly stored: ReadonlyMap<string, StoredPicture>;
}

/** Counts what each grid shows. */
export function picturesOf({ pictures: data = {}, sections }: Report): Pictures {
  const seen = new Set<string>();
  const stored = new Map<string, StoredPicture>();
  const grids = sections.flatMap(({ details }) =>
    details.filter((d): d is PictureGrid => d.kind === "pictures"),
  );
  for (const { rows, shape } of grids)
    for (const cell of rows.flatMap((row) => row.cells)) {
      const own = cell ? data[cell.picture] : undefined;
      if (own === undefined) continue;
      if (seen.has(own) && !stored.has(own))
        stored.set(own, { id: `picture-${stored.size}`, data: own, shape });
      seen.add(own);
    }
  return { data, stored };
}
