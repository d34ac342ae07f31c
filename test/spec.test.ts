// An audit as plain data: read, refused, carried out, and compared.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  audit,
  auditFingerprint,
  auditFromSpec,
  differences,
  openTest,
  parseAuditSpec,
  renderComparison,
  specVersion,
  stabilityTests,
  type AuditResult,
  type AuditSpec,
  type StabilityTest,
} from "fiducial/audit";
import { openBackend } from "fiducial/engine";
import { arrayHash, brainPhantoms, methods, networksByHash, openMethod } from "fiducial/imaging";
import { nn } from "fiducial/learning";

const shape = [16, 16] as const;
const network = nn.unet({
  inChannels: 2,
  outChannels: 2,
  baseChannels: 2,
  depth: 1,
  seed: 1,
  size: shape,
});
const networks = networksByHash([network]);
const [sha256] = networks.keys();
const spec: AuditSpec = {
  version: specVersion,
  operator: {
    kind: "subsampledFourier",
    mask: {
      kind: "variable-density",
      shape,
      acceleration: 2,
      centerFraction: 0.2,
      power: 2,
      seed: 1,
    },
  },
  noise: { kind: "gaussian", sigma: 0.01 },
  images: { kind: "brainPhantoms", shape, count: 1, seed: 20_001 },
  methods: [{ kind: "networkReconstructor", sha256 }, { kind: "zeroFilled" }],
  tests: [{ kind: "instabilityAscent", relativeNorms: [0.01], iterations: 2 }],
  certificates: false,
  seed: 1,
  backend: { name: "wasm", precision: "reproducible" },
};
const given = { arrays: new Map(), networks };
const read = (changed: object): AuditSpec =>
  parseAuditSpec(JSON.parse(JSON.stringify({ ...spec, ...changed })), "spec");

describe("an audit's spec", () => {
  it("survives JSON, is carried out from it to the same bytes, and the result carries it", async () => {
    const backend = await openBackend("wasm", { threads: 1 });
    const again = read({});
    expect(again).toEqual(spec);
    const [a, b] = [
      await audit(auditFromSpec(spec, given, backend)),
      await audit(auditFromSpec(again, given, backend)),
    ];
    expect(JSON.stringify(b)).toBe(JSON.stringify(a));
    expect(a.spec).toEqual(spec);
  });
  it("names images by their values: given ones give what the same generated ones give", async () => {
    const backend = await openBackend("wasm", { threads: 1 });
    const data = brainPhantoms({ shape, count: 1, seed: 20_001 }).image(0);
    const record = { label: "mine", sha256: arrayHash(data), preparation: "none" };
    const images = { kind: "given" as const, shape, images: [record] };
    const arrays = new Map([[record.sha256, { shape: [2, ...shape], data }]]);
    const [a, b] = [
      await audit(auditFromSpec(spec, given, backend)),
      await audit(auditFromSpec({ ...spec, images }, { arrays, networks }, backend)),
    ];
    expect(b.problem.images[0]).toEqual(record);
    expect(b.tests[0].measurements).toEqual(a.tests[0].measurements);
    expect(() => auditFromSpec({ ...spec, images }, given, backend)).toThrow(
      /mine: the array with SHA-256 .* is not given/,
    );
  });
  it.each([
    [{ version: 2 }, /spec: it is of version 2, this program knows version 1; update the program/],
    [{ colour: "red" }, /spec: it has no field "colour"; it has version, operator, /],
    [
      { operator: { kind: "radon" } },
      /spec\.operator: there is no kind "radon"; this version knows subsampledFourier/,
    ],
    [
      { operator: { ...spec.operator, coils: 4 } },
      /spec\.operator: subsampledFourier has no field "coils"/,
    ],
    [
      { methods: [{ kind: "magic" }] },
      /spec\.methods\[0\]: there is no kind "magic"; this version knows network/,
    ],
    [
      { methods: [{ kind: "zeroFilled", lambda: 1 }] },
      /spec\.methods\[0\]: zeroFilled has no field "lambda"/,
    ],
    [{ tests: [{ kind: "hope" }] }, /spec\.tests\[0\]: there is no kind "hope"/],
    [
      { tests: [{ kind: "worstCasePerturbation", ball: "l1" }] },
      /spec\.tests\[0\]\.ball: it must be one of l2, linf/,
    ],
    [
      { tests: [{ kind: "practicalFaults", faults: ["flood"] }] },
      /faults\[0\]: it must be one of patient translation/,
    ],
    [
      { images: { kind: "brainPhantoms", shape: [16], count: 1, seed: 1 } },
      /spec\.images\.shape: it must be \[height/,
    ],
    [{ noise: { kind: "gaussian" } }, /spec\.noise\.sigma: it must be a number/],
    [{ seed: -1 }, /spec\.seed: it must be a whole number from 0 up, it is -1/],
    [
      { backend: { name: "wasm", precision: "exact" } },
      /spec\.backend\.precision: it must be one of reproducible, fast/,
    ],
  ])("refuses %j, saying which", (changed, says) => {
    expect(() => read(changed)).toThrow(
      expect.objectContaining({ code: "FORMAT", message: expect.stringMatching(says) }),
    );
  });
  it("refuses every field that is missing or of another type, by its name", () => {
    const names = Object.keys(spec);
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom(undefined, null, [null], "text", 1.5),
        (name, value) => {
          const wrong = { ...spec, [name]: value };
          expect(() => parseAuditSpec(wrong, "spec")).toThrow(
            new RegExp(`spec\\.${name}|spec: it is of version`),
          );
        },
      ),
    );
  });
  it("refuses another backend, and a network that is not given", async () => {
    const reference = await openBackend("reference");
    expect(() => auditFromSpec(spec, given, reference)).toThrow(
      /to run on the backend wasm, this one is reference/,
    );
    const wasm = await openBackend("wasm", { threads: 1 });
    expect(() => auditFromSpec(spec, { ...given, networks: new Map() }, wasm)).toThrow(
      /network with SHA-256 .* not given/,
    );
  });
  it("has a fingerprint that does not depend on the order of fields, and changes with every value", () => {
    const reversed = (value: unknown): unknown =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([k, v]) => [k, reversed(v)]),
          )
        : value;
    expect(auditFingerprint(reversed(spec) as AuditSpec)).toBe(auditFingerprint(spec));
    const others = [
      { seed: 2 },
      { certificates: true },
      { noise: { kind: "gaussian", sigma: 0.02 } },
      { methods: [] },
    ];
    const prints = [spec, ...others.map((o) => read(o))].map(auditFingerprint);
    expect(new Set(prints).size).toBe(5);
  });
});

