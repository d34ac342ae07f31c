// npm run cases -- FOLDER: runs the broken files and the reports from the field that FOLDER holds
// (broken/, reports.md) through the built command line and library, and prints for each whether it
// came out right. Exits with 1 where one did not, 2 where there is no such folder. What is right is
// written here, by file name; the files themselves are no part of this project.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readVolume } from "fiducial/data";
import { arithmetic, gradients, GraphBuilder, openBackend, ops } from "fiducial/engine";
import { brainPhantoms } from "fiducial/imaging";
import { applyNetwork, nn } from "fiducial/learning";
import { dicom, gzip, join as joined, nifti, npy, png } from "../test/fixtures/files.mjs";

const [folder] = process.argv.slice(2);
if (folder === undefined || !existsSync(join(folder, "broken"))) {
  console.error(`cases: there is no folder ${folder ?? "given"} with broken/ in it; nothing was run`);
  process.exit(2);
}
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "fiducial-cases-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
let outs = 0;
const fresh = () => join(scratch, `out-${outs++}`);
const broken = (name) => join(folder, "broken", name);
function file(name, content) {
  writeFileSync(join(scratch, name), content);
  return join(scratch, name);
}

/** The command line on a case, in 20 seconds and 512 MB of heap. */
function fiducial(...args) {
  const run = spawnSync(process.execPath, ["--max-old-space-size=512", main, ...args], {
    encoding: "utf8",
    timeout: 20_000,
  });
  return { status: run.status, hung: run.signal !== null, said: `${run.stdout}${run.stderr}`, out: run.stdout };
}
const right = undefined;
const expect = (fact, what) => (fact ? right : what);
/** Exit code 2 and one line that says this. */
function refused(run, says) {
  if (run.hung) return "it did not end in 20 s";
  if (run.status !== 2) return `exit code ${run.status}: ${run.said.slice(0, 120)}`;
  return expect(says.test(run.said) && !/internal error/.test(run.said), `it says: ${run.said.slice(0, 160)}`);
}
const done = (run) => expect(run.status === 0, `exit code ${run.status}: ${run.said.slice(0, 160)}`);
const slice = (bytes, name = "file", k = 0) => Array.from(readVolume(bytes, name).slice(k));
const same = (got, want) =>
  expect(
    want.every((v, i) => Math.abs(got[i] - v) <= 1e-6 * Math.max(1, Math.abs(v))),
    `got ${got.slice(0, want.length)}, not ${want}`,
  );
const reads = (name, want) => () => same(slice(readFileSync(broken(name)), name), want);
function refusesFile(name, says) {
  return () =>
    refused(fiducial("reconstruct", "--images", broken(name), "--method", "zero-filled", "--out", fresh()), says);
}
const inspects = (name, says) => () => refused(fiducial("inspect", broken(name)), says);
const ESCAPE = "\u001b";

/** A report of a hostile result holds its text and runs no script. */
const harmless = (name) => () => {
  const out = fresh();
  const run = fiducial("report", broken(name), "--out", out);
  if (run.status !== 0) return done(run);
  const html = readFileSync(join(out, "report.html"), "utf8");
  return expect(
    !/<script|<img[^>]*\sonerror|<svg[^>]*\sonload/i.test(html) && /Content-Security-Policy/.test(html),
    "the report holds script",
  );
};

