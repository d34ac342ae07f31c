// broken/CASES.md, line by line: what is right for each file.
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nn, saveNetwork } from "fiducial/learning";
import {
  broken,
  done,
  expect,
  fiducial,
  file,
  first,
  fresh,
  refused,
  same,
  scratch,
  slice,
} from "./cases-tools.mjs";

/** A quick audit of two images with a small network, in two shards. */
function small() {
  const size = [16, 16];
  const network = nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 2,
    depth: 1,
    seed: 1,
    size,
    residual: true,
  });
  const model = file("small.safetensors", saveNetwork(network));
  const quick = "--count 2 --iterations 1 --tests ascent --methods zero-filled --threads 1";
  return ["--model", model, ...quick.split(" ")];
}

const ESCAPE = "\u001b";
const reads = (name, want) => () => same(slice(readFileSync(broken(name)), name), want);
function refusesFile(name, says) {
  return () =>
    refused(
      fiducial(
        "reconstruct",
        "--images",
        broken(name),
        "--method",
        "zero-filled",
        "--out",
        fresh(),
      ),
      says,
    );
}
const inspects = (name, says) => () => refused(fiducial("inspect", broken(name)), says);

/** A report of a hostile result holds its text and runs no script. */
const harmless = (name) => () => {
  const out = fresh();
  const run = fiducial("report", broken(name), "--out", out);
  if (run.status !== 0) return done(run);
  const html = readFileSync(join(out, "report.html"), "utf8");
  return expect(
    !/<script|<img[^>]*\sonerror|<svg[^>]*\sonload/i.test(html) &&
      /Content-Security-Policy/.test(html),
    "the report holds script",
  );
};

function stalePieces() {
  const out = fresh();
  cpSync(broken("stale-pieces"), out, { recursive: true });
  const quick =
    "--count 1 --iterations 1 --tests ascent --methods zero-filled --threads 1 --seed 9 --shard 1/2";
  return refused(fiducial("audit", ...quick.split(" "), "--out", out), /no audit\.json/);
}
/**
 * The pieces of version 0.1.0 had no seal, so the folder is refused by its header; the same is done
 * to an audit of today, whose other pieces are right: the empty one is named, with what to do.
 */
function emptyPiece() {
  const [merged, again, ...parts] = [fresh(), fresh(), fresh(), fresh()];
  const old = fiducial(
    "merge",
    broken("empty-object-piece/a"),
    broken("empty-object-piece/b"),
    "--out",
    merged,
  );
  const whole = parts.map((part, k) =>
    fiducial("audit", ...small(), "--shard", `${k + 1}/2`, "--seed", "2", "--out", part),
  );
  const right = fiducial("merge", ...parts, "--out", again);
  const empty = join(parts[0], "pieces", "clean-0-0.json");
  if (!existsSync(empty)) return `there is no ${empty} to make empty`;
  writeFileSync(empty, "{}");
  const wrong = fiducial("merge", ...parts, "--out", merged);
  return first([
    refused(
      old,
      /a\/pieces\/audit\.json: it is no piece of an audit that this version knows; remove .*a\/pieces/,
    ),
    ...[...whole, right].map(done),
    refused(
      wrong,
      /clean-0-0\.json: it is no piece of an audit.*; remove it and run its audit again/,
    ),
    expect(!existsSync(join(merged, "result.json")), "a result was written"),
  ]);
}
function traversal() {
  const [out, figures] = [fresh(), join(fresh(), "a", "b")];
  const run = fiducial(
    "report",
    broken("traversal/result.json"),
    "--out",
    out,
    "--figures",
    figures,
  );
  const escaped = readdirSync(scratch, { recursive: true }).filter((name) => /escaped/.test(name));
  const inside = escaped.every((name) => join(scratch, name).startsWith(figures));
  return run.status === 0 || run.status === 2 ? expect(inside, `it wrote ${escaped}`) : done(run);
}
const showsNoEscape = (run) =>
  done(run) ?? expect(!run.said.includes(ESCAPE), "an escape reached the terminal");

export const files = {
  "stale-pieces/pieces": stalePieces,
  "empty-object-piece": emptyPiece,
  "nifti-gz-one-bit-flipped.nii.gz": refusesFile(
    "nifti-gz-one-bit-flipped.nii.gz",
    /checksum|damaged/,
  ),
  "nifti-gz-good.nii.gz": reads("nifti-gz-good.nii.gz", [161, 154, 139, 131]),
  "xss/result.json": harmless("xss/result.json"),
  "xss/result-sigma.json": harmless("xss/result-sigma.json"),
  "traversal/result.json": traversal,
  "terminal-escape-method-name.result.json"() {
    const path = broken("terminal-escape-method-name.result.json");
    return showsNoEscape(fiducial("compare", path, path));
  },
  "terminal-escape-provenance.safetensors": () =>
    showsNoEscape(fiducial("inspect", broken("terminal-escape-provenance.safetensors"))),
  "dicom-implicit-pixel-length-1-too-long.dcm": reads(
    "dicom-implicit-pixel-length-1-too-long.dcm",
    [0, 10, 20, 30],
  ),
  "dicom-12-stored-overlay-in-bit-15.dcm": reads(
    "dicom-12-stored-overlay-in-bit-15.dcm",
    [0, 10, 20, 30],
  ),
  "dicom-12-stored-signed-not-extended.dcm": reads(
    "dicom-12-stored-signed-not-extended.dcm",
    [-32, -31],
  ),
  "ok.dcm": reads("ok.dcm", [0, 10, 20, 30]),
  "nifti-4x4-gzip-inflates-to-2GB.nii.gz": refusesFile(
    "nifti-4x4-gzip-inflates-to-2GB.nii.gz",
    /unpacks to more/,
  ),
  "png-1x1-idat-inflates-to-1GB.png": refusesFile(
    "png-1x1-idat-inflates-to-1GB.png",
    /unpacks to more/,
  ),
  "nifti-4x4-gzip-trailer-claims-4GB.nii.gz": refusesFile(
    "nifti-4x4-gzip-trailer-claims-4GB.nii.gz",
    /checksum or length/,
  ),
  "architecture-40M-channels.safetensors": inspects(
    "architecture-40M-channels.safetensors",
    /weights of another architecture/,
  ),
  "architecture-null-layer.safetensors": inspects(
    "architecture-null-layer.safetensors",
    /architecture/,
  ),
  "tensor-null.safetensors": inspects("tensor-null.safetensors", /tensor/),
  "deep-nesting.result.json": () =>
    refused(
      fiducial("report", broken("deep-nesting.result.json"), "--out", fresh()),
      /nested deeper/,
    ),
  "png-claims-30000x30000-grey8.png": refusesFile(
    "png-claims-30000x30000-grey8.png",
    /cannot hold/,
  ),
  "png-claims-46340x46340-rgba16.png": refusesFile(
    "png-claims-46340x46340-rgba16.png",
    /cannot hold/,
  ),
};
