// What a visitor turns: a slider with its number beside it, a choice, a switch.
import type { ComponentChildren, JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { typed } from "./numbers.ts";

export interface TypedInputProps {
  /** For its label; or the label itself. */
  id?: string;
  label?: string;
  /** A number's. */
  range?: { min: number; max: number; step: number | "any" };
  value: string | number;
  /** What was typed, once Enter or another place says that it is whole. */
  onTyped: (text: string) => void;
}
/** An input whose text is the visitor's until it is whole, whatever is drawn anew meanwhile. */
export function TypedInput({ id, label, range, value, onTyped }: TypedInputProps): JSX.Element {
  const [draft, setDraft] = useState<string>();
  return (
    <input
      {...(id ? { id } : {})}
      {...(label ? { "aria-label": label } : {})}
      {...(range ? { type: "number", ...range } : { type: "text" })}
      value={draft ?? value}
      onInput={(e) => setDraft(e.currentTarget.value)}
      onBlur={() => setDraft(undefined)}
      onChange={(e) => {
        onTyped(e.currentTarget.value);
        setDraft(undefined);
      }}
    />
  );
}

export interface SliderProps {
  label: string;
  value: number;
  from: number;
  to: number;
  step?: number;
  /** Equal ways on the slider are equal factors. */
  log?: boolean;
  onChange: (value: number) => void;
}
export function Slider({
  label,
  value,
  from,
  to,
  step = 1,
  log = false,
  onChange,
}: SliderProps): JSX.Element {
  const id = useId();
  const way = (v: number): number => (log ? Math.log10(v) : v);
  /** Of the slider's place, two digits that count where its ways are factors. */
  const back = (place: string): number =>
    log ? Number((10 ** Number(place)).toPrecision(2)) : Number(place);
  const take = (text: string): void => {
    const given = typed(text);
    if (given !== undefined) onChange(Math.max(from, Math.min(to, given)));
  };
  return (
    <div class="control slider">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="range"
        min={way(from)}
        max={way(to)}
        step={log ? "any" : step}
        value={way(value)}
        aria-valuetext={log ? String(value) : undefined}
        onInput={(e) => take(String(back(e.currentTarget.value)))}
      />
      <TypedInput
        label={`${label}, as a number`}
        range={{ min: from, max: to, step: log ? "any" : step }}
        value={Number(value.toPrecision(6))}
        onTyped={take}
      />
    </div>
  );
}

export interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}
export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: ChoiceProps<T>): JSX.Element {
  const id = useId();
  return (
    <div class="control">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={(e) => {
          const chosen = options.find(([name]) => name === e.currentTarget.value);
          if (chosen) onChange(chosen[0]);
        }}
      >
        {options.map(([name, text]) => (
          <option key={name} value={name} selected={name === value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

export function Switch(props: {
  label: string;
  on: boolean;
  onChange: (on: boolean) => void;
}): JSX.Element {
  return (
    <label class="control switch">
      <input
        type="checkbox"
        checked={props.on}
        onChange={(e) => props.onChange(e.currentTarget.checked)}
      />
      {props.label}
    </label>
  );
}

export function Controls({ children }: { children: ComponentChildren }): JSX.Element {
  return <div class="controls">{children}</div>;
}
