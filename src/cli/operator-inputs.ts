// How the object is measured: the options that say it, and the operator that they ask for.
import { ConfigError, PI, present, ShapeError } from "../engine/index.ts";
import {
  birdcageCoils,
  coilsFrom,
  espirit,
  espiritPresets,
  fanBeam,
  multiCoilFourier,
  nonUniformFourier,
  parallelBeam,
  subsampledFourier,
  trajectoryFrom,
  type Arrays,
  type CartesianOperator,
  type Coils,
  type Mask,
  type Operator,
  type TrajectorySpec,
} from "../imaging/index.ts";
import { choice, flagOf, integer, number, text, type Values } from "./options.ts";
import { openArray, openVolume } from "./volumes.ts";

type Size = readonly [height: number, width: number];

const cartesian = ["single-coil", "multi-coil"] as const;
const others = ["radon", "fan-beam", "radial-nufft", "spiral-nufft", "nufft"] as const;
const espiritNames = { espirit: "sigpy", "espirit-bart": "bart" } as const;

export const operatorOptions = {
  operator: choice([...cartesian, ...others], {
    default: "single-coil",
    help: "how the object is measured: single-coil or multi-coil Fourier sampling by a mask; radial-nufft, spiral-nufft or nufft, Fourier samples off the grid; radon or fan-beam, line integrals",
  }),
  coils: text({
    value: "N|FILE",
    help: "of multi-coil: how many, in a birdcage, or an NPY array of their maps, complex [coils,H,W] (4); of measured k-space also espirit or espirit-bart, which find them in its middle, or rss: each coil by itself, together the root of the sum of squares",
  }),
  views: integer({ from: 1, to: 100_000, help: "of radon and fan-beam (50)" }),
  detectors: integer({
    from: 2,
    to: 100_000,
    help: "of radon and fan-beam, one pixel apart (as many as see the whole image)",
  }),
  arc: number({
    value: "DEGREES",
    from: 1,
    to: 180,
    help: "of radon: what the views are spread over (180)",
  }),
  source: number({
    value: "PIXELS",
    from: 1,
    to: 1e9,
    help: "of fan-beam: from the source to the middle of the image (four times the image)",
  }),
  spokes: integer({
    from: 1,
    to: 100_000,
    help: "of radial-nufft, each the golden angle on (40); of spiral-nufft, its arms (16)",
  }),
  trajectory: text({
    value: "FILE",
    help: "of nufft: an NPY array [readouts,samples,2], down and across in cycles per field of view",
  }),
} as const;
type OperatorValues = Values<typeof operatorOptions>;

/** What an option is for, where it is not for every operator. */
const belongsTo: { readonly [K in keyof OperatorValues]?: readonly OperatorValues["operator"][] } =
  {
    coils: ["multi-coil"],
    views: ["radon", "fan-beam"],
    detectors: ["radon", "fan-beam"],
    arc: ["radon"],
    source: ["fan-beam"],
    spokes: ["radial-nufft", "spiral-nufft"],
    trajectory: ["nufft"],
  };
/** Throws ConfigError for an option of another operator. */
function checkBelongs(options: OperatorValues): void {
  for (const [name, operators] of Object.entries(belongsTo)) {
    if (options[name as keyof OperatorValues] === undefined || operators.includes(options.operator))
      continue;
    throw new ConfigError(
      `${flagOf(name)}: give --operator ${operators.join(" or ")} too, or leave it out; ${options.operator} has no use for it`,
      { name },
    );
  }
}
export const usesMask = ({ operator }: OperatorValues): boolean =>
  cartesian.includes(operator as never);

export interface Chosen<O extends Operator = Operator> {
  readonly operator: O;
  /** What its spec names. */
  readonly arrays: Arrays;
}

/**
 * The operator of a mask that the options ask for; `kspace`, of every coil, is what espirit finds
 * its maps in.
 */
export async function chooseCartesian(
  options: OperatorValues,
  mask: Mask,
  kspace?: readonly Float32Array[],
): Promise<Chosen<CartesianOperator>> {
  checkBelongs(options);
  const arrays = new Map<string, Mask | Coils>();
  if (mask.spec.kind === "file") arrays.set(mask.spec.sha256, mask);
  if (options.operator !== "multi-coil") return { operator: subsampledFourier({ mask }), arrays };
  const chosen = await chooseCoils(options.coils, mask.shape, kspace);
  if (chosen.spec.kind === "maps") arrays.set(chosen.spec.sha256, chosen);
  return { operator: multiCoilFourier({ mask, coils: chosen }), arrays };
}

/** A number of coils or a way to find them, not a file of their maps. */
export const isCount = (coils: string): boolean =>
  /^\d+$/.test(coils) || Object.hasOwn(espiritNames, coils);

