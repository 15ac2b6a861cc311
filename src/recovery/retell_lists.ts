/** Tells a new log about the dead letters and the list of showers, as they are stored. */
import { cutDeadLetter, type DeadLetter } from "../dead_letters/dead_letter.ts";
import type { DeadLetterPage } from "../dead_letters/dead_letter_table.ts";
import { deadLetterRecord } from "../dead_letters/dead_letter_topic.ts";
import { RecordTooLargeError } from "../events/kafka_client.ts";
import type { OutgoingRecord, Publisher } from "../events/publisher.ts";
import { DEAD_LETTER, HEADERS, IAU_SHOWER } from "../events/topics.ts";
import { createValueCodec } from "../events/wire_values.ts";
import type { Sql } from "../store/connection.ts";
import { listDeadLetters } from "../store/dead_letters.ts";
import { type ListedShower, readListedShowers } from "../store/iau_showers.ts";
import type { RepublishedBy } from "./republish.ts";

export interface RetellListsOptions {
  readonly sql: Sql;
  readonly publisher: Pick<Publisher, "publishEach" | "schemaId">;
  readonly by: RepublishedBy;
  readonly signal: AbortSignal;
}

/** A dead letter may have a record of a megabyte, so this bounds the memory. */
const PAGE_DEAD_LETTERS = 50;
/** A broker that takes fewer bytes than this is not supported. */
const VALUE_BYTES_MIN = 1_000;

/**
 * Publishes every dead letter again, oldest first. They have no offset any more: it was one of the log that is gone, and is compared with
 * offsets of the rows (`selectSuperseded` then compares times).
 * @returns how many
 */
export async function retellDeadLetters(options: RetellListsOptions): Promise<number> {
  const { sql, publisher, by, signal } = options;
  const schemaId = publisher.schemaId(DEAD_LETTER);
  const recordOf = (deadLetter: DeadLetter): OutgoingRecord => ({
    ...deadLetterRecord(deadLetter, schemaId),
    timestamp: new Date(deadLetter.at / 1_000),
    headers: { [HEADERS.republished]: by },
  });
  let published = 0;
  for (let after: DeadLetterPage["after"] = null;;) {
    signal.throwIfAborted();
    const page = await listDeadLetters(sql, {}, {
      limit: PAGE_DEAD_LETTERS,
      order: "oldest first",
      after,
    });
    const deadLetters = page.map(({ replayed_at: _, ...deadLetter }) => ({
      ...deadLetter,
      offset: null,
    }));
    try {
      await publisher.publishEach(DEAD_LETTER, deadLetters.map(recordOf));
    } catch (error) {
      if (!(error instanceof RecordTooLargeError)) throw error;
      for (const deadLetter of deadLetters) await publishFitting(deadLetter, recordOf, publisher);
    }
    published += deadLetters.length;
    if (page.length < PAGE_DEAD_LETTERS) return published;
    after = page.at(-1)!;
  }
}

/** Publishes a dead letter, cut until this broker takes it: it may take less than the one that had it. */
async function publishFitting(
  deadLetter: DeadLetter,
  recordOf: (deadLetter: DeadLetter) => OutgoingRecord,
  publisher: RetellListsOptions["publisher"],
): Promise<void> {
  let bytes_max = Math.max(deadLetter.key?.length ?? 0, deadLetter.value?.length ?? 0);
  for (;; bytes_max = Math.floor(bytes_max / 2)) {
    try {
      await publisher.publishEach(DEAD_LETTER, [recordOf(cutDeadLetter(deadLetter, bytes_max))]);
      return;
    } catch (error) {
      if (!(error instanceof RecordTooLargeError) || bytes_max < VALUE_BYTES_MIN) throw error;
    }
  }
}

/** Publishes the list of showers again. @returns how many it has */
export async function retellShowers(
  { sql, publisher, by }: RetellListsOptions,
): Promise<number> {
  const codec = createValueCodec<ListedShower>(IAU_SHOWER);
  const schemaId = publisher.schemaId(IAU_SHOWER);
  const showers = await readListedShowers(sql);
  const records = showers.map((shower): OutgoingRecord => ({
    key: String(shower.number),
    value: codec.encode(shower, schemaId),
    headers: { [HEADERS.republished]: by },
  }));
  await publisher.publishEach(IAU_SHOWER, records);
  return showers.length;
}
