// Settings that live in the address: what each may be, and a hook that reads and writes one.
import { change, useAddress } from "./address.ts";

export interface Setting<T> {
  readonly name: string;
  readonly otherwise: T;
  /** Undefined for a text that is no such value: then the setting is what it is otherwise. */
  read(text: string): T | undefined;
  write(value: T): string;
}

export function real(name: string, otherwise: number, from: number, to: number): Setting<number> {
  const read = (text: string): number | undefined => {
    const value = Number(text);
    return text !== "" && value >= from && value <= to ? value : undefined;
  };
  return { name, otherwise, read, write: (value) => String(Number(value.toPrecision(8))) };
}
export function whole(name: string, otherwise: number, from: number, to: number): Setting<number> {
  const { read, write } = real(name, otherwise, from, to);
  const readWhole = (text: string): number | undefined => {
    const value = read(text);
    return Number.isInteger(value) ? value : undefined;
  };
  return { name, otherwise, read: readWhole, write };
}
export function oneOf<const T extends string>(
  name: string,
  names: readonly T[],
  otherwise: NoInfer<T>,
): Setting<T> {
  return {
    name,
    otherwise,
    read: (text) => names.find((n) => n === text),
    write: (value) => value,
  };
}
export function flag(name: string): Setting<boolean> {
  return {
    name,
    otherwise: false,
    read: (text) => text === "1",
    write: (value) => (value ? "1" : "0"),
  };
}
/** Numbers up to a million in size: cells that a visitor has typed. */
export function numbers(name: string, otherwise: readonly number[]): Setting<readonly number[]> {
  const read = (text: string): readonly number[] | undefined => {
    const all = text.split("_").map((part) => (part === "" ? Number.NaN : Number(part)));
    return all.length <= 1000 && all.every((v) => Math.abs(v) <= 1e6) ? all : undefined;
  };
  const write = (values: readonly number[]): string =>
    values.map((v) => Number(v.toPrecision(8))).join("_");
  return { name, otherwise, read, write };
}

/** The setting's text for the address; none where it is what it is otherwise. */
export function textOf<T>(setting: Setting<T>, value: T): string | undefined {
  const text = setting.write(value);
  return text === setting.write(setting.otherwise) ? undefined : text;
}

export function useSetting<T>(setting: Setting<T>): [T, (value: T) => void] {
  const text = useAddress().settings.get(setting.name);
  const value = (text === undefined ? undefined : setting.read(text)) ?? setting.otherwise;
  return [value, (next) => change({ [setting.name]: textOf(setting, next) })];
}
