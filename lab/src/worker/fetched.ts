// Weights from the lab's own server, fetched when they are first needed.
import { ConfigError } from "fiducial/engine";

/** Throws ConfigError where they cannot be had. `url` is as the bundler writes it. */
export async function fetchBytes(url: string, name: string): Promise<Uint8Array> {
  const answer = await fetch(new URL(url, import.meta.url)).catch(() => undefined);
  if (answer?.ok) return new Uint8Array(await answer.arrayBuffer());
  throw new ConfigError(
    `The weights of the ${name} could not be had from the lab's own server; reload the page.`,
  );
}
