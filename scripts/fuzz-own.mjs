// The kinds of scripts/fuzz.mjs that are files of ours: results, pieces and their header,
// checkpoints, states of a training, audits as plain data. Their damage is mostly inside: fields
// changed, removed, added and moved, under checksums that are right again.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBackend } from "fiducial/engine";
import {
  assembleAudit,
  auditFromSpec,
  encodePiece,
  openTest,
  parseAuditSpec,
  planAudit,
  readResult,
  renderCsv,
  renderFigures,
  renderHtml,
  renderMarkdown,
} from "fiducial/audit";
import { networkHash, openOperator } from "fiducial/imaging";
import { loadNetwork, loadTraining, nn, saveNetwork, saveTraining } from "fiducial/learning";
import { readPieces, readPiecesHeader } from "../dist/cli/piece-files.js";

const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);
const hashOf = (content) => createHash("sha256").update(content).digest("hex");

// ---- damage to plain data ----

const words = [
  "",
  "\u001b]0;x\u0007",
  "\u0085",
  "../../x",
  "__proto__",
  "constructor",
  "<script>",
  "9".repeat(400),
];
const numbers = [0, -1, 0.5, 1e-300, 1e300, 2 ** 31, 2 ** 53, 65536, 1e9];
const nested = (depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
/** Stands for a nest that JSON.stringify could not write. */
const NEST = "a nest of lists";
export const written = (value) =>
  (JSON.stringify(value) ?? "null").replaceAll(`"${NEST}"`, nested(20000));
const pick = (list, rng) => list[rng.integer(list.length)];
function strange(rng, other) {
  const of = [
    () => pick(words, rng),
    () => pick(numbers, rng),
    () => pick([null, true, false], rng),
    () => pick([[], {}, [null], [[]], { kind: "x" }, { "": 1 }], rng),
    () => structuredClone(other),
    () => (rng.integer(8) ? 1 : NEST),
  ];
  return pick(of, rng)();
}
function nodesOf(value, found = []) {
  if (typeof value !== "object" || value === null) return found;
  found.push(value);
  for (const v of Object.values(value)) nodesOf(v, found);
  return found;
}
/** An array may have been given a field with a name as well. */
const isItem = (node, key) => Array.isArray(node) && /^\d+$/.test(key);
/** splice asks for the array's constructor, which a field may be called. */
function shorten(list, at) {
  list.copyWithin(at, at + 1);
  list.length--;
}
/** The same with one to three fields changed. */
export function changed(value, rng) {
  const root = { value: structuredClone(value) };
  for (let n = rng.integer(3) ? 1 : 1 + rng.integer(3); n > 0; n--) {
    const nodes = nodesOf(root);
    const node = pick(nodes, rng);
    const key = pick(Object.keys(node), rng);
    const way = rng.integer(8);
    if (key === undefined || way === 0) Object.assign(node, { [pick(words, rng) || "new"]: 1 });
    else if (way === 1) isItem(node, key) ? shorten(node, Number(key)) : delete node[key];
    else if (way === 2 && Array.isArray(node)) node.push(structuredClone(node[Number(key)]));
    else if (way === 3 && typeof node[key] === "number")
      node[key] *= pick([-1, 0, 2, 1e6, 1e12], rng);
    else node[key] = strange(rng, pick(nodes, rng));
  }
  return root.value;
}

// ---- the files ----

const size = [16, 16];
const mask = {
  kind: "variable-density",
  shape: size,
  acceleration: 2,
  centerFraction: 0.2,
  power: 2,
  seed: 1,
};
const operator = { kind: "subsampledFourier", mask };
const network = {
  ...nn.unet({
    inChannels: 2,
    outChannels: 2,
    baseChannels: 2,
    depth: 1,
    seed: 1,
    size,
    residual: true,
  }),
  trained: {
    operator: { ...openOperator(operator, new Map()).spec },
    noiseSigma: 0.01,
    classes: ["a", "b"],
  },
};
const spec = {
  version: 1,
  operator,
  noise: { kind: "gaussian", sigma: 0.01 },
  images: { kind: "brainPhantoms", shape: size, count: 1, seed: 20001 },
  methods: [{ kind: "networkReconstructor", sha256: networkHash(network) }, { kind: "zeroFilled" }],
  tests: [
    { kind: "instabilityAscent", maxPsnrLoss: 3, relativeNorms: [0.01], iterations: 2 },
    { kind: "structuralChange", placements: 1, leastRecovery: 0.5 },
    { kind: "samplingRates" },
    { kind: "badReconstructionLikelihood", samples: 20 },
  ],
  certificates: true,
  seed: 1,
  backend: { name: "wasm", precision: "reproducible" },
};
const given = { arrays: new Map(), networks: new Map([[networkHash(network), network]]) };
const plan = await planAudit(auditFromSpec(spec, given, await openBackend("wasm", { threads: 1 })));
const { header } = plan;
const pieces = new Map();
for (const { key } of header.pieces) pieces.set(key, await plan.compute(key));
const result = assembleAudit(header, spec.tests.map(openTest), (key) => pieces.get(key));

function signed(value) {
  if (typeof value !== "object" || value === null) return encode(written(value));
  const { sha256: _, ...rest } = value;
  const text = written(rest);
  return encode(`${text.slice(0, -1)}${text === "{}" ? "" : ","}"sha256":"${hashOf(text)}"}`);
}
function readAndShow(bytes) {
  const read = readResult(decode(bytes), "file");
  const options = { command: "x" };
  renderHtml(read, options);
  renderMarkdown(read, options);
  renderCsv(read);
  renderFigures(read, options);
}

const folder = mkdtempSync(join(tmpdir(), "fiducial-fuzz-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "pieces"));
const HEADER = "audit.json";
const sealed = (key, content, audit = header.fingerprint) =>
  encode(`{"audit":"${audit}","key":"${key}","sha256":"${hashOf(content)}","content":${content}}`);
const place = (key, bytes) =>
  writeFileSync(join(folder, "pieces", key === HEADER ? key : `${key}.json`), bytes);
const ownHeader = sealed(
  HEADER,
  JSON.stringify({ header, command: "x", shard: { index: 0, count: 1 } }),
);
const sealedPieces = new Map(
  [...pieces].map(([key, piece]) => [key, sealed(key, encodePiece(piece))]),
);
place(HEADER, ownHeader);
for (const [key, bytes] of sealedPieces) place(key, bytes);
/** Reads the folder with one file in another state and puts its pieces together. */
function readFolder(key, bytes, whole) {
  place(key, bytes);
  try {
    const there = readPiecesHeader(folder);
    const read = readPieces(folder, there.header);
    const tests = parseAuditSpec(there.header.facts.spec, "file").tests;
    assembleAudit(there.header, tests.map(openTest), (name) => read.get(name));
  } finally {
    place(key, whole);
  }
}
const sealAgain = (bytes, rng) => {
  const { audit, key, content } = JSON.parse(decode(bytes));
  return sealed(key, written(changed(content, rng)), audit);
};

/** A safetensors file from its header and its tensors' bytes. */
function packed(head, data) {
  const text = encode(head);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Uint8Array.from(Buffer.concat([length, text, data]));
}
/** Damage to the header, or to the plain data inside its metadata, under the older checksum. */
function insideCheckpoint(bytes, rng) {
  const end = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const head = JSON.parse(decode(bytes.subarray(8, end)));
  const data = bytes.subarray(end);
  const sums = { format: `fiducial-network-${1 + rng.integer(2)}`, sha256: hashOf(data) };
  const metadata = { ...head.__metadata__, ...sums };
  if (rng.integer(3) === 0)
    return packed(written(changed({ ...head, __metadata__: metadata }, rng)), data);
  const inside = ["architecture", "provenance", "trained", "training"].filter(
    (name) => name in metadata,
  );
  const name = pick(inside, rng);
  metadata[name] = written(changed(JSON.parse(metadata[name]), rng));
  return packed(JSON.stringify({ ...head, __metadata__: metadata }), data);
}
const layered = nn.sequential({
  input: [1, 8, 8],
  seed: 1,
  layers: [
    nn.conv2d({ outChannels: 2, kernelSize: 3, padding: 1, paddingMode: "replicate" }),
    nn.residual({
      body: [nn.conv2d({ outChannels: 2, kernelSize: 3, padding: "same", dilation: 2, stride: 1 })],
    }),
    nn.branches({
      branches: [
        [nn.maxPool2d({ kernelSize: 3, stride: 2, ceilMode: true })],
        [nn.avgPool2d({ kernelSize: 2 })],
      ],
    }),
    nn.upsample({ scale: 2, mode: "bilinear" }),
    nn.groupNorm({ groups: 2 }),
    nn.batchNorm2d(),
    nn.prelu(),
    nn.pixelShuffle({ scale: 2 }),
    nn.globalAvgPool2d(),
    nn.flatten(),
    nn.linear({ outFeatures: 2 }),
    nn.dropout({ probability: 0.5 }),
  ],
});
const watched = { best: 1, bestEpoch: 1, waited: 0, waitedForRate: 0, rate: 1 };
const settings = { seed: 1, epochs: 2, optimizer: "adam" };
const optimizer = new Map([["m.0.conv2d.weight", layered.parameters.get("0.conv2d.weight")]]);
const state = saveTraining({
  step: 3,
  network: layered,
  optimizer,
  settings,
  watched,
  best: layered.parameters,
});

const [onePiece] = sealedPieces.keys();
const pieceFiles = [...sealedPieces].filter(
  ([key]) => key === onePiece || key.startsWith("structural-change-0"),
);
/** Of which piece a damaged file is, where that can still be told. */
const keyIn = (bytes) =>
  pieceFiles.map(([key]) => key).find((key) => decode(bytes.subarray(0, 200)).includes(key)) ??
  onePiece;

/** As in scripts/fuzz.mjs; `inside` damages what a file says and makes its checksums right. */
export const own = {
  result: {
    files: [signed(result)],
    read: readAndShow,
    inside: (bytes, rng) => signed(changed(JSON.parse(decode(bytes)), rng)),
    holds: 64,
  },
  piece: {
    files: pieceFiles.map(([, bytes]) => bytes),
    read: (bytes) => readFolder(keyIn(bytes), bytes, sealedPieces.get(keyIn(bytes))),
    inside: sealAgain,
    holds: 64,
  },
  "piece-header": {
    files: [ownHeader],
    read: (bytes) => readFolder(HEADER, bytes, ownHeader),
    inside: sealAgain,
    holds: 64,
  },
  checkpoint: {
    files: [saveNetwork(network), saveNetwork(layered)],
    read: (bytes) => loadNetwork(bytes, "file"),
    inside: insideCheckpoint,
    holds: 64,
  },
  "training-state": {
    files: [state],
    read: (bytes) => loadTraining(bytes, "file"),
    inside: insideCheckpoint,
    holds: 64,
  },
  spec: {
    files: [encode(JSON.stringify(spec))],
    read(bytes) {
      let value;
      try {
        value = JSON.parse(decode(bytes));
      } catch {
        // it is told as what is missing
      }
      parseAuditSpec(value, "file");
    },
    inside: (bytes, rng) => encode(written(changed(JSON.parse(decode(bytes)), rng))),
    holds: 64,
  },
};
