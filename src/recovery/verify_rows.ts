/**
 * Compares the records of `trajectory_summary_raw` with the rows of the data store, while the log is read from one end to the other.
 *
 *     a row's place ──no record there──▶ missing
 *          │ a record of another trajectory ─▶ missing
 *          ▼ its record
 *     tombstone or value, as the row is withdrawn or stands? ──no──▶ different
 *          ▼ yes
 *     the digest is the row's ──▶ the same
 *          ▼ no, or not known
 *     decoded and compared, column by column ──▶ the same, or different
 *
 * Both sides are in the order of the log, so each record and each row is looked at once.
 */
import { explain, PermanentError } from "@gmn/failures";
import type { ConsumedRecord } from "../events/consumed_record.ts";
import type { ReadRecords } from "../events/log_reader.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { valueDigest } from "../store/value_digest.ts";
import { lineageOf } from "../consumer/lineage.ts";
import { deadLetterIdOf } from "../dead_letters/build_dead_letter.ts";
import type { DeadLetterIds } from "../dead_letters/dead_letter_ids.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import type { RowInLog, StoreSnapshot } from "../store/row_places.ts";
import { storable } from "../store/storable.ts";
import { readStoredRowsById } from "../store/stored_rows.ts";
import { createTrajectoryDecoders } from "../trajectory/codec.ts";
import { NO_SHOWER } from "../trajectory/row.ts";
import type { TrajectorySummary } from "../trajectory/summary.ts";
import { wireSchemaId } from "../wire_format/wire_header.ts";
import { Findings } from "./finding.ts";

/** The source's text for "no shower". */
const NO_SHOWER_CODE = "...";

/** A record that should be compared with the columns of its row. */
interface Doubtful {
  readonly place: RowInLog;
  readonly summary: TrajectorySummary;
}

/** A record that can't be decoded, and why. */
interface Undecodable {
  readonly record: ConsumedRecord;
  readonly reason: string;
}

/** The check of one topic against the rows. */
export class RowCheck {
  /** Rows whose record is there and says the same. */
  confirmed = 0;
  /** Rows whose record is not where the row says. */
  readonly missing = new Findings();
  /** Rows whose record says something else. */
  readonly different = new Findings();
  /** Records that can't be decoded, and are no dead letter either. */
  readonly undecodable = new Findings();
  #firstReason: string | null = null;
  #loaded: ReadonlyMap<number, bigint> = new Map();
  readonly #decoderOf;

  constructor(
    private readonly snapshot: StoreSnapshot,
    registry: Pick<SchemaRegistry, "writerSchema">,
    private readonly ids: DeadLetterIds,
    private readonly topic: string,
  ) {
    this.#decoderOf = createTrajectoryDecoders((id) => registry.writerSchema(id));
  }

  /** Why the first of the undecodable records can't be decoded. */
  get undecodableReason(): string | null {
    return this.#firstReason;
  }

  /** Before the first records. */
  async begin(): Promise<void> {
    this.#loaded = await readOffsets(this.snapshot.sql, this.topic);
  }

  /** Compares some records with the rows whose place is among them. */
  async take({ partition, records, nextOffset }: ReadRecords): Promise<void> {
    const places = Map.groupBy(
      await this.snapshot.rowsBefore(partition, nextOffset),
      ({ offset }) => offset,
    );
    const doubtful: Doubtful[] = [];
    const undecodable: Undecodable[] = [];
    for (const record of records) {
      if (record.unreadable !== undefined) continue;
      const here = places.get(record.offset) ?? [];
      places.delete(record.offset);
      try {
        // Nearly always one row, or none.
        for (const place of here.length === 0 ? [null] : here) {
          const found = await this.#compare(record, place);
          if (found === "same") this.confirmed++;
          else if (found === "missing" || found === "different") {
            this[found].add({ ...place!, partition });
          } else if (found !== null) doubtful.push(found);
        }
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        for (const place of here) this.different.add({ ...place, partition });
        undecodable.push({ record, reason: explain(error) });
      }
    }
    for (const place of [...places.values()].flat()) this.missing.add({ ...place, partition });
    await this.#compareColumns(partition, doubtful);
    await this.#accountFor(partition, undecodable);
  }

