// The command line on good and bad input: what it prints, its exit codes, and that it never leaves
// half a file.
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { nn, saveNetwork } from "fiducial/learning";
import { birdcageCoils, sheppLogan } from "fiducial/imaging";
import { writeNpy, writePng } from "fiducial/data";
import { readResult, type AuditResult } from "fiducial/audit";
import { at, fiducial, file, model, network, quick, refused, type Run } from "./program.ts";

const size = [16, 16] as const;
const phantom = sheppLogan({ size: 20 });
const scan = file("patient-doe.png", writePng(phantom, [20, 20], 1));
const auditOf = (...args: string[]): Run =>
  fiducial(["audit", ...quick, "--out", at("never"), ...args]);

describe("fiducial audit", () => {
  it("writes a report of a scan: table on stdout, progress on stderr, no file name anywhere in it", () => {
    const out = at("report");
    const run = fiducial(["audit", ...quick, "--images", scan, "--count", "1", "--out", out]);
    expect(run.status).toBe(0);
    expect(run.out).toMatch(/method +PSNR, dB +SSIM/);
    expect(run.out).toContain(join(out, "report.html"));
    expect(readdirSync(out).sort()).toEqual([
      "measurements.csv",
      "report.html",
      "report.md",
      "result.json",
      "run.json",
    ]);
    for (const name of readdirSync(out))
      expect(readFileSync(join(out, name), "utf8").includes("patient-doe")).toBe(false);
    const result = JSON.parse(readFileSync(join(out, "result.json"), "utf8")) as AuditResult;
    expect(result.problem.images[0]).toMatchObject({
      label: "file 1",
      preparation: expect.stringMatching(
        /PNG, magnitude image.*resampled from 20×20 to 16×16 by cropping its k-space/,
      ),
    });
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain(
      "npx fiducial audit --model MODEL --images FILE_1",
    );
  });
  it("repeats byte for byte, and prints nothing but JSON with --json", () => {
    const results = ["a", "b"].map((name) => {
      const run = fiducial([
        "audit",
        ...quick,
        "--count",
        "1",
        "--json",
        "--seed",
        "3",
        "--out",
        at(name),
      ]);
      expect(run.status).toBe(0);
      const printed = JSON.parse(run.out) as { verdicts: unknown[]; sha256: string };
      // accuracy, ascent, worst case; of two methods
      expect(printed.verdicts).toHaveLength(6);
      return readFileSync(join(at(name), "result.json"), "utf8");
    });
    expect(results[1]).toBe(results[0]);
  });
  it("does every test when asked for, the same bytes on one thread and two, and renders and compares results without computing", () => {
    const [one, two] = [at("all-1"), at("all-2")].map((out, i) => {
      const run = fiducial([
        "audit",
        ...quick,
        "--tests",
        "all",
        "--samples",
        "20",
        "--count",
        "1",
        "--placements",
        "2",
        "--threads",
        String(i + 1),
        "--out",
        out,
      ]);
      expect(run.status).toBe(0);
      expect(run.out).toMatch(
        /practical-faults[\s\S]*loses at most .* dB to|practical-faults[\s\S]*loses .* dB to/,
      );
      expect(run.out).toMatch(/bad-reconstruction-likelihood[\s\S]*with probability/);
      return out;
    });
    expect(readFileSync(join(two, "result.json"), "utf8")).toBe(
      readFileSync(join(one, "result.json"), "utf8"),
    );
    const again = at("again");
    expect(fiducial(["report", join(one, "result.json"), "--out", again]).status).toBe(0);
    for (const name of ["report.html", "report.md", "measurements.csv"])
      expect(readFileSync(join(again, name), "utf8")).toBe(readFileSync(join(one, name), "utf8"));
    // an older result has no symmetries and does not say how it is shown: it is shown as the tests
    // show theirs
    const { sha256: _, ...now } = JSON.parse(
      readFileSync(join(one, "result.json"), "utf8"),
    ) as AuditResult;
    const measured = { ...now, tests: now.tests.filter((t) => t.id !== "symmetries") };
    const old = {
      ...measured,
      schemaVersion: "1.2",
      tests: measured.tests.map(({ details, ...test }) => {
        // accuracy is shown where the unperturbed images are
        expect(details.length > 0, test.id).toBe(test.id !== "accuracy");
        return test;
      }),
    };
    const signed = (result: object): string => {
      const hash = createHash("sha256").update(JSON.stringify(result)).digest("hex");
      return JSON.stringify({ ...result, sha256: hash });
    };
    const read = readResult(signed(old), "old.json");
    expect(read).toMatchObject({ schemaVersion: "1.2", sha256: JSON.parse(signed(old)).sha256 });
    // it is shown in the same kinds of details; where a change was largest, it did not record
    const kinds = (result: Pick<AuditResult, "tests">): unknown =>
      result.tests.map((test) => [test.id, test.verdicts, test.details.map((d) => d.kind)]);
    expect(kinds(JSON.parse(JSON.stringify(read)) as AuditResult)).toEqual(kinds(measured));
    const validate = new Ajv2020({ strict: false }).compile(
      JSON.parse(readFileSync(new URL("../schema/result.schema.json", import.meta.url), "utf8")),
    );
    validate(JSON.parse(readFileSync(join(one, "result.json"), "utf8")));
    expect(validate.errors).toBe(null);
    const rows = readFileSync(join(again, "measurements.csv"), "utf8").trimEnd().split("\r\n");
    expect(rows[0]).toMatch(/^test,method,image,series,label,relative_norm/);
    const all = JSON.parse(readFileSync(join(one, "result.json"), "utf8")) as AuditResult;
    expect(rows).toHaveLength(1 + all.tests.reduce((n, t) => n + t.measurements.length, 0));
    expect(rows.filter((r) => r.startsWith("practical-faults,zero-filled"))).toHaveLength(27);
    const same = fiducial(["compare", join(one, "result.json"), join(two, "result.json")]);
    expect(same.out).toMatch(/of the same problem/);
    const other = at("other-seed");
    fiducial(["audit", ...quick, "--count", "1", "--seed", "9", "--out", other]);
    const different = fiducial(["compare", join(one, "result.json"), join(other, "result.json")]);
    expect(different.out).toMatch(/\| seed \| 1 \| 9 \|/);
    expect(different.out).toMatch(
      /\| practical-faults \| U-Net \| (pass|inconclusive|fail) at worst .* \| – \|/,
    );
    const result = readFileSync(join(one, "result.json"), "utf8");
    for (const [content, says] of [
      ["{", /no JSON, or only a part/],
      ["{}", /no result of an audit/],
      [
        result.replace(/"schemaVersion":"1\.\d"/, '"schemaVersion":"9.0"'),
        /version 9\.0.*update the program/,
      ],
      [result.replace(/"schemaVersion":"1\.\d"/, '"schemaVersion":"0.9"'), /no longer reads/],
      [result.replace('"seed":1', '"seed":2'), /does not fit its SHA-256/],
      [
        signed({ ...measured, tests: [{ ...measured.tests[0], details: [{ kind: "film" }] }] }),
        /shows a "film"/,
      ],
      [`{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`, /nested deeper than any|no JSON/],
    ] as const) {
      refused(
        fiducial(["report", file("bad.json", content), "--out", at("never")]),
        /bad\.json/,
        says,
      );
    }
    refused(fiducial(["compare", join(one, "result.json")]), /takes two/);
    refused(fiducial(["report"]), /takes one result\.json/);
  });
});

