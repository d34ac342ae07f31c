// fiducial merge: one result from the parts that --shard computed.
import { join } from "node:path";
import { assembleAudit, openTest, parseAuditSpec, type Piece } from "../../audit/index.ts";
import { ConfigError, FormatError, version } from "../../engine/index.ts";
import { exitCode, finishAudit } from "../audit-files.ts";
import { piecesOf, readPieces, readPiecesHeader, type PiecesHeader } from "../piece-files.ts";
import { auditOptions, failOnOption } from "../audit-options.ts";
import { checkWritable } from "../files.ts";
import { printing } from "../options.ts";
import { command, type Command } from "./command.ts";

interface Part extends PiecesHeader {
  readonly folder: string;
}
/** Throws ConfigError for a folder without pieces, and for parts of different audits. */
function partsOf(folders: readonly string[]): readonly [Part, ...Part[]] {
  const [first, ...others] = folders.map((folder): Part => {
    const own = readPiecesHeader(folder);
    if (own) return { ...own, folder };
    throw new ConfigError(
      `${folder}: there are no pieces of an audit in it; give the --out folders of audit --shard`,
      { folder },
    );
  });
  if (!first)
    throw new ConfigError("merge: it takes the folders that audit --shard wrote; name them", {});
  const { software } = first.header.facts;
  if (software.version !== version)
    throw new FormatError(
      `${first.folder}: it was computed by version ${software.version}, this is ${version}; merge with the version that computed it`,
      {},
    );
  const same = (p: Part): boolean =>
    JSON.stringify(p.header) === JSON.stringify(first.header) &&
    p.shard.count === first.shard.count;
  const stranger = others.find((p) => !same(p));
  if (stranger)
    throw new ConfigError(
      `${stranger.folder}: it is part of another audit than ${first.folder} (${stranger.command}, in ${stranger.shard.count} parts); give the parts of one`,
      {},
    );
  return [first, ...others];
}

/** Throws ConfigError that names the shards whose pieces are not all there. */
function requireAll(parts: readonly Part[], pieces: ReadonlyMap<string, Piece>): void {
  const [{ header, shard }] = parts;
  const lacking = Array.from({ length: shard.count }, (_, index) => {
    const own = piecesOf(header, { index, count: shard.count });
    return { index, missing: own.filter((p) => !pieces.has(p.key)).length };
  }).filter((s) => s.missing > 0);
  if (lacking.length === 0) return;
  const said = lacking.map(({ index, missing }) => {
    const begun = parts.some((p) => p.shard.index === index);
    return `${index + 1}/${shard.count} (${begun ? `${missing} pieces` : "all of it"})`;
  });
  const [are, each] = lacking.length > 1 ? ["are shards", "each"] : ["is shard", "it"];
  throw new ConfigError(
    `merge: missing ${are} ${said.join(", ")}; run audit --shard for ${each} and name its folder`,
    { lacking: lacking.map((s) => s.index + 1) },
  );
}

export const mergeCommand: Command = command({
  name: "merge",
  operands: "FOLDER…",
  summary:
    "Puts the parts of an audit that --shard computed together: the same result, byte for byte, as one run.",
  options: { out: auditOptions.out, ...failOnOption, ...printing },
  async perform({ out: folder, failOn }, terminal, folders) {
    const started = new Date();
    const parts = partsOf(folders);
    const [{ header, command: repeat }] = parts;
    const spec = parseAuditSpec(header.facts.spec, folders[0]);
    const pieces = new Map<string, Piece>(folders.flatMap((part) => [...readPieces(part, header)]));
    requireAll(parts, pieces);
    checkWritable(join(folder, "report.html"));
    const result = assembleAudit(header, spec.tests.map(openTest), (key) => pieces.get(key));
    finishAudit(result, { folder, command: repeat, started, terminal });
    return exitCode(result, failOn);
  },
});
