// A state that changes more often than it can be seen.
import { useRef, useState } from "preact/hooks";

/** It is drawn once a frame, however often it changes. */
export function useFramed<T>(first: T): [T, (change: (before: T) => T) => void] {
  const [shown, show] = useState(first);
  const newest = useRef(first);
  const asked = useRef(false);
  const update = (change: (before: T) => T): void => {
    newest.current = change(newest.current);
    if (asked.current) return;
    asked.current = true;
    requestAnimationFrame(() => {
      asked.current = false;
      show(newest.current);
    });
  };
  return [shown, update];
}