describe("bad input is one line and exit code 2, and writes nothing", () => {
  const flipped = saveNetwork(network).slice();
  flipped[flipped.length - 9] ^= 4;
  const header = new Uint8Array(352);
  const nifti = new DataView(header.buffer);
  nifti.setInt32(0, 348, true);
  [3, 10000, 10000, 10000].forEach((v, i) => nifti.setInt16(40 + 2 * i, v, true));
  nifti.setInt16(70, 2, true);
  nifti.setInt16(72, 8, true);
  nifti.setFloat32(108, 352, true);
  header.set(new TextEncoder().encode("n+1\0"), 344);
  const array = (...values: number[]): Uint8Array =>
    writeNpy([Float32Array.from({ length: 512 }, (_, i) => values[i] ?? i)], [16, 16]);
  const png = writePng(phantom, [20, 20], 1);
  const cases: [string, () => Run, ...(string | RegExp)[]][] = [
    [
      "a missing file",
      () => auditOf("--images", at("none.nii")),
      /none\.nii: cannot read it: there is no such file/,
    ],
    ["a folder", () => auditOf("--images", at(".")), /it is a folder/],
    [
      "an empty file",
      () => auditOf("--images", file("empty.dcm", "")),
      /empty\.dcm: the file is empty/,
    ],
    [
      "a truncated file",
      () => auditOf("--images", file("short.png", png.subarray(0, 90))),
      /short\.png.*cut short/,
    ],
    [
      "a mislabelled file",
      () => auditOf("--images", file("text.png", "this is no picture")),
      /none of PNG, .* by its first bytes/,
    ],
    [
      "a header that claims 10¹² voxels",
      () => auditOf("--images", file("huge.nii", header)),
      /claims 1000000000000 voxels/,
    ],
    [
      "NaN",
      () => auditOf("--images", file("nan.npy", array(1, Number.NaN))),
      /nan\.npy: slice 0 has the value NaN at row 0, column/,
    ],
    [
      "infinity",
      () => auditOf("--images", file("inf.npy", array(Number.POSITIVE_INFINITY))),
      /value Infinity/,
    ],
    [
      "a constant image",
      () =>
        auditOf(
          "--images",
          file("flat.png", writePng(new Float32Array(400).fill(0.5), [20, 20], 1)),
        ),
      /flat\.png: the image is constant/,
    ],
    [
      "a slice that is not there",
      () => auditOf("--images", scan, "--slices", "7"),
      /there is no slice 7; it has slices 0 to 0/,
    ],
    [
      "slices that are no numbers",
      () => auditOf("--images", scan, "--slices", "1-"),
      /--slices 1-: give whole numbers/,
    ],
    [
      "a mask of another size",
      () => auditOf("--images", scan, "--mask", scan),
      /mask: it is 20×20, the images are 16×16/,
    ],
    [
      "a mask that samples nothing",
      () => auditOf("--mask", file("zero.png", writePng(new Float32Array(256), [16, 16], 1))),
      /samples nothing/,
    ],
    [
      "a checkpoint with a flipped byte",
      () => auditOf("--model", file("flipped.safetensors", flipped)),
      /flipped\.safetensors: its checksum does not match/,
    ],
    [
      "a checkpoint cut short",
      () => auditOf("--model", file("cut.safetensors", saveNetwork(network).subarray(0, -100))),
      /cut short/,
    ],
    [
      "a checkpoint of another kind of network",
      () => auditOf("--model", file("lenet.safetensors", saveNetwork(nn.lenet5({ seed: 1 })))),
      /lenet\.safetensors: it maps \[1×28×28\] to \[10\]; a reconstruction network/,
    ],
    [
      "a checkpoint whose weights belong to another architecture",
      () =>
        auditOf(
          "--model",
          file(
            "other.safetensors",
            saveNetwork({
              ...network,
              parameters: nn.unet({
                inChannels: 2,
                outChannels: 2,
                baseChannels: 4,
                depth: 1,
                seed: 1,
                size,
              }).parameters,
            }),
          ),
        ),
      /another architecture/,
    ],
    [
      "an unknown option",
      () => auditOf("--accel", "4"),
      /there is no option --accel; did you mean --acceleration\?/,
    ],
    ["an option without its value", () => auditOf("--seed"), /--seed/],
    ["a number that is none", () => auditOf("--noise", "much"), /--noise much: give a number/],
    ["norms that do not grow", () => auditOf("--norms", "0.02,0.01"), /must be positive, increase/],
    ["an acceleration that the centre exceeds", () => auditOf("--acceleration", "32"), /.+/],
    ["a stray word", () => auditOf("scan.nii"), /"scan\.nii" belongs to no option/],
    ["an unknown command", () => fiducial(["adit"]), /there is no command "adit"/],
    [
      "an unknown backend",
      () => auditOf("--backend", "cuda"),
      /--backend cuda: it is one of auto, wasm, webgpu, reference/,
    ],
    [
      "an unknown method",
      () => auditOf("--methods", "wavelet,tv"),
      /--methods tv: give some of total-variation, wavelet, firenet, conjugate-gradient, filtered-back-projection, zero-filled/,
    ],
    [
      "real values as k-space",
      () => fiducial(["reconstruct", "--model", model, "--kspace", scan, "--out", at("never")]),
      /its values are real; k-space is complex/,
    ],
    [
      "an output folder that is a file",
      () => auditOf("--out", join(scan, "out")),
      /a part of the path is a file/,
    ],
  ];
  for (const [name, run, ...says] of cases)
    it(name, () => {
      refused(run(), ...says);
      expect(existsSync(at("never")) ? readdirSync(at("never")) : []).toEqual([]);
    });

  it("an unwritable output folder, before any work is done", () => {
    const closed = at("closed");
    mkdirSync(closed);
    chmodSync(closed, 0o500);
    // root may write anywhere but into the kernel's own folders
    const target = process.getuid?.() === 0 ? "/proc/fiducial" : closed;
    refused(
      fiducial(["audit", ...quick, "--out", target]),
      /cannot write it: (permission denied|there is no such file)/,
    );
    chmodSync(closed, 0o700);
  });
  it("presets, balls, regions and thresholds: what is out of range is refused, what is in it is recorded", () => {
    refused(auditOf("--max-loss", "0"), /--max-loss 0: give a number/);
    refused(auditOf("--least-recovery", "2"), /--least-recovery 2: give a number between/);
    refused(auditOf("--preset", "dagan"), /--preset dagan: it is one of automap, /);
    refused(auditOf("--region", "1,2,3"), /--region 1,2,3: give top,left,height,width/);
    const out = at("settings");
    const searched = [
      "--preset",
      "mri-vn",
      "--norm",
      "linf",
      "--region",
      "2,2,4,4",
      "--max-loss",
      "1.5",
    ];
    expect(fiducial(["audit", ...quick, ...searched, "--count", "1", "--out", out]).status).toBe(0);
    const { tests } = JSON.parse(readFileSync(join(out, "result.json"), "utf8")) as AuditResult;
    expect(tests.map((t) => t.id)).toEqual([
      "accuracy",
      "instability-ascent",
      "worst-case-perturbation",
    ]);
    expect(tests[1]).toMatchObject({
      settings: { stops: [25], lambda: 1, stepSize: 0.005 },
      thresholds: { harmDb: 1.5 },
    });
    expect(tests[2]).toMatchObject({
      settings: { norm: "linf", region: [2, 2, 4, 4] },
      thresholds: { harmDb: 1.5 },
    });
    const figures = at("figures");
    expect(fiducial(["report", join(out, "result.json"), "--figures", figures]).out).toMatch(
      /Figures: \d+ in/,
    );
    expect(readdirSync(figures)).toContain("mask.png");
  });
  it("shows where an error came from only with --debug", () => {
    expect(auditOf("--noise", "much", "--debug").err).toMatch(/\n\s+at /);
  });
});

