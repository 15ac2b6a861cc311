/**
 * How a dead letter gets its id.
 *
 * The id is derived from the origin of the dead letter, not random. So a failure that occurs twice (a line that is read again after
 * a crash, a record that is processed again after a lost commit) is one dead letter.
 *
 *     line      file:<file>@<generated at>#<line>
 *     record          <topic>-<partition>@<offset>~<time of the record>
 *     batch     batch:<topic>-<partition>@<first offset>~<time of the batch>
 *
 * An offset says little by itself: when a log is lost and refilled, or cut and written on, another record gets it, while the dead
 * letter of the earlier one is still there. The time tells them apart. It is part of the record, so the id is the same in a rebuild
 * and in a copy of the log. Logs that were made by a version before have ids without times, for ever: otherwise each of their dead
 * letters would come a second time, under another id.
 */
import type { ConsumedRecord, RecordBatch, UnreadableBatch } from "../events/consumed_record.ts";

/** Makes the ids for records and batches of a log. */
export interface DeadLetterIds {
  ofRecord(at: Partition, record: Pick<ConsumedRecord, "offset" | "timestamp">): string;
  /** Its first record may have its own dead letter once the batch can be read. */
  ofBatch(at: Partition, batch: Pick<UnreadableBatch, "firstOffset" | "writtenAt">): string;
}

type Partition = Pick<RecordBatch, "topic" | "partition">;

/** @param hasTimes whether the log is one whose ids have times (`LogIdentity.hasTimedIds`); asked for each id, as it may be replaced */
export function createDeadLetterIds(hasTimes: () => boolean): DeadLetterIds {
  const timed = (place: string, time: Date | null) =>
    hasTimes() ? `${place}~${textOf(time)}` : place;
  return {
    ofRecord: ({ topic, partition }, { offset, timestamp }) =>
      timed(`${topic}-${partition}@${offset}`, timestamp),
    ofBatch: ({ topic, partition }, { firstOffset, writtenAt }) =>
      timed(`batch:${topic}-${partition}@${firstOffset}`, writtenAt),
  };
}

/** Whether this id of a dead letter has the time of its record or batch; null for the id of a line, which says nothing of it. */
export function isTimedId(id: string): boolean | null {
  if (id.startsWith("file:")) return null;
  const found = /@\d+(~|$)/.exec(id);
  return found === null ? null : found[1] === "~";
}

/** The id for a line of a file. It includes the generation stamp: the line of a regenerated file is another line. */
export function lineDeadLetterId(file: string, generatedAt: Date | null, line: number): string {
  return `file:${file}@${textOf(generatedAt)}#${line}`;
}

/** Another program may write a time that no calendar has. */
function textOf(time: Date | null): string {
  return time === null || Number.isNaN(time.getTime()) ? "unknown" : time.toISOString();
}
