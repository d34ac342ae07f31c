// The state of the page is its address: #/inside/slide?stride=2. It is behind the hash, so that any
// static host serves it and nothing of it is sent to one.
import { useEffect, useReducer } from "preact/hooks";

export interface Address {
  /** "inside" */
  readonly route: string;
  /** "slide"; "" for the route's own page. */
  readonly section: string;
  readonly settings: ReadonlyMap<string, string>;
}

export function parseAddress(hash: string): Address {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [route = "", section = ""] = path.split("/");
  return { route, section, settings: new Map(new URLSearchParams(query)) };
}
export function formatAddress({ route, section, settings }: Address): string {
  const query = new URLSearchParams([...settings]).toString();
  return `#/${route}${section && `/${section}`}${query && `?${query}`}`;
}
/** Of a section as it is at first. */
export const addressOf = (route: string, section: string): string =>
  formatAddress({ route, section, settings: new Map() });

let current = parseAddress(location.hash);
const listeners = new Set<() => void>();
const tell = (): void => {
  for (const listener of listeners) listener();
};
addEventListener("hashchange", () => {
  current = parseAddress(location.hash);
  tell();
});

/** Browsers take no more than about 200 changes of the address in half a minute. */
const SETTLED = 200;
let waiting: ReturnType<typeof setTimeout> | undefined;
function writeNow(): void {
  if (waiting === undefined) return;
  clearTimeout(waiting);
  waiting = undefined;
  history.replaceState(null, "", formatAddress(current));
}
addEventListener("pagehide", writeNow);

/** Changes settings in place; `undefined` takes one away. */
export function change(settings: Readonly<Record<string, string | undefined>>): void {
  const next = new Map(current.settings);
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) next.delete(name);
    else next.set(name, value);
  }
  current = { ...current, settings: next };
  clearTimeout(waiting);
  waiting = setTimeout(writeNow, SETTLED);
  tell();
}

/** The address as it is, and from now on. */
export function useAddress(): Address {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const listener = (): void => again(undefined as never);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, []);
  return current;
}
// a link that is followed leaves the state behind it in the history as it was
addEventListener("click", writeNow, { capture: true });
