// A state that changes more often than it can be seen.
import { useRef, useState } from "preact/hooks";

type Update<T> = (change: (before: T) => T) => void;
/**
 * It is drawn once a frame, however often `update` changes it. `answer` changes it for somebody who
 * pressed something, and is drawn at once: whoever looks next must see that it was heard.
 */
export function useFramed<T>(first: T): [shown: T, update: Update<T>, answer: Update<T>] {
  const [shown, show] = useState(first);
  const newest = useRef(first);
  const asked = useRef(false);
  const answer: Update<T> = (change) => {
    newest.current = change(newest.current);
    show(newest.current);
  };
  const update: Update<T> = (change) => {
    newest.current = change(newest.current);
    if (asked.current) return;
    asked.current = true;
    requestAnimationFrame(() => {
      asked.current = false;
      show(newest.current);
    });
  };
  return [shown, update, answer];
}
