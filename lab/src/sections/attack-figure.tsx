// The pictures of an attack: the image and what is added to it, and beneath what each method makes
// of that.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { fixed, short } from "../parts/numbers.ts";
import { Linked, useLinked } from "../parts/Linked.tsx";
import { Picture } from "../parts/Picture.tsx";
import { ScaleBar } from "../parts/ScaleBar.tsx";
import { Part, Row } from "../parts/words.tsx";
import type { MethodName } from "../worker/break/asked.ts";
import type { Image } from "../worker/calls/attack.ts";
import type { Sampled } from "../worker/calls/kspace.ts";
import {
  highest,
  largestError,
  niceGain,
  sameOf,
  stopOf,
  type Attack,
  type Seen,
} from "./attack-run.ts";

type Domain = "image" | "measurement";
export interface AttackFigureProps {
  run: Attack;
  label: string;
  size: number;
  domain: Domain;
}
interface Frame {
  readonly size: number;
  readonly side: number;
  /** |x| that is white. */
  readonly white: number;
  readonly most: number;
}
const score = ({ psnr, ssim }: Pick<Image, "psnr" | "ssim">): string =>
  `${fixed(psnr, 2)} dB, SSIM ${fixed(ssim, 3)}`;

function Pair(props: {
  title: string;
  image: Pick<Image, "x" | "error">;
  told: string;
  frame: Frame;
}): JSX.Element {
  const { title, image, told, frame } = props;
  const { size, side, white, most } = frame;
  const common = { rows: size, columns: size, side };
  return (
    <div class="stack">
      <h3>{title}</h3>
      <Picture name={told} values={image.x} span={[0, white]} {...common} />
      <Picture
        name={`|error|, at most ${short(highest(image.error))}`}
        values={image.error}
        scale="magma"
        span={[0, most]}
        {...common}
      />
    </div>
  );
}

function MethodPictures(props: {
  seen: Seen;
  run: Attack;
  label: string;
  frame: Frame;
  first: Seen;
  chosen: boolean;
}): JSX.Element {
  const { seen, run, label, frame, first, chosen } = props;
  const { name, clean, live } = seen;
  const stop = stopOf(seen, label);
  const same = sameOf(run, seen.method, label);
  return (
    <section class={chosen ? "method chosen" : "method"} aria-label={name}>
      <h2>{name}</h2>
      <div class="pictures">
        <Pair title="unperturbed" image={clean} told={score(clean)} frame={frame} />
        {stop ? (
          <Pair
            title={`its own ${label}`}
            image={stop.image}
            told={score(stop.image)}
            frame={frame}
          />
        ) : (
          live && (
            <Pair
              title="searching…"
              image={live}
              told={`${fixed(live.psnr, 2)} dB so far`}
              frame={frame}
            />
          )
        )}
        {same && (
          <Pair
            title={`${label} of the ${first.name}`}
            image={same.image}
            told={score(same.image)}
            frame={frame}
          />
        )}
        {stop && (
          <Pair
            title="noise, measured as much"
            image={stop.noise}
            told={score(stop.noise)}
            frame={frame}
          />
        )}
      </div>
    </section>
  );
}

/** The image, and the perturbation as it is and enlarged. */
function Added(props: { seen: Seen; label: string; frame: Frame; domain: Domain }): JSX.Element {
  const { seen, label, frame, domain } = props;
  const { size, side, white } = frame;
  const stop = stopOf(seen, label);
  const added = stop ?? seen.live;
  const common = { rows: size, columns: size, side };
  const gain = added ? niceGain((0.8 * white) / Math.max(1e-12, highest(added.r))) : 1;
  const found = stop ? label : "r so far";
  // what a measurement's perturbation does to the zero-filled image
  const name = domain === "image" ? found : `A*${found}`;
  return (
    <div class="pictures">
      <Part title="x, the true image">
        <Picture name="the true image" values={seen.truth} span={[0, white]} {...common} />
      </Part>
      {added && (
        <>
          <Part title={`x + ${name}`}>
            <Picture
              name={`the image with ${name}`}
              values={added.perturbed}
              span={[0, white]}
              {...common}
            />
          </Part>
          <Part title={`${name}, ×1`}>
            <Picture
              name={`real part, at most ${short(highest(added.r))}`}
              values={added.r}
              scale="signed"
              span={[-white, white]}
              {...common}
            />
          </Part>
          <Part title={`${name}, ×${gain}`}>
            <Picture
              name={`the same, ×${gain}`}
              values={added.r}
              scale="signed"
              span={[-white / gain, white / gain]}
              {...common}
            />
          </Part>
        </>
      )}
    </div>
  );
}

export function Unperturbed({ sampled, size }: { sampled: Sampled; size: number }): JSX.Element {
  const { truth, made } = sampled;
  const most = Math.max(1e-6, ...made.map((m) => highest(m.error)));
  const frame = { size, side: 150, white: highest(truth), most };
  return (
    <>
      <div class="pictures">
        <div class="stack">
          <h3>x, the true image</h3>
          <Picture
            name="the true image"
            values={truth}
            rows={size}
            columns={size}
            span={[0, frame.white]}
            side={150}
          />
        </div>
        {made.map((m) => (
          <Pair key={m.method} title={m.name} image={m} told={score(m)} frame={frame} />
        ))}
      </div>
      <ScaleBar what="|error|, the same in all maps" scale="magma" span={[0, most]} />
    </>
  );
}

function AllPictures(props: AttackFigureProps & { first: Seen }): JSX.Element {
  const { run, label, size, domain, first } = props;
  // on a narrow screen one method is shown at a time, in its place
  const [wanted, choose] = useState<MethodName>();
  const chosen = run.seen.some((s) => s.method === wanted) ? wanted : first.method;
  const most = largestError(run);
  const { white = 1 } = useLinked(size, size) ?? {};
  const frame = { size, side: 150, white: white * highest(first.truth), most };
  return (
    <>
      <Row>
        <Added seen={first} label={label} frame={frame} domain={domain} />
      </Row>
      <fieldset class="which only-narrow">
        <legend>Method</legend>
        {run.seen.map(({ method, name }) => (
          <label key={method} class="option">
            <input
              type="radio"
              name="method"
              checked={method === chosen}
              onChange={() => choose(method)}
            />
            {name}
          </label>
        ))}
      </fieldset>
      {run.seen.map((seen) => (
        <MethodPictures
          key={seen.method}
          {...{ seen, run, label, frame, first }}
          chosen={seen.method === chosen}
        />
      ))}
      <ScaleBar
        what="|error|, the same in all maps and at all three sizes"
        scale="magma"
        span={[0, most]}
      />
    </>
  );
}

export function AttackFigure(props: AttackFigureProps): JSX.Element | null {
  const [first] = props.run.seen;
  if (!first) return null;
  return (
    <Linked size={props.size}>
      <AllPictures {...props} first={first} />
    </Linked>
  );
}
