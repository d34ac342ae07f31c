// What a search without gradients finds beside one along them, on methods whose gradients we have,
// asked as if they were somebody else's programs. Writes docs/evidence.md's table with --write.
// npm run black-box [-- --size 64 --images 1 --queries 350,600,2400 --domain measurement --write]
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  applyOperator,
  atImageSize,
  brainPhantoms,
  compileObjective,
  compileSearchStep,
  gaussianNoise,
  inverseProblem,
  loadNetwork,
  localLipschitz,
  magnitude,
  maximum,
  networkReconstructor,
  norm,
  openBackend,
  openLooking,
  openReconstruct,
  psnr,
  random,
  search,
  searchByQueries,
  subsampledFourier,
  totalVariation,
  variableDensityMask,
} from "fiducial";

const { values: args } = parseArgs({
  options: {
    size: { type: "string", default: "64" },
    images: { type: "string", default: "1" },
    queries: { type: "string", default: "350,600,2400" },
    domain: { type: "string", default: "measurement" },
    methods: { type: "string", default: "cascade-128,unet-128,total-variation" },
    write: { type: "boolean", default: false },
  },
});
const { domain } = args;
const shape = [Number(args.size), Number(args.size)];
const budgets = domain === "image" ? [0.01, 0.03, 0.06] : [0.005, 0.02, 0.05];
const seed = 1;
/** A backward pass costs about two forward ones. */
const STEP_COST = 3;

const backend = await openBackend("wasm", { threads: 1 });
const mask = variableDensityMask({ shape, acceleration: 4, centerFraction: 0.08, seed: 1 });
const operator = subsampledFourier({ mask });
const images = brainPhantoms({ shape, count: Number(args.images), seed: 20_000 + seed });
const problem = inverseProblem({ operator, noise: gaussianNoise({ sigma: 0.01 }), images });
function methodOf(name) {
  if (name === "total-variation") return totalVariation({ sigma: 0.01 });
  const bytes = readFileSync(new URL(`../weights/${name}.safetensors`, import.meta.url));
  return networkReconstructor({ network: atImageSize(loadNetwork(bytes, name), shape) });
}
/** The same method, with nothing known of it but its answers. */
async function asProgram(method) {
  const answer = await openReconstruct(method, operator, backend);
  const { name, description } = method;
  return { name, description, together: 16, followsMask: false, run: (ys) => answer(ys) };
}
const difference = (a, b) => a.map((v, k) => v - b[k]);

/** What both searches have in common, on one image. */
async function sceneOf(method, image) {
  const x = images.image(image);
  const scene = { x, noise: problem.draw(seed, image) };
  const objective = await compileObjective(method, problem, domain, backend);
  const Ax = await applyOperator(operator, "forward", x, backend);
  const size = domain === "image" ? x.length : Ax.length;
  const clean = await objective.reconstruct(scene, new Float64Array(size));
  const [truth, top] = [magnitude(x), maximum(magnitude(x))];
  const rng = random(seed).fork(`start ${image}`);
  const draw = () => Float64Array.from(operator.measured, (there) => (there ? rng.normal() : 0));
  return {
    scene,
    objective,
    clean,
    radii: budgets.map((e) => e * norm(domain === "image" ? x : Ax)),
    goals: [
      { name: "harm", p: x, magnitudes: true },
      { name: "change", p: clean },
    ],
    random: async () =>
      domain === "measurement" ? draw() : applyOperator(operator, "adjoint", draw(), backend),
    psnrOf: (xHat) => psnr(truth, magnitude(xHat), top),
  };
}

async function byGradient(method, on) {
  const { objective, scene, clean, goals, radii } = on;
  const climb = (r) => objective.climb(scene, r, clean);
  const options = { radius: 1e-3 * radii.at(-1), steps: 16, tolerance: 1e-2 };
  const { vector } = await localLipschitz(climb, await on.random(), options);
  const step = await compileSearchStep(method, problem, { domain }, backend);
  const starts = [{ kind: "local singular vector", r: vector }];
  return search({ step, scene, goals, random: on.random, starts }, { radii });
}
async function byQueries(program, on, queries, image) {
  const looking = await openLooking(program, problem, domain, backend);
  const place = async (z) =>
    domain === "image" ? z : applyOperator(operator, "forward", z, backend);
  const queried = {
    ...on,
    look: (rs) => looking.reconstructAll(on.scene, rs),
    place,
    directionOf: looking.asImage,
    ball: "l2",
    together: looking.together,
    shape,
    starts: [{ kind: "its own error", r: await place(difference(on.clean, on.scene.x)) }],
    rng: random(seed).fork(`queries ${image}`),
  };
  return searchByQueries(queried, { radii: on.radii, queries });
}
/** dB lost in every ball to each, and what it cost in evaluations. */
async function lossesOf(on, found) {
  const before = on.psnrOf(on.clean);
  const lost = [];
  for (const { goals } of found)
    lost.push(before - on.psnrOf(await on.objective.reconstruct(on.scene, goals[0].r)));
  const cost = found
    .flatMap((f) => f.goals)
    .reduce((n, g) => n + (g.queries ?? STEP_COST * g.gradients), 0);
  return { lost, cost };
}
async function byNoise(on) {
  const lost = [];
  for (const radius of on.radii) {
    const e = await on.random();
    const length = norm(e);
    const x = await on.objective.reconstruct(
      on.scene,
      e.map((v) => (v * radius) / length),
    );
    lost.push(on.psnrOf(on.clean) - on.psnrOf(x));
  }
  return { lost, cost: 1 };
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const rows = [];
for (const name of args.methods.split(",")) {
  const method = methodOf(name);
  const program = await asProgram(method);
  const searches = [
    ["noise of the same norm", (on) => byNoise(on)],
    ["along gradients", (on) => byGradient(method, on)],
    ...args.queries
      .split(",")
      .map((q) => [`by queries, ${q}`, (on, i) => byQueries(program, on, Number(q), i)]),
  ];
  let all;
  for (const [how, run] of searches) {
    const each = [];
    for (let i = 0; i < images.length; i++) {
      const on = await sceneOf(method, i);
      const found = await run(on, i);
      each.push(found.lost ? found : await lossesOf(on, found));
    }
    const lost = budgets.map((_, b) => mean(each.map((e) => e.lost[b])));
    if (how === "along gradients") all = lost;
    const share = how.startsWith("by") ? `${(100 * lost.at(-1)) / all.at(-1)}`.split(".")[0] : "";
    const cells = [
      name,
      how,
      `${Math.round(mean(each.map((e) => e.cost)))}`,
      ...lost.map((l) => l.toFixed(2)),
      share,
    ];
    rows.push(`| ${cells.join(" | ")} |`);
    console.log(rows.at(-1));
  }
}
const letter = domain === "image" ? "x" : "y";
const heads = budgets.map((e) => `dB lost at ${+(100 * e).toFixed(1)} % of ‖${letter}‖`);
const head = [
  "method",
  "searched",
  "evaluations",
  ...heads,
  "% of what gradients find, at the last",
];
const table = [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...rows].join(
  "\n",
);
if (args.write) {
  const path = new URL("../docs/evidence.md", import.meta.url);
  const text = readFileSync(path, "utf8");
  const part = /(<!-- black-box -->\n)[\s\S]*?(\n<!-- \/black-box -->)/;
  writeFileSync(
    path,
    text.replace(part, (_, open, close) => `${open}${table}${close}`),
  );
}
await backend.close();