/** broken/CASES.md, line by line. */
const files = {
  "stale-pieces/pieces"() {
    const out = fresh();
    cpSync(broken("stale-pieces"), out, { recursive: true });
    const quick = [
      "--count",
      "1",
      "--iterations",
      "1",
      "--tests",
      "ascent",
      "--methods",
      "zero-filled",
      "--threads",
      "1",
    ];
    return refused(fiducial("audit", ...quick, "--seed", "9", "--shard", "1/2", "--out", out), /no audit\.json/);
  },
  "empty-object-piece": () =>
    refused(
      fiducial("merge", broken("empty-object-piece/a"), broken("empty-object-piece/b"), "--out", fresh()),
      /pieces|piece/,
    ),
  "nifti-gz-one-bit-flipped.nii.gz": refusesFile("nifti-gz-one-bit-flipped.nii.gz", /checksum|damaged/),
  "nifti-gz-good.nii.gz": reads("nifti-gz-good.nii.gz", [161, 154, 139, 131]),
  "xss/result.json": harmless("xss/result.json"),
  "xss/result-sigma.json": harmless("xss/result-sigma.json"),
  "traversal/result.json"() {
    const [out, figures] = [fresh(), join(fresh(), "a", "b")];
    const run = fiducial("report", broken("traversal/result.json"), "--out", out, "--figures", figures);
    const escaped = readdirSync(scratch, { recursive: true }).filter((name) => /escaped/.test(name));
    const inside = escaped.every((name) => join(scratch, name).startsWith(figures));
    return run.status === 0 || run.status === 2 ? expect(inside, `it wrote ${escaped}`) : done(run);
  },
  "terminal-escape-method-name.result.json"() {
    const path = broken("terminal-escape-method-name.result.json");
    const run = fiducial("compare", path, path);
    return done(run) ?? expect(!run.said.includes(ESCAPE), "an escape reached the terminal");
  },
  "terminal-escape-provenance.safetensors"() {
    const run = fiducial("inspect", broken("terminal-escape-provenance.safetensors"));
    return done(run) ?? expect(!run.said.includes(ESCAPE), "an escape reached the terminal");
  },
  "dicom-implicit-pixel-length-1-too-long.dcm": reads("dicom-implicit-pixel-length-1-too-long.dcm", [0, 10, 20, 30]),
  "dicom-12-stored-overlay-in-bit-15.dcm": reads("dicom-12-stored-overlay-in-bit-15.dcm", [0, 10, 20, 30]),
  "dicom-12-stored-signed-not-extended.dcm": reads("dicom-12-stored-signed-not-extended.dcm", [-32, -31]),
  "ok.dcm": reads("ok.dcm", [0, 10, 20, 30]),
  "nifti-4x4-gzip-inflates-to-2GB.nii.gz": refusesFile("nifti-4x4-gzip-inflates-to-2GB.nii.gz", /unpacks to more/),
  "png-1x1-idat-inflates-to-1GB.png": refusesFile("png-1x1-idat-inflates-to-1GB.png", /unpacks to more/),
  "nifti-4x4-gzip-trailer-claims-4GB.nii.gz": refusesFile(
    "nifti-4x4-gzip-trailer-claims-4GB.nii.gz",
    /checksum or length/,
  ),
  "architecture-40M-channels.safetensors": inspects(
    "architecture-40M-channels.safetensors",
    /weights of another architecture/,
  ),
  "architecture-null-layer.safetensors": inspects("architecture-null-layer.safetensors", /architecture/),
  "tensor-null.safetensors": inspects("tensor-null.safetensors", /tensor/),
  "deep-nesting.result.json": () =>
    refused(fiducial("report", broken("deep-nesting.result.json"), "--out", fresh()), /nested deeper/),
  "png-claims-30000x30000-grey8.png": refusesFile("png-claims-30000x30000-grey8.png", /cannot hold/),
  "png-claims-46340x46340-rgba16.png": refusesFile("png-claims-46340x46340-rgba16.png", /cannot hold/),
};

// ---- reports.md: the rows that a small input of our own repeats ----

/** What the embedded network takes. */
const N = 128;
const phantom = brainPhantoms({ shape: [N, N], count: 1, seed: 1 }).image(0);
const magnitude = () => Float32Array.from({ length: N * N }, (_, i) => Math.hypot(phantom[i], phantom[N * N + i]));
const scanOf = (values) => file("scan.npy", npy("<f4", [N, N], new Uint8Array(values.buffer)));
const scan = () => scanOf(magnitude());
const zeroFilled = (...args) =>
  fiducial("reconstruct", "--method", "zero-filled", "--images", scan(), "--out", fresh(), ...args);
const measured = (run) => Number(/([\d.]+) % of k-space is measured/.exec(run.said)?.[1]);
/** Columns that are measured: every third and the middle. */
const columns = Array.from({ length: N }, (_, i) => i % 3 === 2 || Math.abs(i - N / 2) < 6);
const share = (100 * columns.filter(Boolean).length) / N;
const maskBytes = (of) => Uint8Array.from({ length: N * N }, (_, i) => (of(i % N) ? 1 : 0));
const measures = (run) =>
  done(run) ?? expect(Math.abs(measured(run) - share) < 0.06, `${measured(run)} % are measured, not ${share}`);
const maskOf = (name, bytes) => zeroFilled("--mask", file(name, bytes));
const ramp = Uint8Array.from({ length: 24 }, (_, i) => i);
const image = (elements, values, more = {}) =>
  dicom(
    [
      [0x28, 0x02, "US", 1],
      [0x28, 0x04, "CS", more.photometric ?? "MONOCHROME2"],
      ...(more.frames === undefined ? [] : [[0x28, 0x08, "IS", more.frames]]),
      [0x28, 0x10, "US", 1],
      [0x28, 0x11, "US", values.length],
      [0x28, 0x100, "US", 16],
      [0x28, 0x101, "US", more.stored ?? 16],
      [0x28, 0x102, "US", more.high ?? (more.stored ?? 16) - 1],
      [0x28, 0x103, "US", more.signed ? 1 : 0],
      ...elements,
      [0x7fe0, 0x10, "OW", new Uint8Array(Int16Array.from(values).buffer)],
    ],
    { syntax: more.syntax, preamble: more.preamble },
  );
