// A composed figure: pictures in rows and columns, crops and outlines, and what black and white,
// dark and bright mean.
import type { JSX } from "preact";
import type { Box, Picture, PictureGrid } from "../kinds.ts";
import { figure, fixed } from "../numbers.ts";
import type { Pictures, StoredPicture } from "./stored.ts";
import { Scroll, Words } from "./Words.tsx";

type Shape = PictureGrid["shape"];

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(2)}%`;

function Outline({
  box: [top, left, height, width],
  shape: [H, W],
}: {
  box: Box;
  shape: Shape;
}): JSX.Element {
  const place = {
    top: share(top, H),
    left: share(left, W),
    height: share(height, H),
    width: share(width, W),
  };
  return <span class="box" style={place} />;
}

const sourceOf = (data: string): string => `data:image/png;base64,${data}`;

/** What the pictures of a page refer to. */
export function Store({ stored }: Pick<Pictures, "stored">): JSX.Element | null {
  if (stored.size === 0) return null;
  return (
    <svg class="store" width="0" height="0" aria-hidden="true">
      <defs>
        {[...stored.values()].map(({ id, data, shape: [H, W] }) => (
          <image id={id} href={sourceOf(data)} width={W} height={H} />
        ))}
      </defs>
    </svg>
  );
}

interface Shown {
  readonly data: string;
  readonly stored: StoredPicture | undefined;
  readonly label: string;
  readonly shape: Shape;
}
/** The part of the picture inside the box, at the picture's own width; a stored one as a whole. */
function Drawn({ data, stored, label, shape, box }: Shown & { readonly box?: Box }): JSX.Element {
  const [H, W] = shape;
  const [top, left, height, width] = box ?? [0, 0, H, W];
  return (
    <svg
      class={box ? "crop" : "whole"}
      viewBox={`${left} ${top} ${width} ${height}`}
      role="img"
      aria-label={label}
    >
      {stored ? (
        <use href={`#${stored.id}`} />
      ) : (
        <image href={sourceOf(data)} x="0" y="0" width={W} height={H} />
      )}
    </svg>
  );
}
function Whole(shown: Shown): JSX.Element {
  if (shown.stored) return <Drawn {...shown} />;
  const [H, W] = shown.shape;
  return <img src={sourceOf(shown.data)} alt={shown.label} width={W} height={H} />;
}

function One(props: {
  cell: Picture;
  grid: PictureGrid;
  pictures: Pictures;
  first: boolean;
}): JSX.Element {
  const { cell, grid, pictures, first } = props;
  const data = pictures.data[cell.picture];
  const [, W] = grid.shape;
  const bar = first && grid.scaleBar;
  const shown = data && {
    data,
    stored: pictures.stored.get(data),
    label: cell.label,
    shape: grid.shape,
  };
  return (
    <figure>
      <div class="frame">
        {!shown && <p class="soft">picture missing</p>}
        {shown && (cell.crop ? <Drawn {...shown} box={cell.crop} /> : <Whole {...shown} />)}
        {(cell.boxes ?? []).map((box) => (
          <Outline box={box} shape={grid.shape} />
        ))}
        {bar && (
          <span class="scale-bar" style={{ width: share(bar.pixels, W) }}>
            {bar.text}
          </span>
        )}
      </div>
      {cell.caption && (
        <figcaption>
          <Words of={cell.caption} />
        </figcaption>
      )}
    </figure>
  );
}

function Windows({ grey, white, colour }: NonNullable<PictureGrid["windows"]>): JSX.Element {
  return (
    <p class="soft windows">
      {colour !== undefined && (
        <>
          Colours: {colour.of}, 0 <span class="ramp" /> {fixed(colour.top, 3)}.{" "}
        </>
      )}
      {grey !== undefined && (
        <>
          Grey: black {figure(grey[0])}, white {fixed(grey[1], 3)}
          {white === undefined ? "" : ` (${white})`}.
        </>
      )}
    </p>
  );
}

export function PictureGridView({
  grid,
  pictures,
}: {
  grid: PictureGrid;
  pictures: Pictures;
}): JSX.Element {
  const sided = grid.rows.some((row) => row.label.text !== "");
  const columns = `${sided ? "minmax(74px, max-content) " : ""}repeat(${grid.columns.length}, minmax(108px, 1fr))`;
  const first = grid.rows[0]?.cells.find((cell) => cell !== null);
  return (
    <>
      <Scroll label={grid.title ?? "pictures"}>
        <div
          class={grid.small ? "grid small" : "grid"}
          style={{ "grid-template-columns": columns, "--columns": String(grid.columns.length) }}
        >
          {sided && <span />}
          {grid.columns.map((label) => (
            <div class="head">
              <Words of={label} />
            </div>
          ))}
          {grid.rows.map((row) => (
            <>
              {sided && (
                <div class="side">
                  <Words of={row.label} />
                </div>
              )}
              {row.cells.map((cell) =>
                cell ? (
                  <One cell={cell} grid={grid} pictures={pictures} first={cell === first} />
                ) : (
                  <span />
                ),
              )}
            </>
          ))}
        </div>
      </Scroll>
      {grid.windows && <Windows {...grid.windows} />}
    </>
  );
}
