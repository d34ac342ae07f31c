// Metrics against scikit-learn, through a whole evaluation in batches.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openBackend } from "fiducial/engine";
import {
  areaUnderCurve,
  binaryCrossEntropy,
  compileEvaluation,
  crossEntropy,
  f1,
  intersectionOverUnion,
  meanSquaredError,
  nn,
  precision,
  recall,
  topK,
  type CountedOptions,
  type Dataset,
  type Loss,
  type Metric,
} from "fiducial/learning";

const fixture = JSON.parse(
  readFileSync(new URL("fixtures/sklearn_metrics.json", import.meta.url), "utf8"),
) as Record<string, Record<string, number>>;
const backend = await openBackend("reference");
const numbers = (n: number, k: number): number[] =>
  Array.from({ length: n }, (_, i) => ((i * 37 + k * 11) % 101) / 50 - 1);
const tenth = (v: number): number => Math.round(10 * v) / 10;

// as fixtures/sklearn_metrics.py makes them
const ROWS = 40;
const classOf = (i: number): number => (i * i + Math.floor(i / 3)) % 4;
const logits = numbers(200, 1).map((v, i) => (i % 5 === 4 ? -9 : tenth(3 * v)));
const labels = numbers(120, 2).map((v) => Number(v > 0.2));
const scores = numbers(120, 6).map((v, i) => tenth(2 * v + labels[i]));
/** A network of nothing: what it is given is what it says. */
const echo = (n: number) => nn.sequential({ input: [n], layers: [nn.flatten()], seed: 0 });
function rows(
  values: number[],
  n: number,
  target: (i: number) => number[],
  shape: number[],
): Dataset {
  return {
    length: values.length / n,
    inputShape: [n],
    targetShape: shape,
    read(i, x, t) {
      x.set(values.slice(i * n, (i + 1) * n));
      t.set(target(i));
    },
  };
}
async function evaluated(data: Dataset, loss: Loss, metrics: readonly Metric[]) {
  const network = echo(data.inputShape[0]);
  const evaluate = await compileEvaluation(network, { data, loss, batchSize: 7, backend, metrics });
  return evaluate(network, data);
}
const counted = [precision, recall, f1, intersectionOverUnion];
const averages: CountedOptions[] = [{}, { average: "micro" }, { average: "weighted" }];
/** As the fixture says it. */
const named = (name: string): string => `${name} macro`;

describe("metrics agree with scikit-learn", () => {
  it("of classes, by number and by share", async () => {
    const metrics = [
      ...counted.flatMap((metric) =>
        [...averages, { average: 1 }].map((options) => metric(options)),
      ),
      topK(2),
      topK(3),
      areaUnderCurve(),
    ];
    const { accuracy, ...want } = fixture.classes;
    for (const shape of [[], [5]]) {
      const one = (i: number): number[] =>
        shape.length === 0 ? [classOf(i)] : [0, 1, 2, 3, 4].map((c) => Number(c === classOf(i)));
      const result = await evaluated(rows(logits, 5, one, shape), crossEntropy(), metrics);
      expect(result.accuracy).toBeCloseTo(accuracy, 12);
      const found = Object.entries(result.metrics!).map(([name, value]) => [
        name in want ? name : named(name),
        value,
      ]);
      expect(found.map(([name]) => name).sort()).toEqual(Object.keys(want).sort());
      for (const [name, value] of found) expect(value, String(name)).toBeCloseTo(want[name], 12);
    }
    expect(ROWS * 5).toBe(logits.length);
  });
  it("of labels", async () => {
    const metrics = [
      ...counted.flatMap((metric) => averages.map((options) => metric(options))),
      areaUnderCurve(),
    ];
    const data = rows(scores, 3, (i) => labels.slice(3 * i, 3 * i + 3), [3]);
    const result = await evaluated(data, binaryCrossEntropy(), metrics);
    const { accuracy, ...want } = fixture.labels;
    expect(result.accuracy).toBeCloseTo(accuracy, 12);
    for (const [name, value] of Object.entries(result.metrics!))
      expect(value, name).toBeCloseTo(want[name in want ? name : named(name)], 12);
    expect(Object.keys(result.metrics!).length).toBe(Object.keys(want).length);
  });
  it("of two classes: the second's area", async () => {
    const pairs = scores
      .flatMap((v, i) => (i % 3 === 0 ? [scores[i + 1], v] : []))
      .map((v) => Math.round(10 * v));
    const data = rows(pairs, 2, (i) => [labels[3 * i]], []);
    const result = await evaluated(data, crossEntropy(), [areaUnderCurve()]);
    expect(result.metrics!.areaUnderCurve).toBeCloseTo(fixture["two classes"].areaUnderCurve, 12);
  });
  it("of pixels, without those of an ignored class, and of your own", async () => {
    const data: Dataset = {
      length: 3,
      inputShape: [2, 2, 2],
      targetShape: [2, 2],
      read(i, x, t) {
        // the second class everywhere but in the first pixel
        x.set([1, -1, -1, -1, 0, 0, 0, 0]);
        t.set([i === 0 ? 255 : 1, 1, 1, i === 2 ? 0 : 1]);
      },
    };
    const network = nn.sequential({ input: [2, 2, 2], layers: [nn.relu()], seed: 0 });
    let seen = 0;
    const mine: Metric = {
      name: "pixels",
      open: () => ({ add: (batch) => (seen += batch.rows), value: () => seen }),
    };
    const options = { data, loss: crossEntropy({ ignored: 255 }), batchSize: 2, backend };
    const metrics = [intersectionOverUnion(), recall({ average: 0 }), mine];
    const result = await (await compileEvaluation(network, { ...options, metrics }))(network, data);
    // of 11 that count: relu makes all but the first pixels a tie, of which the first class is
    // taken
    const found = [1, 10];
    expect(result.confusion!.flat().reduce((a, b) => a + b)).toBe(11);
    expect(result.confusion![0][0]).toBe(found[0]);
    expect(result.metrics!["recall 0"]).toBe(1);
    expect(result.metrics!.intersectionOverUnion).toBeCloseTo((1 / 11 + 0) / 2, 12);
    expect(result.metrics!.pixels).toBe(12);
  });
});

describe("metrics refuse what they cannot say", () => {
  it("targets of another kind, two of one name, an average that there is not", async () => {
    const data = rows(logits, 5, () => [0, 0, 0, 0, 0], [5]);
    const ask = (metrics: Metric[], loss = meanSquaredError()) => evaluated(data, loss, metrics);
    await expect(ask([topK(2)])).rejects.toThrow(
      /top2 is of classes, and the loss's targets are numbers/,
    );
    await expect(ask([topK(2)], binaryCrossEntropy())).rejects.toThrow(/targets are labels/);
    await expect(ask([f1(), f1()], binaryCrossEntropy())).rejects.toThrow(/two of the name "f1"/);
    expect(() => f1({ average: "makro" as never })).toThrow(/did you mean macro\?/);
    expect(() => topK(0)).toThrow(/k 0 must be/);
    await expect(ask([recall({ average: 7 })], binaryCrossEntropy())).rejects.toThrow(
      /no class 7 among 5/,
    );
  });
});
