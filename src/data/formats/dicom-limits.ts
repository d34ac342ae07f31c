// What a DICOM file may make of the heap before it is parsed: dicom-parser keeps some hundred bytes
// for every item of eight, and V8 ends the process where its heap is used up.
import { FormatError } from "../../engine/index.ts";

/** Far more than an enhanced file has, whose every frame has some ten. */
const MOST_ITEMS = 2 ** 20;

/** Throws FormatError where the tag of items, (FFFE,E000) in either order, stands too often. */
export function checkItems(bytes: Uint8Array, name: string): void {
  let count = 0;
  for (let at = bytes.indexOf(0xfe); at >= 0; at = bytes.indexOf(0xfe, at + 1)) {
    const little = bytes[at + 1] === 0xff && bytes[at + 2] === 0 && bytes[at + 3] === 0xe0;
    const big = bytes[at - 1] === 0xff && bytes[at + 1] === 0xe0 && bytes[at + 2] === 0;
    if (little || big) count++;
  }
  if (count > MOST_ITEMS)
    throw new FormatError(
      `${name}: it has ${count} items, more than any scan; it is damaged or hostile`,
      { name, count },
    );
}
