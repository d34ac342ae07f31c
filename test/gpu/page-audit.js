// An audit in a page: searches on the page's card, measurements on wasm. Bundled by
// webgpu-browser.test.ts, which runs a small one, and by default-audit.mjs, which brings the
// command line's.
import { openBackend } from "fiducial/engine";
import { loadNetwork, nn } from "fiducial/learning";
import { gaussianNoise, networksByHash, subsampledFourier } from "fiducial/imaging";
import { variableDensityMask } from "fiducial/imaging";
import { audit, auditFromSpec, planAudit, specVersion } from "fiducial/audit";

const shape = [16, 16];

/** A network of 16², a search of two steps. */
function small() {
  const sampling = { shape, acceleration: 2, centerFraction: 0.25, seed: 1 };
  const operator = subsampledFourier({ mask: variableDensityMask(sampling) });
  const size = { inChannels: 2, outChannels: 2, baseChannels: 2, depth: 1, size: shape };
  const networks = networksByHash([nn.unet({ ...size, seed: 2, residual: true })]);
  const [sha256] = networks.keys();
  const search = { domain: "measurement", maxPsnrLoss: 3, relativeBudgets: [0.05] };
  const spec = {
    version: specVersion,
    operator: operator.spec,
    noise: gaussianNoise({ sigma: 0.01 }),
    images: { kind: "brainPhantoms", shape, count: 1, seed: 5 },
    methods: [{ kind: "networkReconstructor", sha256 }, { kind: "zeroFilled" }],
    tests: [{ kind: "worstCasePerturbation", ...search, steps: 2, restarts: 1 }],
    certificates: false,
    seed: 1,
    backend: { name: "wasm", precision: "reproducible" },
  };
  return { spec, networks };
}

/** The networks of some files of weights/. */
async function fetched(names) {
  const networks = [];
  for (const name of names) {
    const answer = await fetch(`/${name}.safetensors`);
    networks.push(loadNetwork(new Uint8Array(await answer.arrayBuffer()), name));
  }
  return networksByHash(networks);
}

/** What of an audit is planned, its searches on `searching` where that is given. */
async function options({ spec, networks }, searching) {
  const backend = await openBackend("wasm", { threads: 1 });
  const on = searching ? { ...spec.backend, searches: searching.adapter } : spec.backend;
  return auditFromSpec(
    { ...spec, backend: on },
    { arrays: new Map(), networks },
    backend,
    searching,
  );
}

globalThis.runSmall = async () => {
  const searching = await openBackend("webgpu");
  const card = await audit(await options(small(), searching));
  const wasm = await audit(await options(small()));
  return { adapter: searching.adapter, card, wasm };
};

let plan;
/** Plans the audit of a spec, with the networks of weights/ by their names. */
globalThis.openSpec = async ({ spec, names }) => {
  const searching = await openBackend("webgpu");
  plan = await planAudit(await options({ spec, networks: await fetched(names) }, searching));
  return plan.header;
};
/** One method in one test, and its seconds; logs every gradient step. */
globalThis.computePiece = async (key) => {
  const begun = performance.now();
  let steps = 0;
  const piece = await plan.compute(key, () => console.log(`${key}: step ${++steps}`));
  return { piece, seconds: (performance.now() - begun) / 1000 };
};