async function slopeOfSoftplus() {
  const b = new GraphBuilder(ops);
  const x = b.parameter("x", [1, 1], Float32Array.of(0));
  const net = nn.sequential({ input: [1], layers: [nn.softplus()], seed: 0 });
  const { y } = applyNetwork(b, net, x);
  b.output("g", gradients(b, arithmetic(b).sum(y), [x])[0]);
  const { g } = await (await (await openBackend("wasm", { threads: 1 })).compile(b)).execute();
  return same(g, [0.5]);
}
const rows = {
  "1 equispaced, the centre alone is 1/R"() {
    const run = zeroFilled("--sampling", "equispaced-fraction", "--acceleration", "4", "--center-fraction", "0.25");
    return run.hung ? "it did not end in 20 s" : expect(run.status === 0 || run.status === 2, run.said);
  },
  "3 mask with its lowest frequency at the corner"() {
    const corner = (i) => columns[(i + N / 2) % N] && (i < 6 || i > N - 6 || i % 3 === 0);
    const run = maskOf("corner.npy", npy("|u1", [N, N], maskBytes(corner)));
    return refused(run, /lowest-frequency corner/);
  },
  "5 mask with transparent holes"() {
    const line = columns.flatMap((on) => [255, 255, 255, on ? 255 : 0]);
    return measures(
      maskOf(
        "alpha.png",
        png(
          { width: N, height: N, depth: 8, colour: 6 },
          Array.from({ length: N }, () => line),
        ),
      ),
    );
  },
  "8 mask of one row": () => measures(maskOf("row.npy", npy("|u1", [N], maskBytes((i) => columns[i]).slice(0, N)))),
  "14 overlay above the stored bits": () => same(slice(image([], [0x8001, 0x4002, 3], { stored: 12 })), [1, 2, 3]),
  "16 high bit 15 with 12 stored": () => same(slice(image([], [16, 32, 48], { stored: 12, high: 15 })), [1, 2, 3]),
  "18 big endian": () => same(slice(image([], [256, 512], { syntax: "big" })), [1, 2]),
  "19 MONOCHROME1, signed": () =>
    same(slice(image([], [-32000, 5, 32000], { signed: true, photometric: "MONOCHROME1" })), [64000, 31995, 0]),
  "20 enhanced: slope and intercept in shared functional groups"() {
    const slopes = [
      [
        0x28,
        0x9145,
        "SQ",
        [
          [
            [0x28, 0x1052, "DS", "10"],
            [0x28, 0x1053, "DS", "3"],
          ],
        ],
      ],
    ];
    return same(slice(image([[0x5200, 0x9229, "SQ", [slopes]]], [1, 2])), [13, 16]);
  },
  "21 Modality LUT"() {
    const lut = [
      [0x28, 0x3002, "US", [3, 20, 16]],
      [0x28, 0x3006, "OW", new Uint8Array(Uint16Array.of(7, 1600, 9).buffer)],
    ];
    return same(slice(image([[0x28, 0x3000, "SQ", [lut]]], [20, 21, 22])), [7, 1600, 9]);
  },
  "24 slope and intercept present and empty": () =>
    same(
      slice(
        image(
          [
            [0x28, 0x1052, "DS", ""],
            [0x28, 0x1053, "DS", ""],
          ],
          [5, 6],
        ),
      ),
      [5, 6],
    ),
  "25 no frames": () => same(slice(image([], [5, 6], { frames: "0" })), [5, 6]),
  "26 without the preamble": () => same(slice(image([], [5, 6], { preamble: false })), [5, 6]),
  "27 NIfTI slope 0": () =>
    same(
      slice(nifti([4, 3, 2], 2, ramp, { slope: 0, intercept: 7 })).toSorted((a, b) => a - b),
      [0, 1, 2],
    ),
  "32 NIfTI of int64": () =>
    same(slice(nifti([2, 1], 1024, new Uint8Array(BigInt64Array.of(3n, 4n).buffer))).toSorted(), [3, 4]),
  "33 gzip of several members"() {
    const whole = nifti([4, 3, 2], 2, ramp);
    const parts = joined([gzip(whole.subarray(0, 200)), gzip(whole.subarray(200))]);
    return same(slice(parts), slice(whole));
  },
  "38 NaN background"() {
    const values = Float32Array.from(magnitude(), (v, i) => (i < N ? Number.NaN : v));
    const path = scanOf(values);
    const args = ["reconstruct", "--method", "zero-filled", "--images", path, "--out", fresh()];
    return refused(fiducial(...args), /--fill/) ?? done(fiducial(...args, "--fill", "0"));
  },
  "40 NPY of float16": () =>
    same(slice(npy("<f2", [1, 2], new Uint8Array(Uint16Array.of(0x3c00, 0x4000).buffer))), [1, 2]),
  "54 softplus' slope at 0": slopeOfSoftplus,
};

let wrong = 0;
for (const [part, cases] of Object.entries({ "broken/": files, "reports.md row ": rows })) {
  for (const [name, judge] of Object.entries(cases)) {
    let fault;
    try {
      fault = part === "broken/" && !existsSync(broken(name)) ? "the file is missing" : await judge();
    } catch (error) {
      fault = `${error?.constructor?.name}: ${error?.message}`;
    }
    if (fault !== undefined) wrong++;
    console.log(
      `${fault === undefined ? "right" : "WRONG"}  ${part}${name}${fault === undefined ? "" : `: ${fault.trim()}`}`,
    );
  }
}
console.log(`${wrong} wrong of ${Object.keys(files).length + Object.keys(rows).length}`);
process.exit(wrong > 0 ? 1 : 0);
