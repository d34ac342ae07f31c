// Several DICOM files as one volume: those of one series, in the order of their places in the
// patient. One file: dicom.ts.
import type dicomParser from "dicom-parser";
import { FormatError } from "../../engine/index.ts";
import { printable } from "../printable.ts";
import type { Volume } from "../volume.ts";
import { decoderFor, type Decode } from "./dicom-codecs.ts";
import { guarded, isDicom, openDicom, parseDicomFile } from "./dicom.ts";
import { numbersIn, placesOf, positionOf } from "./dicom-order.ts";

/** A file of a folder, read when it is asked for. */
export interface SeriesFile {
  readonly name: string;
  read(): Uint8Array;
}
interface Head {
  readonly file: SeriesFile;
  /** What all files of a series share; it goes nowhere else. */
  readonly series: string;
  readonly frames: number;
  readonly position: number | undefined;
  readonly instance: number;
  readonly compressed: string | undefined;
}

function headOf(file: SeriesFile): Head | undefined {
  const bytes = file.read();
  if (!isDicom(bytes)) return undefined;
  return guarded(file.name, () => {
    const { data, compressed } = parseDicomFile(bytes, file.name);
    if (!data.elements.x7fe00010 && !data.elements.x7fe00008 && !data.elements.x7fe00009)
      return undefined;
    const size = [data.uint16("x00280010"), data.uint16("x00280011")].join("×");
    return {
      file,
      series: `${data.string("x0020000e") ?? ""} ${orientationOf(data)} ${size}`,
      frames: Math.max(1, data.intString("x00280008") ?? 1),
      position: positionOf(data),
      instance: data.intString("x00200013") ?? 0,
      compressed,
    };
  });
}
/** Localisers of three directions are often one series. */
const orientationOf = (data: dicomParser.DataSet): string =>
  numbersIn(data, "x00200037", 6)
    .map((v) => v.toFixed(2))
    .join();

/** The largest series; the first of equally large ones. */
function largestSeries(heads: readonly Head[]): {
  readonly chosen: readonly Head[];
  readonly count: number;
} {
  const series = new Map<string, Head[]>();
  for (const head of heads) series.set(head.series, [...(series.get(head.series) ?? []), head]);
  const all = [...series.values()];
  return {
    chosen: all.reduce((best, one) => (one.length > best.length ? one : best)),
    count: all.length,
  };
}

/**
 * The largest series among the files, its slices by their places along the normal of their planes
 * (by their numbers where a place is missing); places that come again are volumes in time. Files
 * that are no DICOM images are left out, and a note says how many. Throws FormatError where there
 * is no image, and as loadVolume does.
 */
export async function loadSeries(files: readonly SeriesFile[], name: string): Promise<Volume> {
  const heads = files.flatMap((file) => headOf(file) ?? []);
  if (heads.length === 0)
    throw new FormatError(
      `${name}: it is a folder, and none of its ${files.length} files is a DICOM image; name a file or another folder`,
      { name },
    );
  const { chosen, count } = largestSeries(heads);
  const { order, volumes, by } = placesOf(chosen);
  const sorted = order.map((i) => chosen[i]);
  const decoders = new Map<string | undefined, Decode>();
  for (const { compressed } of sorted)
    if (compressed !== undefined && !decoders.has(compressed))
      decoders.set(compressed, await decoderFor(compressed, name));
  const open = ({ file, compressed }: Head): Volume =>
    openDicom(file.read(), file.name, decoders.get(compressed));
  const first = open(sorted[0]);
  const { height, width, complex } = first;
  const places = sorted.flatMap((head) =>
    Array.from({ length: head.frames }, (_, frame) => ({ head, frame })),
  );
  const others = files.length - heads.length;
  const notes = [
    `${chosen.length} DICOM files of one series, sorted by their ${by}`,
    ...(count > 1 ? [`${count} series are there: the largest is taken`] : []),
    ...(others > 0 ? [`${others} files are no DICOM images and are left out`] : []),
    ...first.notes,
  ];
  const slices = places.length;
  const facts = { format: "DICOM", slices, volumes, height, width, complex, notes };
  return {
    ...facts,
    slice(index, fill) {
      const place = places[index];
      if (!place)
        throw new FormatError(
          `${name}: there is no slice ${index}; it has slices 0 to ${slices - 1}`,
          { name },
        );
      const volume = open(place.head);
      if (volume.height !== height || volume.width !== width)
        throw new FormatError(
          `${printable(place.head.file.name)}: it has another size than its series`,
          { name },
        );
      return volume.slice(place.frame, fill);
    },
  };
}
