// A constant sparse matrix, by rows, with its transpose: what interpolates, projects and resamples.
import { ShapeError } from "./errors.ts";

/** Beyond this a matrix and its transpose no longer fit WebAssembly's memory beside a network. */
const MOST_ENTRIES = 80_000_000;
let made = 0;

/**
 * Compressed sparse rows: row r has the entries starts[r] … starts[r + 1] − 1, each with its column
 * and its value. Throws ShapeError when these do not fit each other or are too many.
 */
export class SparseMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly starts: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float64Array;
  /** Distinguishes it from every other matrix of this process. */
  readonly #id = ++made;
  #transposed?: SparseMatrix;

  constructor(
    [rows, columns]: readonly [number, number],
    { starts, indices, values }: Pick<SparseMatrix, "starts" | "indices" | "values">,
  ) {
    [this.rows, this.columns] = [rows, columns];
    [this.starts, this.indices, this.values] = [starts, indices, values];
    this.#check();
  }

  /** Row by row, the entries that `row` gives to `put`. Throws ShapeError for too many. */
  static byRows(
    [rows, columns]: readonly [number, number],
    row: (r: number, put: (column: number, value: number) => void) => void,
  ): SparseMatrix {
    const starts = new Int32Array(rows + 1);
    let [indices, values, count] = [new Int32Array(1024), new Float64Array(1024), 0];
    const put = (column: number, value: number): void => {
      if (count === indices.length) {
        if (count > MOST_ENTRIES) throw tooMany(count);
        const [more, further] = [new Int32Array(2 * count), new Float64Array(2 * count)];
        more.set(indices);
        further.set(values);
        [indices, values] = [more, further];
      }
      indices[count] = column;
      values[count++] = value;
    };
    for (let r = 0; r < rows; r++) {
      row(r, put);
      starts[r + 1] = count;
    }
    return new SparseMatrix([rows, columns], {
      starts,
      indices: indices.slice(0, count),
      values: values.slice(0, count),
    });
  }

  #check(): void {
    const { rows, columns, starts, indices, values } = this;
    const count = indices.length;
    if (!(rows >= 1 && columns >= 1))
      throw new ShapeError(`sparse matrix: ${rows}×${columns} must be at least 1×1`, {
        rows,
        columns,
      });
    if (count > MOST_ENTRIES) throw tooMany(count);
    const fits =
      starts.length === rows + 1 &&
      starts[0] === 0 &&
      starts[rows] === count &&
      values.length === count;
    const rises = starts.every((at, r) => r === 0 || at >= starts[r - 1]);
    if (!fits || !rises || !indices.every((c) => c >= 0 && c < columns))
      throw new ShapeError(`sparse matrix: its rows or columns do not fit ${rows}×${columns}`, {
        rows,
        columns,
      });
  }

  /** Its transpose, made once; that one's transpose is this. */
  get transposed(): SparseMatrix {
    this.#transposed ??= this.#transpose();
    return this.#transposed;
  }
  #transpose(): SparseMatrix {
    const { rows, columns, starts, indices, values } = this;
    const into = new Int32Array(columns + 1);
    for (const c of indices) into[c + 1]++;
    for (let c = 0; c < columns; c++) into[c + 1] += into[c];
    const next = into.slice(0, columns);
    const [turned, moved] = [new Int32Array(indices.length), new Float64Array(values.length)];
    for (let r = 0; r < rows; r++)
      for (let e = starts[r]; e < starts[r + 1]; e++) {
        const at = next[indices[e]]++;
        turned[at] = r;
        moved[at] = values[e];
      }
    const other = new SparseMatrix([columns, rows], {
      starts: into,
      indices: turned,
      values: moved,
    });
    other.#transposed = this;
    return other;
  }

  /** y[r] = Σ values·x[column], added in the order of the entries. */
  times(x: ArrayLike<number>, y: Float64Array = new Float64Array(this.rows)): Float64Array {
    const { rows, starts, indices, values } = this;
    for (let r = 0; r < rows; r++) {
      let sum = 0;
      for (let e = starts[r]; e < starts[r + 1]; e++) sum += values[e] * x[indices[e]];
      y[r] = sum;
    }
    return y;
  }

  /** What a printed graph and a kernel's key say of it. */
  toJSON(): object {
    return { rows: this.rows, columns: this.columns, entries: this.indices.length, id: this.#id };
  }
}

const tooMany = (count: number): ShapeError =>
  new ShapeError(
    `sparse matrix: it has more than ${MOST_ENTRIES} entries; make the image or the number of samples smaller`,
    { count },
  );