  /** Rows whose place is after the end of what was read. */
  async finish(partitions: readonly number[]): Promise<void> {
    for (const partition of partitions) {
      for (const place of await this.snapshot.rowsBefore(partition, AFTER_ALL)) {
        this.missing.add({ ...place, partition });
      }
    }
  }

  /** @throws PermanentError when the value can't be decoded */
  async #compare(
    record: ConsumedRecord,
    place: RowInLog | null,
  ): Promise<"same" | "missing" | "different" | Doubtful | null> {
    const { key, value } = record;
    const keyText = key?.toString("utf8") ?? null;
    if (value === null) {
      if (place === null) return null;
      if (keyText !== place.id) return "missing";
      return place.isWithdrawn ? "same" : "different";
    }
    const isRecognised = place !== null && !place.isWithdrawn && keyText === place.id &&
      place.digest !== null && valueDigest(value) === place.digest;
    // It was decoded when it was loaded.
    if (isRecognised) return "same";
    const summary = (await this.#decoderOf(wireSchemaId(value)))(value);
    if (place === null) return null;
    const inside = summary.unique_trajectory_identifier;
    const id = inside === null || inside === "" ? keyText : inside;
    if (id !== place.id) return "missing";
    return place.isWithdrawn ? "different" : { place, summary };
  }

  async #compareColumns(partition: number, doubtful: readonly Doubtful[]): Promise<void> {
    if (doubtful.length === 0) return;
    const ids = doubtful.map(({ place }) => place.id);
    const rows = new Map(
      (await readStoredRowsById(this.snapshot.sql, ids)).map((row) => [row.id, row.summary]),
    );
    for (const { place, summary } of doubtful) {
      const stored = rows.get(place.id);
      if (stored !== undefined && isStoredAs(summary, stored)) this.confirmed++;
      else this.different.add({ ...place, partition });
    }
  }

  /** A record that can't be decoded is in order when it is a dead letter: then people know about it. */
  async #accountFor(
    partition: number,
    undecodable: readonly Undecodable[],
  ): Promise<void> {
    const at = { topic: this.topic, partition };
    const idOf = ({ record }: Undecodable) =>
      storable(deadLetterIdOf(at, record, lineageOf(record), this.ids));
    const known = new Set(
      (await this.snapshot.deadLetters(undecodable.map(idOf))).map(({ id }) => id),
    );
    for (const one of undecodable) {
      // It becomes a dead letter when it is loaded.
      const { offset, key } = one.record;
      const isAhead = offset >= (this.#loaded.get(partition) ?? 0n);
      if (isAhead || known.has(idOf(one))) continue;
      this.#firstReason ??= one.reason;
      this.undecodable.add({ id: key?.toString("utf8") ?? "", partition, offset });
    }
  }
}

/** Above every offset. */
const AFTER_ALL = 2n ** 63n - 1n;

/** Whether the columns of a row hold these values, as `store/stage.ts` writes them. */
function isStoredAs(summary: TrajectorySummary, stored: TrajectorySummary): boolean {
  const expected: Record<string, unknown> = {
    ...summary,
    unique_trajectory_identifier: stored.unique_trajectory_identifier,
    iau_no: summary.iau_no === null || summary.iau_no < 0 ? NO_SHOWER : summary.iau_no,
    iau_code: summary.iau_code === NO_SHOWER_CODE ? null : summary.iau_code,
    participating_stations: summary.participating_stations &&
      [...new Set(summary.participating_stations.filter(Boolean))].sort(),
  };
  return Object.entries(stored).every(([field, value]) => isSame(expected[field] ?? null, value));
}

function isSame(one: unknown, other: unknown): boolean {
  return Array.isArray(one) && Array.isArray(other)
    ? one.length === other.length && one.every((item, at) => item === other[at])
    : one === other;
}
