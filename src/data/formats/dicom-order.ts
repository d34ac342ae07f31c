// Where DICOM's slices are in the patient, and the order that follows from it.
import type dicomParser from "dicom-parser";

type DataSet = dicomParser.DataSet;

/** The numbers of an element with several, or none where they are not all there. */
export function numbersIn(data: DataSet, tag: string, count: number): number[] {
  const said = (data.string(tag) ?? "")
    .split("\\")
    .map((text) => (text.trim() === "" ? Number.NaN : Number(text)));
  return said.length === count && said.every(Number.isFinite) ? said : [];
}

/**
 * ImagePositionPatient along the normal of ImageOrientationPatient, in mm. Source: PS3.3 C.7.6.2.
 */
export function positionOf(position: DataSet, orientation: DataSet = position): number | undefined {
  const at = numbersIn(position, "x00200032", 3);
  const [a, b, c, d, e, f] = numbersIn(orientation, "x00200037", 6);
  if (at.length === 0 || f === undefined) return undefined;
  return (b * f - c * e) * at[0] + (c * d - a * f) * at[1] + (a * e - b * d) * at[2];
}

interface Placed {
  readonly position: number | undefined;
  readonly instance: number;
}
export interface Order {
  readonly order: readonly number[];
  readonly volumes: number;
  readonly by: "place" | "number";
}
/**
 * The order of slices, volume after volume: by their places, feet first in an axial series; each
 * place's k-th slice, in the order of their numbers, is volume k's. By their numbers where places
 * are missing, or come unequally often.
 */
export function placesOf(slices: readonly Placed[]): Order {
  const numbered = slices.map((_, i) => i).sort((i, j) => slices[i].instance - slices[j].instance);
  const groups = new Map<string, number[]>();
  for (const i of numbered) {
    const { position } = slices[i];
    if (position === undefined) return { order: numbered, volumes: 1, by: "number" };
    // places are written with few digits, and not always alike
    const key = position.toFixed(2);
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  const places = [...groups.values()].sort(([i], [j]) => slices[i].position! - slices[j].position!);
  const volumes = places[0]?.length ?? 1;
  if (places.some((group) => group.length !== volumes))
    return { order: numbered, volumes: 1, by: "number" };
  const order = Array.from({ length: volumes }, (_, v) => places.map((group) => group[v])).flat();
  return { order, volumes, by: "place" };
}

const first = (data: DataSet | undefined, tag: string): DataSet | undefined =>
  data?.elements[tag]?.items?.[0]?.dataSet;
/**
 * The order of the frames of one file, by the places in their functional groups; as they are
 * stored where those are not all there. Source: PS3.3 C.7.6.16.2.3.
 */
export function frameOrder(data: DataSet, frames: number): Order {
  const shared = first(data, "x52009229");
  const groups = data.elements.x52009230?.items ?? [];
  const placed = Array.from({ length: frames }, (_, i): Placed => {
    const own = groups[i]?.dataSet;
    const at = first(own, "x00209113") ?? first(shared, "x00209113");
    const plane = first(own, "x00209116") ?? first(shared, "x00209116");
    return { position: at && plane && positionOf(at, plane), instance: i };
  });
  return placesOf(placed);
}
