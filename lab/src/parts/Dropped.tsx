// A file that is dropped anywhere on the page: a network by its name's ending, a scan otherwise.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { EngineError } from "../worker/client.ts";
import { openFile } from "./open-file.ts";

export interface DroppedProps {
  /** Images are size×size. */
  size: number;
  /** Whether the section has a place for a network. */
  withNetwork: boolean;
  onScan: () => void;
  onNetwork: () => void;
}
const isNetwork = (name: string): boolean => /\.(onnx|safetensors)$/i.test(name);

async function opened(
  file: File,
  { size, withNetwork, onScan, onNetwork }: DroppedProps,
): Promise<string> {
  if (!isNetwork(file.name)) {
    const { name, rows, columns } = await openFile("openScan", file, {});
    onScan();
    return `${name}: a scan of ${rows}×${columns} is the image now.`;
  }
  if (!withNetwork)
    return `${file.name} is a network: drop it on the section “Attack”, “Tumour” or “More samples”.`;
  const { name, parameters } = await openFile("openOwnNetwork", file, { size });
  onNetwork();
  return `${name}: a network of ${parameters} parameters is the one that is broken now.`;
}

export function Dropped(props: DroppedProps): JSX.Element {
  const [told, tell] = useState({ text: "", wrong: false });
  const newest = useRef(props);
  newest.current = props;
  useEffect(() => {
    const allow = (e: DragEvent): void => e.preventDefault();
    const drop = (e: DragEvent): void => {
      // the browser would leave the page for the file
      e.preventDefault();
      const file = e.dataTransfer?.files[0];
      if (!file) return;
      tell({ text: `Reading ${file.name}…`, wrong: false });
      opened(file, newest.current).then(
        (text) => tell({ text, wrong: false }),
        (error: EngineError) => tell({ text: error.message, wrong: true }),
      );
    };
    addEventListener("dragover", allow);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", allow);
      removeEventListener("drop", drop);
    };
  }, []);
  return (
    <p class={told.wrong ? "dropped failure" : "dropped note"} role="status">
      {told.text === "" ? "Drop a scan or a network of yours anywhere on this page." : told.text}
    </p>
  );
}
