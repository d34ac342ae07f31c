// A composed figure: pictures in rows and columns, crops and outlines, and what black and white,
// dark and bright mean.
import type { JSX } from "preact";
import type { Box, Picture, PictureGrid } from "../kinds.ts";
import { figure, fixed } from "../numbers.ts";
import { Scroll, Words } from "./Words.tsx";

type Shape = PictureGrid["shape"];
export type Pictures = Readonly<Record<string, string>>;

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(2)}%`;

function Outline({ box: [top, left, height, width], shape: [H, W] }: { box: Box; shape: Shape }): JSX.Element {
  const place = { top: share(top, H), left: share(left, W), height: share(height, H), width: share(width, W) };
  return <span class="box" style={place} />;
}

/** The part of the picture inside the box, at the picture's own width. */
function Crop(props: { source: string; label: string; box: Box; shape: Shape }): JSX.Element {
  const [top, left, height, width] = props.box;
  const [H, W] = props.shape;
  return (
    <svg class="crop" viewBox={`${left} ${top} ${width} ${height}`} role="img" aria-label={props.label}>
      <image href={props.source} x="0" y="0" width={W} height={H} />
    </svg>
  );
}

function One(props: { cell: Picture; grid: PictureGrid; pictures: Pictures; first: boolean }): JSX.Element {
  const { cell, grid, pictures, first } = props;
  const data = pictures[cell.picture];
  const source = `data:image/png;base64,${data}`;
  const [H, W] = grid.shape;
  const bar = first && grid.scaleBar;
  return (
    <figure>
      <div class="frame">
        {data === undefined && <p class="soft">picture missing</p>}
        {data !== undefined && cell.crop && (
          <Crop source={source} label={cell.label} box={cell.crop} shape={grid.shape} />
        )}
        {data !== undefined && !cell.crop && <img src={source} alt={cell.label} width={W} height={H} />}
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

export function PictureGridView({ grid, pictures }: { grid: PictureGrid; pictures: Pictures }): JSX.Element {
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
                cell ? <One cell={cell} grid={grid} pictures={pictures} first={cell === first} /> : <span />,
              )}
            </>
          ))}
        </div>
      </Scroll>
      {grid.windows && <Windows {...grid.windows} />}
    </>
  );
}