async function chooseCoils(
  given: string | undefined,
  shape: Size,
  kspace: readonly Float32Array[] | undefined,
): Promise<Coils> {
  if (given !== undefined && Object.hasOwn(espiritNames, given))
    return estimated(given as keyof typeof espiritNames, shape, kspace);
  if (given === undefined || isCount(given)) {
    const coils = Number(given ?? 4);
    if (coils >= 1 && coils <= 64) return birdcageCoils({ shape, coils });
    throw new ConfigError(`--coils ${given}: give a number between 1 and 64, or a file`, { coils });
  }
  const { slices, height, width, complex, slice } = await openVolume(given);
  if (!complex || height !== shape[0] || width !== shape[1])
    throw new ShapeError(
      `${given}: its maps are ${complex ? "complex" : "real"}, ${height}×${width}; give complex ones of ${shape.join("×")}, [coils,H,W]`,
      { height, width },
    );
  const maps = Array.from({ length: slices }, (_, c) => slice(c));
  return coilsFrom(Float32Array.from(maps.flatMap((map) => [...map])), [slices, 2, height, width]);
}

async function estimated(
  name: keyof typeof espiritNames,
  [H, W]: Size,
  kspace: readonly Float32Array[] | undefined,
): Promise<Coils> {
  if (!kspace)
    throw new ConfigError(
      `--coils ${name}: they are found in one slice of measured k-space (reconstruct --kspace, --slices)`,
      {},
    );
  const size = H * W;
  const all = new Float32Array(2 * kspace.length * size);
  kspace.forEach((coil, c) => {
    all.set(coil.subarray(0, size), c * size);
    all.set(coil.subarray(size), (kspace.length + c) * size);
  });
  const shape = [2, kspace.length, H, W];
  const { coils } = await espirit(all, shape, espiritPresets[espiritNames[name]]);
  return coils;
}

/** The operator without a mask that the options ask for, for images of a shape. */
export function chooseOther(options: OperatorValues, shape: Size): Chosen {
  checkBelongs(options);
  const none: Arrays = new Map();
  switch (options.operator) {
    case "radon":
      return { operator: beam(options, shape), arrays: none };
    case "fan-beam":
      return { operator: fan(options, shape), arrays: none };
    case "nufft":
      return fromTrajectory(options.trajectory, shape);
    default:
      return {
        operator: nonUniformFourier({ shape, trajectory: generated(options, shape) }),
        arrays: none,
      };
  }
}
const diagonal = ([H, W]: Size): number => Math.sqrt(H * H + W * W);

function beam({ views = 50, detectors, arc = 180 }: OperatorValues, shape: Size): Operator {
  return parallelBeam({
    shape,
    views,
    detectors: detectors ?? Math.ceil(diagonal(shape)) + 1,
    arc,
  });
}
function fan({ views = 50, detectors, source }: OperatorValues, shape: Size): Operator {
  const distance = source ?? 4 * Math.max(...shape);
  const radius = diagonal(shape) / 2;
  // where the ray that touches the image's circle meets the line of detectors
  const widest = (radius * distance) / Math.sqrt(Math.max(1e-9, distance ** 2 - radius ** 2));
  const enough = Math.min(100_000, 2 * Math.ceil(widest) + 2);
  return fanBeam({ shape, views, detectors: detectors ?? enough, source: distance, detector: 0 });
}
function generated({ operator, spokes }: OperatorValues, shape: Size): TrajectorySpec {
  const longest = Math.max(...shape);
  if (operator === "radial-nufft")
    return { kind: "radial", spokes: spokes ?? 40, samples: 2 * longest };
  const [arms, turns] = [spokes ?? 16, 4];
  // samples no further apart than cells: the outermost turn is π·longest cells long
  return { kind: "spiral", arms, samples: Math.ceil(PI * turns * longest), turns };
}
function fromTrajectory(file: string | undefined, shape: Size): Chosen {
  if (file === undefined)
    throw new ConfigError("--operator nufft: give its samples by --trajectory FILE", {
      operator: "nufft",
    });
  const given = openArray(file);
  const { spec, arrays } = trajectoryFrom(given.values, given.shape);
  return { operator: nonUniformFourier({ shape, trajectory: spec }, arrays), arrays };
}

/** What an operator without a mask measures, in one line. */
export function describeOperator({ description }: Operator): string {
  const { kind, height, width, ...facts } = present(description as Record<string, string | number>);
  const said = Object.entries(facts).map(([name, value]) => `${name} ${String(value)}`);
  return `measurement: ${String(kind)} of ${String(height)}×${String(width)} pixels, ${said.join(", ")}`;
}
