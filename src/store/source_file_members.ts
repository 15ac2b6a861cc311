/**
 * Which trajectories each daily and monthly file had (`source_file_member`). What they say about withdrawn ones: file_generations.ts.
 *
 * The table is a projection of the topic `trajectory_summary_raw`. The loader writes it in the batch's transaction, from the record
 * headers, with one row for each file of a batch. So it costs one narrow row per thousands of wide ones, and needs no index by
 * trajectory.
 */
import { parseFilePath } from "../trajectory/file_name.ts";
import { storable } from "./storable.ts";
import {
  confirmedBy,
  isRepeat,
  isUpsert,
  type TrajectoryBatch,
  upsertId,
} from "./trajectory_batch.ts";

/** The trajectories of one generation of a file in one batch. */
export interface FileMembers {
  readonly file: string;
  readonly generated_at: string;
  readonly ids: string[];
}

/** Stores the trajectories of a batch. `$1`: JSON list of `FileMembers`. */
export const ADD_FILE_MEMBERS = `
INSERT INTO source_file_member (file, generated_at, ids)
SELECT file, generated_at, ids FROM json_to_recordset($1::json) AS t (file text, generated_at timestamptz, ids text[])`;

/**
 * The trajectories of a batch by file, for files whose generations are compared: windows and months. Collections consist of
 * months, aliases are copies of windows, and uploads are not compared.
 */
export function membersOf({ changes }: Pick<TrajectoryBatch, "changes">): FileMembers[] {
  const members = new Map<string, FileMembers | null>();
  for (const change of changes) {
    const { lineage: { sourceFile, sourceGeneratedAt, isRepublished } } = change;
    if (sourceFile === null || sourceGeneratedAt === null) continue;
    const id = isUpsert(change) ? upsertId(change) : isRepeat(change) ? change.id : null;
    const isAlone = isRepublished !== true && id !== null && id !== "";
    const ids = confirmedBy(change) ?? (isAlone ? [id] : []);
    if (ids.length === 0) continue;
    const key = `${sourceGeneratedAt.getTime()} ${sourceFile}`;
    let of = members.get(key);
    if (of === undefined) {
      of = isCompared(sourceFile)
        ? { file: sourceFile, generated_at: sourceGeneratedAt.toISOString(), ids: [] }
        : null;
      members.set(key, of);
    }
    // Not one call with all of them: there may be more than a call takes arguments.
    if (of !== null) { for (const id of ids) of.ids.push(storable(id)); }
  }
  return [...members.values()].filter((of) => of !== null);
}

function isCompared(path: string): boolean {
  const kind = parseFilePath(path)?.kind;
  return kind === "daily" || kind === "monthly";
}
