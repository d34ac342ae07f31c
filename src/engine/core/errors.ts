// Every error the library throws on purpose: one base class with a stable code and the facts as
// fields.

/**
 * Base of all deliberate errors. `code` is stable across versions; `data` carries the facts named
 * in the message.
 */
export abstract class FiducialError extends Error {
  /** Written out in every class: a minifier renames classes. */
  abstract override readonly name: string;
  abstract readonly code: string;
  readonly data: Readonly<Record<string, unknown>>;
  constructor(message: string, data: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.data = data;
  }
}

/** Shapes that do not fit together; the message names the op, the shapes and the mend. */
export class ShapeError extends FiducialError {
  override readonly name = "ShapeError" as const;
  readonly code = "SHAPE" as const;
}
/** An array of another type than asked for, or with values that cannot be used (NaN, infinite). */
export class DtypeError extends FiducialError {
  override readonly name = "DtypeError" as const;
  readonly code = "DTYPE" as const;
}
/** Ops that a backend or a format does not know; lists all of them at once. */
export class UnsupportedOpError extends FiducialError {
  override readonly name = "UnsupportedOpError" as const;
  readonly code = "UNSUPPORTED_OP" as const;
}
/** A backend that cannot be opened, has no room, or failed while it ran. */
export class BackendError extends FiducialError {
  override readonly name = "BackendError" as const;
  readonly code = "BACKEND" as const;
}
/** A computation that became non-finite or did not converge. */
export class ConvergenceError extends FiducialError {
  override readonly name = "ConvergenceError" as const;
  readonly code = "CONVERGENCE" as const;
}
/** An option out of its range, or options that contradict one another. */
export class ConfigError extends FiducialError {
  override readonly name = "ConfigError" as const;
  readonly code = "CONFIG" as const;
}
/** A file that is not what it claims to be. */
export class FormatError extends FiducialError {
  override readonly name = "FormatError" as const;
  readonly code = "FORMAT" as const;
}