describe("two audits", () => {
  it("are compared field by field; masks, networks and images by hash", async () => {
    const backend = await openBackend("wasm", { threads: 1 });
    const base = await audit(auditFromSpec(spec, given, backend));
    const changedBy = (changed: object): AuditResult => ({ ...base, spec: read(changed) });
    const mask = { kind: "file", shape, sha256: "0".repeat(64) };
    for (const [changed, fields] of [
      [{}, []],
      // an operator's own seed is not the audit's
      [
        { operator: { ...spec.operator, mask: { ...spec.operator.mask, seed: 7 } } },
        ["operator.mask.seed"],
      ],
      [{ seed: 9 }, ["seed"]],
      [{ methods: [...spec.methods].reverse() }, []],
      [
        { methods: [{ kind: "networkReconstructor", sha256: "1".repeat(64) }, spec.methods[1]] },
        ["methods.networkReconstructor.sha256"],
      ],
      [{ methods: [...spec.methods, { kind: "firenet" }] }, ["methods.firenet"]],
      [{ tests: [{ ...spec.tests[0], iterations: 3 }] }, ["tests.instabilityAscent.iterations"]],
      [{ images: { ...spec.images, seed: 3 } }, ["images.seed"]],
    ] as const)
      expect(differences(base, changedBy(changed)).map((d) => d.field)).toEqual(fields);
    const other = differences(base, changedBy({ operator: { kind: "subsampledFourier", mask } }));
    expect(other).toContainEqual({ field: "operator.mask.sha256", a: undefined, b: mask.sha256 });
    const image = { ...base.problem.images[0], sha256: "2".repeat(64) };
    expect(
      differences(base, { ...base, problem: { ...base.problem, images: [image] } }),
    ).toHaveLength(1);
    expect(renderComparison(base, changedBy({}))).toMatch(
      /same problem: .* the same methods and tests/,
    );
    expect(renderComparison(base, changedBy({ tests: [] }))).toMatch(
      /What was done to it differs:\n\n.*\n.*\n\| tests\.instability/,
    );
    expect(renderComparison(base, changedBy({ seed: 9 }))).toMatch(
      /not of the same problem.*\n\n.*\n.*\n\| seed \| 1 \| 9 \|/,
    );
    const { spec: _, ...older } = base;
    expect(differences(older, older)).toEqual([]);
    expect(differences(older, { ...older, seed: 4 }).map((d) => d.field)).toEqual(["seed"]);
  });
});

describe("the tables of methods and tests", () => {
  it.each(Object.keys(stabilityTests))(
    "%s takes an option that is undefined for its default",
    (kind) => {
      const { open, fields } = stabilityTests[kind as keyof typeof stabilityTests];
      const nothing = Object.fromEntries(Object.keys(fields).map((name) => [name, undefined]));
      const described = ({ id, title, settings }: StabilityTest): object => ({
        id,
        title,
        settings,
      });
      expect(described(open(nothing as never))).toEqual(described(open({} as never)));
    },
  );
  it("every kind opens without options, under a name of its own, and says that kind of itself", () => {
    const opened = Object.keys(methods).map((kind) => {
      const named = {
        networkReconstructor: { sha256 },
        command: { sha256, name: "a program", command: "it" },
      };
      const own = named[kind as keyof typeof named] ?? {};
      const method = openMethod(
        { kind, ...own } as never,
        networks,
        new Map([[sha256, async () => []]]),
      );
      expect(method.description.kind).toBe(kind);
      return method.name;
    });
    expect(new Set(opened).size).toBe(opened.length);
    const ids = Object.keys(stabilityTests).map((kind) => openTest({ kind } as never).id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
