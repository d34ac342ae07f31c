// Serves the lab's files on this machine alone. What is served is listed when it starts: a request
// names one of these or gets nothing, so no path of a request ever reaches the disk.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../engine/index.ts";
import { MachineError } from "./errors.ts";

/** Threads of the engine need the first two; the rest lets nothing in and nothing out. */
export const headers: Readonly<Record<string, string>> = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; " +
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  // a new version of the package is another lab
  "Cache-Control": "no-cache",
};
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

/** Where `npm run build` puts the lab, and the package has it. */
const built = fileURLToPath(new URL("../../lab/dist", import.meta.url));

/** Where a file lies by the path of a request, "/assets/main.js". */
type Files = ReadonlyMap<string, string>;
/** Throws ConfigError where the lab is not built. */
function labFiles(folder: string): Files {
  if (!existsSync(join(folder, "index.html")))
    throw new ConfigError(`lab: it is not built (${folder} has no index.html); run npm run build`, {
      folder,
    });
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter(
    (name) => extname(name) !== "",
  );
  const files = new Map(names.map((name) => [`/${name.split(sep).join("/")}`, join(folder, name)]));
  files.set("/", join(folder, "index.html"));
  return files;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
}
const refusal = (status: number, why: string): Answer => ({
  status,
  type: "text/plain; charset=utf-8",
  body: `${why}\n`,
});

function answerTo(
  { headers: { host = "" }, method, url = "" }: IncomingMessage,
  files: Files,
): Answer {
  // a name that others may give this machine is none of ours (DNS rebinding)
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return refusal(403, "Not this host.");
  if (method !== "GET" && method !== "HEAD") return refusal(405, "GET or HEAD only.");
  const file = files.get(url.split("?")[0]);
  if (file === undefined) return refusal(404, "There is no such file in the lab.");
  return {
    status: 200,
    type: types[extname(file)] ?? "application/octet-stream",
    body: readFileSync(file),
  };
}
function respond(request: IncomingMessage, response: ServerResponse, files: Files): void {
  try {
    const { status, type, body } = answerTo(request, files);
    response.writeHead(status, { ...headers, "Content-Type": type });
    response.end(request.method === "HEAD" ? undefined : body);
  } catch {
    // the file went away while this ran
    response.destroy();
  }
}

/**
 * Serves `folder` on 127.0.0.1; port 0 takes a free one. Throws ConfigError where nothing is built,
 * MachineError where the port cannot be had.
 */
export async function serveLab(
  port: number,
  folder: string = built,
): Promise<{ server: Server; url: string }> {
  const files = labFiles(folder);
  const server = createServer((request, response) => respond(request, response, files));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      const why = taken
        ? "is taken; give another with --port, or 0 for a free one"
        : `cannot be had (${error.code})`;
      reject(new MachineError(`lab: port ${port} ${why}`, { port }));
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  const given = typeof address === "object" && address !== null ? address.port : port;
  return { server, url: `http://127.0.0.1:${given}/` };
}
