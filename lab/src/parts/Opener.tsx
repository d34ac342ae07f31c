// A file of the visitor's, opened in the worker: it is read there and never leaves the tab.
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { ask, type EngineError } from "../worker/client.ts";
import type { Result } from "../worker/protocol.ts";

/** More bytes than these are not read: a page has little memory. */
const MOST_MEGABYTES = 64;

export interface OpenerProps<K extends "openScan" | "openOwnNetwork"> {
  label: string;
  call: K;
  /** What may be opened. */
  what: string;
  /** What was opened, in a sentence. */
  say: (opened: Result<K>) => string;
  onOpened: () => void;
}
export function Opener<K extends "openScan" | "openOwnNetwork">(props: OpenerProps<K>): JSX.Element {
  const { label, call, what, say, onOpened } = props;
  const id = useId();
  const [told, tell] = useState({ text: what, wrong: false });
  const open = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    const megabytes = Math.round(file.size / 1e6);
    if (megabytes > MOST_MEGABYTES) {
      const text = `${file.name} has ${megabytes} MB, which a page has no room for; open one of at most ${MOST_MEGABYTES} MB. The command line takes larger ones.`;
      return tell({ text, wrong: true });
    }
    tell({ text: `Reading ${file.name}…`, wrong: false });
    const bytes = new Uint8Array(await file.arrayBuffer());
    await ask(call, { bytes, name: file.name }).result.then(
      (opened) => {
        tell({ text: say(opened), wrong: false });
        onOpened();
      },
      (error: EngineError) => tell({ text: error.message, wrong: true }),
    );
  };
  return (
    <div class="control">
      <label for={id}>{label}</label>
      <input id={id} type="file" onChange={(e) => void open(e.currentTarget.files?.[0])} />
      <p class={told.wrong ? "note failure" : "note"} role="status">
        {told.text}
      </p>
    </div>
  );
}
