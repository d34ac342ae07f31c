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

export const mergeCommand: Command = command({
  name: "merge",
  operands: "FOLDER…",
  summary: "Puts the parts of an audit that --shard computed together: the same result, byte for byte, as one run.",
  options: { out: auditOptions.out, ...failOnOption, ...printing },
  async perform({ out: folder, failOn }, terminal, folders) {
    const started = new Date();
    if (folders.length === 0)
      throw new ConfigError("merge: it takes the folders that audit --shard wrote; name them", {});
    const parts = folders.map((folder): PiecesHeader & { folder: string } => {
      const own = readPiecesHeader(folder);
      if (!own)
        throw new ConfigError(
          `${folder}: there are no pieces of an audit in it; give the --out folders of audit --shard`,
          { folder },
        );
      return { ...own, folder };
    });
    const [
      {
        header,
        command: repeat,
        shard: { count },
      },
    ] = parts;
    if (header.facts.software.version !== version)
      throw new FormatError(
        `${folders[0]}: it was computed by version ${header.facts.software.version}, this is ${version}; merge with the version that computed it`,
        {},
      );
    const stranger = parts.find((p) => JSON.stringify(p.header) !== JSON.stringify(header) || p.shard.count !== count);
    if (stranger)
      throw new ConfigError(
        `${stranger.folder}: it is part of another audit than ${folders[0]} (${stranger.command}, in ${stranger.shard.count} parts); give the parts of one`,
        {},
      );
    const spec = parseAuditSpec(header.facts.spec, folders[0]);
    const pieces = new Map<string, Piece>(folders.flatMap((folder) => [...readPieces(folder, header)]));
    const lacking = Array.from({ length: count }, (_, index) => ({
      index,
      missing: piecesOf(header, { index, count }).filter((p) => !pieces.has(p.key)).length,
    })).filter((s) => s.missing > 0);
    if (lacking.length > 0) {
      const said = lacking.map(
        ({ index, missing }) =>
          `${index + 1}/${count} (${parts.some((p) => p.shard.index === index) ? `${missing} pieces` : "all of it"})`,
      );
      throw new ConfigError(
        `merge: missing ${lacking.length > 1 ? "are shards" : "is shard"} ${said.join(", ")}; run audit --shard for ${lacking.length > 1 ? "each" : "it"} and name its folder`,
        { lacking: lacking.map((s) => s.index + 1) },
      );
    }
    checkWritable(join(folder, "report.html"));
    const result = assembleAudit(header, spec.tests.map(openTest), (key) => pieces.get(key));
    finishAudit(result, { folder, command: repeat, started, terminal });
    return exitCode(result, failOn);
  },
});