describe("the other commands", () => {
  it("train reconstructor refuses what the network would train without", () => {
    const train = (...args: string[]): ReturnType<typeof fiducial> =>
      fiducial(["train", "reconstructor", ...args]);
    refused(
      train("--depth", "2"),
      /--depth: the network cascade has no use for it; it has --channels, --cascades/,
    );
    refused(
      train("--network", "unet", "--cascades", "2"),
      /--cascades: the network unet has no use for it/,
    );
    refused(
      train("--network", "mri-vn", "--channels", "4"),
      /--channels: the network mri-vn has no use for it/,
    );
    refused(train("--iterations", "3"), /--iterations: the network cascade has no use for it/);
    refused(
      train("--data-consistency"),
      /--data-consistency: the network cascade has no use for it/,
    );
  });
  it("inspect says what a network was trained on in lines that a person reads", () => {
    const { out } = fiducial(["inspect"]);
    expect(out).toMatch(/trained for kinds of images: 10/);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThan(300);
  });
  it("train reconstructor, inspect, reconstruct: a network's whole way", () => {
    const out = at("trained.safetensors");
    const small = ["--size", "16", "--count", "8", "--epochs", "2", "--center-fraction", "0.2"];
    const sizes = ["--channels", "2", "--depth", "1"];
    const network = ["--network", "unet", "--phantoms", "brain"];
    const run = fiducial([
      "train",
      "reconstructor",
      ...network,
      ...small,
      ...sizes,
      "--out",
      out,
      "--json",
    ]);
    expect(run.status).toBe(0);
    expect(JSON.parse(run.out)).toMatchObject({
      out,
      provenance: {
        epochs: 2,
        images: "brainPhantoms",
        samples: 8,
        dataSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
    const inspected = fiducial(["inspect", out, "--json"]);
    expect(JSON.parse(inspected.out)).toMatchObject({
      parameters: 2 * 19 + 2 * 19 + 4 * 19 + 4 * 37 + 4 * 2 * 4 + 2 * 37 + 2 * 19 + 2 * 2 + 2,
      provenance: { trainingSeed: 1 },
    });
    expect(fiducial(["inspect", out]).out).toMatch(
      /0\.unet\.bottom\.1 +conv2d, relu +\[4×8×8\] +148/,
    );
    const reconstructed = fiducial([
      "reconstruct",
      "--model",
      out,
      "--images",
      scan,
      "--out",
      at("images"),
    ]);
    expect(reconstructed.out).toMatch(/file 1 .*reconstruction-1\.png +\d+\.\d\d/);
    expect(readdirSync(at("images")).sort()).toEqual([
      "reconstruction-1.png",
      "reconstruction.npy",
    ]);
  });
  it("audits several coils with every test from one command, and reconstructs from given maps", () => {
    const out = at("coils");
    const every = [
      "--tests",
      "all",
      "--placements",
      "1",
      "--samples",
      "20",
      "--methods",
      "zero-filled,conjugate-gradient",
    ];
    const run = fiducial([
      "audit",
      ...quick,
      "--operator",
      "multi-coil",
      ...every,
      "--count",
      "1",
      "--out",
      out,
    ]);
    expect(run.err).not.toMatch(/error/i);
    expect(run.status).toBe(0);
    const result = readResult(readFileSync(join(out, "result.json"), "utf8"), "result.json");
    expect(result.problem.operator).toMatchObject({
      kind: "multiCoilFourier",
      coils: 4,
      coilKind: "birdcage",
    });
    // all nine, and accuracy
    expect(result.tests).toHaveLength(10);
    expect(result.tests.flatMap((t) => t.verdicts).filter((v) => v.outcome === "error")).toEqual(
      [],
    );
    expect(result.tests.find((t) => t.id === "practical-faults")!.settings.faults).toMatch(
      /coil drop-out/,
    );
    const { data } = birdcageCoils({ shape: size, coils: 3 });
    const planes = [0, 1, 2].map((c) => Float32Array.from(data.subarray(512 * c, 512 * (c + 1))));
    const maps = file("maps.npy", writeNpy(planes, [16, 16]));
    const lines = Float32Array.from({ length: 256 }, (_, i) =>
      (i % 16) % 3 === 0 || i % 16 === 8 ? 1 : 0,
    );
    // a mask, maps and a scan from files reach other threads
    const [one, two] = ["1", "2"].map((threads) => {
      const files = [
        "--coils",
        maps,
        "--mask",
        file("lines.png", writePng(lines, [16, 16], 1)),
        "--images",
        scan,
      ];
      const folder = at(`coils on ${threads}`);
      const own = [
        "--tests",
        "ascent",
        "--operator",
        "multi-coil",
        ...files,
        "--threads",
        threads,
        "--out",
        folder,
      ];
      expect(fiducial(["audit", ...quick, ...own]).status).toBe(0);
      return readFileSync(join(folder, "result.json"), "utf8");
    });
    expect(two).toBe(one);
    expect(JSON.parse(one).spec.operator).toMatchObject({
      mask: { kind: "file" },
      coils: { kind: "maps" },
    });
    const simulated = ["reconstruct", "--model", model, "--method", "zero-filled", "--count", "1"];
    const several = ["--operator", "multi-coil", "--coils"];
    const [given, generated] = [maps, "3"].map((coils, i) =>
      fiducial([...simulated, ...several, coils, "--out", at(`coils-${i}`), "--json"]),
    );
    expect(JSON.parse(given.out).images[0].psnr).toBeCloseTo(
      JSON.parse(generated.out).images[0].psnr,
      3,
    );
    refused(
      fiducial([...simulated, "--coils", "3", "--out", at("never")]),
      /--coils: give --operator multi-coil too/,
    );
    refused(
      fiducial([
        ...simulated,
        ...several,
        file("small.npy", writeNpy([new Float32Array(128)], [8, 8])),
        "--out",
        at("never"),
      ]),
      /small\.npy: its maps are complex, 8×8; give complex ones of 16×16/,
    );
  });
  it("reconstructs measured k-space: zero-filling returns the image whose transform it is", () => {
    // k-space of a point at the centre is flat
    const kspace = file(
      "kspace.npy",
      writeNpy([Float32Array.from({ length: 512 }, (_, i) => (i < 256 ? 1 / 16 : 0))], [16, 16]),
    );
    const run = fiducial([
      "reconstruct",
      "--model",
      model,
      "--kspace",
      kspace,
      "--method",
      "zero-filled",
      "--out",
      at("point"),
    ]);
    expect(run.status).toBe(0);
    const bytes = readFileSync(join(at("point"), "reconstruction.npy"));
    const values = Array.from({ length: 512 }, (_, i) =>
      bytes.readFloatLE(bytes.length - 2048 + 4 * i),
    );
    values.forEach((v, i) => expect(v).toBeCloseTo(i === 2 * (8 * 16 + 8) ? 1 : 0, 5));
  });
  it("every command has help, and the overview names them all", () => {
    const overview = fiducial(["--help"]);
    for (const name of ["audit", "reconstruct", "inspect", "train reconstructor"]) {
      expect(overview.out).toContain(name);
      const help = fiducial([...name.split(" "), "--help"]);
      expect(help.status).toBe(0);
      expect(help.out).toMatch(/Usage: fiducial .*\n/);
    }
    expect(fiducial(["--version"]).out.trim()).toBe(
      (
        JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
          version: string;
        }
      ).version,
    );
  });
});
