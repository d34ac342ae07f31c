// A file of the visitor's, chosen here; what was opened, or why it was not, stands below.
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import type { EngineError } from "../worker/client.ts";
import type { Result } from "../worker/protocol.ts";
import { openFile, type Beside, type OpenCall } from "./open-file.ts";

export interface OpenerProps<K extends OpenCall> {
  label: string;
  call: K;
  /** What may be opened. */
  what: string;
  beside: Beside<K>;
  /** What was opened, in a sentence. */
  say: (opened: Result<K>) => string;
  onOpened: (opened: Result<K>) => void;
}
export function Opener<K extends OpenCall>(props: OpenerProps<K>): JSX.Element {
  const { label, call, what, beside, say, onOpened } = props;
  const id = useId();
  const [told, tell] = useState({ text: what, wrong: false });
  const open = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    tell({ text: `Reading ${file.name}…`, wrong: false });
    await openFile(call, file, beside).then(
      (opened) => {
        tell({ text: say(opened), wrong: false });
        onOpened(opened);
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
