/**
 * Publishes again what the data store has of the other topics: dead letters that the log lacks, runs whose events it lacks, and the list of
 * showers.
 */
import type { DeadLetter } from "../dead_letters/dead_letter.ts";
import { deadLetterRecord } from "../dead_letters/dead_letter_topic.ts";
import type { Publisher } from "../events/publisher.ts";
import { DEAD_LETTER, HEADERS, INGESTION_RUN } from "../events/topics.ts";
import { createValueCodec } from "../events/wire_values.ts";
import { RunRetelling } from "../runs/retell_run.ts";
import type { RunEvent } from "../runs/run_event.ts";
import { type RunEventRecord, toRecord } from "../runs/run_event_record.ts";
import type { Sql } from "../store/connection.ts";
import { listDeadLetters } from "../store/dead_letters.ts";
import { moveRunEvents, readWholeRunHistory } from "../store/run_history.ts";
import { readRunState } from "../store/run_states.ts";
import type { FoundRow } from "./finding.ts";

export interface RepairRest {
  readonly sql: Sql;
  readonly publisher: Pick<Publisher, "publishEach" | "schemaId">;
  readonly signal: AbortSignal;
}

const HEADER = { [HEADERS.republished]: "repair" } as const;
/** A dead letter may have a record of a megabyte, so this bounds the memory. */
const PAGE_DEAD_LETTERS = 50;

/** Publishes these dead letters again, as they are stored. @returns how many */
export async function republishDeadLetters(
  { sql, publisher, signal }: RepairRest,
  missing: readonly FoundRow[],
): Promise<number> {
  const schemaId = publisher.schemaId(DEAD_LETTER);
  let published = 0;
  for (let from = 0; from < missing.length; from += PAGE_DEAD_LETTERS) {
    signal.throwIfAborted();
    const ids = missing.slice(from, from + PAGE_DEAD_LETTERS).map(({ id }) => id);
    const page = await listDeadLetters(sql, { ids }, {
      limit: PAGE_DEAD_LETTERS,
      order: "oldest first",
      after: null,
    });
    const deadLetters = page.map(({ replayed_at: _, ...deadLetter }): DeadLetter => deadLetter);
    await publisher.publishEach(
      DEAD_LETTER,
      deadLetters.map((deadLetter) => ({
        ...deadLetterRecord(deadLetter, schemaId),
        timestamp: new Date(deadLetter.at / 1_000),
        headers: HEADER,
      })),
    );
    published += deadLetters.length;
  }
  return published;
}

const codec = createValueCodec<RunEventRecord>(INGESTION_RUN);

/**
 * Tells each of these runs again, from its request on: events in the middle of a run mean nothing by themselves. For everyone who has the
 * run they change nothing. The missing events get the places of their new records.
 * @returns how many events were published
 */
export async function republishRuns(
  { sql, publisher, signal }: RepairRest,
  missing: readonly FoundRow[],
): Promise<number> {
  const offsets = Map.groupBy(missing, ({ id }) => id);
  let published = 0;
  for (const [runId, lost] of offsets) {
    signal.throwIfAborted();
    const stored = await readRunState(sql, runId);
    if (stored === null) continue;
    const isLost = new Set(lost.map(({ offset }) => offset));
    const retelling = new RunRetelling({
      stored,
      lostFiles: new Set(),
      isBehind: false,
      ends: stored.nextOffsets,
    });
    const events: RunEvent[] = [];
    const moves: { from: bigint; at: number }[] = [];
    for (const entry of await readWholeRunHistory(sql, runId)) {
      events.push(...retelling.take(entry));
      const isTold = events.at(-1)?.type === entry.name;
      if (isTold && isLost.has(entry.offset)) {
        moves.push({ from: entry.offset, at: events.length - 1 });
      }
    }
    events.push(...retelling.end());
    const schemaId = publisher.schemaId(INGESTION_RUN);
    const places = await publisher.publishEach(
      INGESTION_RUN,
      events.map((event) => ({
        key: event.runId,
        value: codec.encode(toRecord(event), schemaId),
        timestamp: event.at,
        partition: 0,
        headers: HEADER,
      })),
    );
    await moveRunEvents(sql, runId, moves.map(({ from, at }) => ({ from, to: places[at]! })));
    published += events.length;
  }
  return published;
}
