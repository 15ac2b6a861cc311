/** What a record's headers say: where it comes from, the digest of its line, and which other trajectories it stands for. */
import { Buffer } from "node:buffer";
import { PermanentError } from "@gmn/failures";
import type { ConsumedRecord, HeaderValue } from "../events/consumed_record.ts";
import { z } from "zod";
import { HEADERS } from "../events/topics.ts";
import { isAhead, RECORD_AHEAD_MS_MAX } from "../runs/file_stamp.ts";
import { runCountsSchema } from "../store/run_counts.ts";
import type { Confirmed, Lineage } from "../store/trajectory_batch.ts";
import { decodeTrajectoryIds } from "../wire_format/trajectory_ids.ts";

/** The id of a dead letter is a file's path with a line, or a topic with an offset. A longer text is not one of our ids. */
const DEAD_LETTER_ID_MAX_CHARACTERS = 1_000;

/** The text of a header (the last one if there are several), or null if there is none. */
function textOf(value: HeaderValue): string | null {
  const last = Array.isArray(value) ? value.at(-1) : value;
  return last?.toString() ?? null;
}

/**
 * A header that mostly has the same value as in the previous record (run, file, generation). The decoder returns equal values as
 * the same buffer. Comparing buffers is cheaper than building a text or a date again, and thousands of records share one text.
 */
class CachedHeader<Meaning> {
  #value: HeaderValue = undefined;
  #meaning: Meaning;

  constructor(private readonly read: (text: string | null) => Meaning) {
    this.#meaning = read(null);
  }

  of(value: HeaderValue): Meaning {
    if (value !== this.#value) {
      this.#meaning = this.read(textOf(value));
      this.#value = value;
    }
    return this.#meaning;
  }
}

const asText = (text: string | null): string | null => text;
const runIds = new CachedHeader(asText);
const files = new CachedHeader(asText);
const generations = new CachedHeader((text): Date | null => {
  const at = new Date(text ?? NaN);
  return Number.isNaN(at.getTime()) ? null : at;
});

/** The line differs in each record, so nothing is cached. */
function lineOf(value: HeaderValue): number | null {
  const line = Number(textOf(value) ?? NaN);
  return Number.isSafeInteger(line) ? line : null;
}

const epochs = new CachedHeader((text): Pick<Lineage, "epoch"> => {
  const epoch = Number(text ?? NaN);
  return Number.isSafeInteger(epoch) && epoch > 0 ? { epoch } : {};
});

/**
 * The generation of a record's file. A stamp that lies ahead of the record's own time is not believed (runs/file_stamp.ts). That time is
 * the record's, and not that of the clock, so a rebuild believes the same. A producer may have sent no time.
 */
function generationOf({ headers, timestamp }: ConsumedRecord): Date | null {
  const stamp = generations.of(headers[HEADERS.sourceGeneratedAt]);
  if (stamp === null || timestamp.getTime() <= 0) return stamp;
  return isAhead(stamp, timestamp, RECORD_AHEAD_MS_MAX) ? null : stamp;
}

/** Where a record comes from. An unreadable header is treated as missing: no row is lost for its lineage. */
export function lineageOf(record: ConsumedRecord): Lineage {
  const { headers, offset } = record;
  const lineage = {
    offset,
    sourceFile: files.of(headers[HEADERS.sourceFile]),
    sourceLine: lineOf(headers[HEADERS.sourceLine]),
    sourceGeneratedAt: generationOf(record),
    runId: runIds.of(headers[HEADERS.runId]),
    ...epochs.of(headers[HEADERS.runEpoch]),
  };
  const replayed = headers[HEADERS.deadLetterId];
  const isRepublished = headers[HEADERS.republished] !== undefined;
  if (replayed === undefined && !isRepublished) return lineage;
  return {
    ...lineage,
    ...(replayed === undefined ? {} : replayOf(record, replayed)),
    ...(isRepublished ? { isRepublished, ...runCountsOf(headers[HEADERS.runCounts]) } : {}),
  };
}

/** The counts of runs that the record restores. */
function runCountsOf(value: HeaderValue): Pick<Lineage, "runCounts"> {
  if (value === undefined) return {};
  try {
    const counts = z.array(runCountsSchema).safeParse(JSON.parse(textOf(value) ?? ""));
    return counts.success ? { runCounts: counts.data } : {};
  } catch {
    return {};
  }
}

/** The dead letter that the record replays. A header that can't be a dead letter's id is treated as missing. */
function replayOf(record: ConsumedRecord, value: HeaderValue): Pick<Lineage, "replays"> {
  const deadLetterId = textOf(value) ?? "";
  return deadLetterId === "" || deadLetterId.length > DEAD_LETTER_ID_MAX_CHARACTERS
    ? {}
    : { replays: { deadLetterId, at: record.timestamp } };
}

const DIGEST_BYTES = 8;

/** The last value of a header in bytes; undefined if there is none. */
function bytesOf(value: HeaderValue): Buffer | undefined {
  const last = Array.isArray(value) ? value.at(-1) : value;
  return typeof last === "string" ? Buffer.from(last) : last;
}

/** The digest of the line that the record was made from. A header of another length is treated as missing: nothing is lost. */
export function lineDigestOf({ headers }: ConsumedRecord): bigint | undefined {
  const bytes = bytesOf(headers[HEADERS.sourceDigest]);
  return bytes?.length === DIGEST_BYTES ? bytes.readBigInt64BE() : undefined;
}

/** The ids that a confirm record stands for, or why they can't be read; undefined for any other record. */
export function confirmedOf({ headers }: ConsumedRecord): Confirmed | PermanentError | undefined {
  const bytes = bytesOf(headers[HEADERS.unchanged]);
  if (bytes === undefined) return undefined;
  try {
    return decodeTrajectoryIds(bytes);
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return new PermanentError(`header ${HEADERS.unchanged}: ${error.message}`, { cause: error });
  }
}
