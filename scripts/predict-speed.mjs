// How long `predict` takes beside the plan that it runs: the bar is 1.2 times. Rounds take turns,
// and the quickest of each is printed: others' work slows some. It fails where the bar is missed.
//   node scripts/predict-speed.mjs [ROUNDS]
import { openBackend } from "fiducial/engine";
import { compilePrediction, nn, predict } from "fiducial/learning";

const rounds = Number(process.argv[2] ?? 40);
const BAR = 1.2;
const backend = await openBackend("wasm");
/** What the machine does when nothing else is going on. */
const best = (values) => Math.min(...values);

/** Milliseconds a call, of as many calls as take about ten. */
async function perCall(call, calls) {
  const begun = performance.now();
  for (let i = 0; i < calls; i++) await call();
  return (performance.now() - begun) / calls;
}

let missed = false;
for (const [name, network] of [
  ["LeNet-5", nn.lenet5({ seed: 0 })],
  ["ResNet-20", nn.resnet20({ seed: 0 })],
]) {
  const size = network.architecture.input.reduce((n, d) => n * d, 1);
  const inputs = Float32Array.from({ length: size }, (_, i) => Math.sin(i));
  const { plan } = await compilePrediction(network, { backend });
  const unfolded = await compilePrediction(network, { backend, folded: false });
  const begun = performance.now();
  await predict(network, { inputs, backend });
  const first = performance.now() - begun;
  const ways = {
    plan: () => plan.execute({ x: inputs }),
    predict: () => predict(network, { inputs, backend }),
    "plan, norms apart": () => unfolded.plan.execute({ x: inputs }),
  };
  for (const call of Object.values(ways)) await perCall(call, 20);
  const calls = Math.max(1, Math.ceil(10 / (await perCall(ways.plan, 10))));
  const times = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  for (let round = 0; round < rounds; round++)
    for (const [way, call] of Object.entries(ways)) times[way].push(await perCall(call, calls));
  const [own, whole, apart] = Object.values(times).map(best);
  const ratio = whole / own;
  missed ||= ratio > BAR;
  const ms = (value) => `${value.toFixed(3)} ms`;
  console.log(
    `${name}: plan ${ms(own)}, predict ${ms(whole)} (${ratio.toFixed(3)} times), the first call ${ms(first)}; norms apart ${ms(apart)}`,
  );
}
if (missed) {
  console.error(`predict takes more than ${BAR} times its plan's own time`);
  process.exitCode = 1;
}
await backend.close();
