// What an audit is made from where no truth is known: the k-space that a scanner measured.
import type { AuditSpec } from "../audit/index.ts";
import { ConfigError } from "../engine/index.ts";
import { arrayHash, type Arrays, type Operator } from "../imaging/index.ts";
import type { AuditValues } from "./audit-options.ts";
import type { Noted } from "./inputs.ts";
import { fromKspace } from "./measured.ts";
import type { Model } from "./models.ts";
import { flagOf } from "./options.ts";

/** What methods are audited on. */
export interface Audited {
  readonly operator: Operator;
  readonly sampling: Noted;
  /** What operator and images name by hash. */
  readonly arrays: Arrays;
  readonly images: AuditSpec["images"];
  /** Of the noise, where it is known. */
  readonly sigma?: number;
}

/** What is simulated, and cannot be asked of what was measured. */
const simulated = ["images", "fill", "noise"] as const;

/** Throws ConfigError for an option that measured k-space has no use for. */
function checkOptions(values: AuditValues): void {
  const other = simulated.find((name) =>
    name === "images" ? values.images.length > 0 : values[name] !== undefined,
  );
  if (other !== undefined)
    throw new ConfigError(
      `--kspace and ${flagOf(other)} cannot both be given; measured k-space is audited as it is, and images have theirs simulated`,
      { other },
    );
}

/**
 * Measured k-space as fiducial reconstruct takes it: one measurement a slice, of multi-coil one of
 * all coils; of the network's size where that is `fixed`. Throws what fromKspace throws, and
 * ConfigError for options that simulate and for coils without their maps.
 */
export async function measuredKspace(
  values: AuditValues,
  path: string,
  model: Model,
  fixed: boolean,
): Promise<Audited> {
  checkOptions(values);
  const { operator, sampling, scans, arrays } = await fromKspace(values, path, model, fixed);
  if (scans.some(({ y }) => y.length > 1))
    throw new ConfigError(
      `${path}: it has several coils; give --operator multi-coil with --coils FILE of their maps, or --coils espirit`,
      {},
    );
  const measurements = scans.map(({ y: [only] }) => Float32Array.from(only));
  const records = scans.map(({ label }, i) => ({
    label: `measured k-space, ${label}`,
    sha256: arrayHash(measurements[i]),
    preparation: "as it was measured",
  }));
  const own = measurements.map(
    (data, i) => [records[i].sha256, { shape: operator.range, data }] as const,
  );
  const [height, width] = operator.domain.slice(-2);
  return {
    operator,
    sampling,
    arrays: new Map([...arrays, ...own]),
    images: { kind: "measured", shape: [height, width], measurements: records },
  };
}
