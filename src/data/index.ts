// The public face of data: bytes in, slices of numbers out, and back.
export {
  readNpyArray,
  writeNpy,
  writeNpyComplex,
  writeNpyFlags,
  type NpyArray,
} from "./formats/npy.ts";
export { loadPicture, pictureEndings, readPicture } from "./formats/picture.ts";
export { writeDicom } from "./formats/dicom-writer.ts";
export { writeNifti } from "./formats/nifti-writer.ts";
export { writePng, type Picture } from "./formats/png.ts";
export { loadCellValues, readCellValues, type CellValues } from "./formats/mask.ts";
export {
  datasetsIn,
  isHdf5,
  openHdf5,
  type Hdf5Dataset,
  type Hdf5File,
  type Hdf5Group,
  type Hdf5Node,
  type Part,
} from "./formats/hdf5.ts";
export { loadSeries, type SeriesFile } from "./formats/dicom-series.ts";
export { isComplex, type Hdf5Member, type Hdf5Type } from "./formats/hdf5-types.ts";
export type { ReadOptions } from "./formats/format.ts";
export { formatNames, loadKspace, loadVolume, pixelEndings, readVolume } from "./formats/read.ts";
export type { MeasuredKspace } from "./kspace.ts";
export type { Fill, Volume } from "./volume.ts";
export { arraySet, readNpz } from "./datasets/arrays.ts";
export { readCifar10 } from "./datasets/cifar10.ts";
export { drawnShapes, straightEdges, strokeDigits } from "./datasets/generated.ts";
export { pictureFolder, type PictureFile, type PictureFolder } from "./datasets/folder.ts";
export { keptImages } from "./datasets/kept.ts";
export {
  openPictures,
  picturesIn,
  type Pictures,
  type PicturesOptions,
  type PictureSource,
} from "./datasets/pictures.ts";
export { readCsvLabels, type CsvLabel } from "./datasets/csv-labels.ts";
export { resizedPlanes, type Fitting } from "./datasets/resize.ts";
export { imagesOf, splitImages, type SplitChoice } from "./datasets/split.ts";
export { readIdxSet } from "./datasets/idx.ts";
export type { LabelledImages } from "./datasets/labelled.ts";
export { loadTensors, readTensors, weightFormats } from "./weights/read.ts";
export type { StoredTensor, StoredTensors } from "./weights/tensor.ts";
