// Libraries that are optional: loaded when a file needs one, and named when it is not there.
import { UnsupportedOpError } from "../../engine/index.ts";

/** What a file needs, for the line that says so. */
export interface Need {
  /** The file's name. */
  readonly name: string;
  /** What is to be read, as in "HDF5". */
  readonly what: string;
  /** As npm knows it. */
  readonly library: string;
}

/**
 * What `load`, an import, gives. Throws UnsupportedOpError with what to install where it fails:
 * these are optional dependencies.
 */
export async function optional<T>(
  { name, what, library }: Need,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch {
    throw new UnsupportedOpError(
      `${name}: reading ${what} needs the library ${library}, which is not installed; npm install ${library}`,
      { name, library },
    );
  }
}
