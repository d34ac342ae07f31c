// What an audit is made from where no truth is known: the k-space that a scanner measured.
import type { AuditSpec } from "../audit/index.ts";
import { ConfigError, ShapeError } from "../engine/index.ts";
import { arrayHash, maskFromKspace, shifted, type Arrays, type CartesianOperator } from "../imaging/index.ts";
import type { AuditValues } from "./audit-options.ts";
import { chooseMask, chooseOperator, describeSampling, samplingFrom, type Model, type Sampled } from "./inputs.ts";
import { flagOf } from "./options.ts";
import { openVolume } from "./volumes.ts";

/** What methods are audited on. */
export interface Audited {
  readonly operator: CartesianOperator;
  readonly sampling: Sampled;
  /** What operator and images name by hash. */
  readonly arrays: Arrays;
  readonly images: AuditSpec["images"];
  /** Of the noise, where it is known. */
  readonly sigma?: number;
}

/** What is simulated, and cannot be asked of what was measured. */
const simulated = ["images", "slices", "fill", "noise"] as const;

/** Throws ConfigError for an option that measured k-space has no use for. */
function checkOptions(values: AuditValues): void {
  const other = simulated.find((name) => (name === "images" ? values.images.length > 0 : values[name] !== undefined));
  if (other !== undefined)
    throw new ConfigError(
      `--kspace and ${flagOf(other)} cannot both be given; measured k-space is audited as it is, and images have theirs simulated`,
      { other },
    );
}

/**
 * Measured k-space, orthonormal, its lowest frequency at ⌊N/2⌋ (or moved there from the corner), as
 * fiducial reconstruct takes it: one measurement a slice, or, of multi-coil, one of all coils.
 * Throws ConfigError for real values and for options that simulate, ShapeError for another size
 * than the network's.
 */
export async function measuredKspace(values: AuditValues, path: string, model: Model): Promise<Audited> {
  checkOptions(values);
  const volume = openVolume(path, { stored: true });
  const { height, width, complex } = volume;
  const [H, W] = model.shape;
  if (!complex)
    throw new ConfigError(`${path}: its values are real; k-space is complex (an NPY array of complex64)`, {});
  if (height !== H || width !== W)
    throw new ShapeError(
      `${path}: its k-space is ${height}×${width}, the network takes ${H}×${W}; crop or zero-pad it about its centre`,
      { height, width },
    );
  const how = { ...samplingFrom(values), name: `${path} as k-space` };
  const slices = Array.from({ length: volume.slices }, (_, i) => volume.slice(i));
  const { facts, ...own } = maskFromKspace(slices, model.shape, how);
  const { mask: file, sampling, acceleration, centerFraction } = values;
  const given = [file, sampling, acceleration, centerFraction].some((value) => value !== undefined);
  const { mask, notes } = given ? await chooseMask(values, model) : { mask: own, notes: [] };
  const { operator, arrays } = await chooseOperator(values, mask);
  const raw = how.lowest === "corner" ? slices.map((k) => shifted(k, model.shape)) : slices;
  const several = values.operator === "multi-coil";
  const measurements = several ? [jointly(raw, operator, path)] : raw.map((k) => where(operator, k));
  const records = measurements.map((y, i) => ({
    label: several ? "measured k-space, all coils" : `measured k-space, slice ${i}`,
    sha256: arrayHash(y),
    preparation: `${volume.format}, as it was measured`,
  }));
  return {
    operator,
    sampling: { mask, notes: [...volume.notes, describeSampling(how.name, facts), ...notes] },
    arrays: new Map([
      ...arrays,
      ...measurements.map((data, i) => [records[i].sha256, { shape: operator.range, data }] as const),
    ]),
    images: { kind: "measured", shape: model.shape, measurements: records },
  };
}

/** Zero where nothing is measured. */
const where = ({ measured }: CartesianOperator, k: Float32Array): Float32Array =>
  k.map((v, j) => (measured[j] ? v : 0));

/** The coils' k-spaces [2,H,W] as one measurement [2,coils,H,W]. */
function jointly(raw: readonly Float32Array[], operator: CartesianOperator, path: string): Float32Array {
  const [, coils, H, W] = operator.range;
  if (raw.length !== coils)
    throw new ShapeError(`${path}: it has the k-space of ${raw.length} coils, --coils says ${coils}; give both alike`, {
      coils: raw.length,
    });
  const size = H * W;
  const all = new Float32Array(2 * coils * size);
  for (const [coil, k] of raw.entries()) {
    all.set(k.subarray(0, size), coil * size);
    all.set(k.subarray(size), (coils + coil) * size);
  }
  return where(operator, all);
}
