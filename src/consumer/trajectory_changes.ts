/**
 * Converts records of `trajectory_summary_raw` to changes of the data store, or to dead letters where that is impossible.
 *
 * Other producers write to this topic too: a key may be missing (the id inside the value is used then), headers may be missing, and
 * the schema may be another registration or a newer version.
 *
 * A confirm record (header gmn-unchanged) is such a record too, a repeat in most cases; its change has the ids it stands for.
 *
 * Records whose values the data store already has are not decoded (store/repeats.ts), unless the batch has another record of the
 * same trajectory: an earlier change of the batch may then have changed the values in the data store.
 */
import { explain, PermanentError, TransientError } from "@gmn/failures";
import type { ConsumedRecord, RecordBatch } from "../events/consumed_record.ts";
import { deadLetterOfRecord, type RecordFailure } from "../dead_letters/build_dead_letter.ts";
import type { DeadLetter } from "../dead_letters/dead_letter.ts";
import type { DeadLetterIds } from "../dead_letters/dead_letter_ids.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import type { RecordMark, Repeats } from "../store/repeats.ts";
import { valueDigest } from "../store/value_digest.ts";
import type {
  Confirmed,
  Lineage,
  TrajectoryChange,
  TrajectoryRepeat,
  TrajectoryUpsert,
  TrajectoryWithdrawal,
} from "../store/trajectory_batch.ts";
import { createTrajectoryDecoders, type TrajectoryDecoder } from "../trajectory/codec.ts";
import type { TrajectorySummary } from "../trajectory/summary.ts";
import { wireSchemaId, wireSchemaIdOrNull } from "../wire_format/wire_header.ts";
import { confirmedOf, lineageOf, lineDigestOf } from "./lineage.ts";

/** A change with the record it came from, which the dead letter needs if the database refuses the change. */
export interface RecordedChange {
  readonly change: TrajectoryChange;
  readonly record: ConsumedRecord;
}

/** The dead letter of a record. */
export interface GivenUp {
  readonly deadLetter: DeadLetter;
  /** Whether the record is a replay: it was counted when it failed first. */
  readonly isReplay: boolean;
  /** Of the leader that published the record, if it was one. */
  readonly epoch: number | undefined;
}

/** The records of a batch as changes and as dead letters, both in offset order. */
export interface TrajectoryChanges {
  readonly changes: readonly RecordedChange[];
  readonly givenUp: readonly GivenUp[];
}

/** Finds the records whose values the data store already has. */
export type FindRepeats = (marks: readonly RecordMark[]) => Promise<Repeats>;

/** Decodes batches, and caches the decoder of each writer's schema. */
export function createTrajectoryChanges(
  registry: SchemaRegistry,
  ids: DeadLetterIds,
): (batch: RecordBatch, findRepeats: FindRepeats) => Promise<TrajectoryChanges> {
  const decoderOf = createTrajectoryDecoders((schemaId) => registry.writerSchema(schemaId));

  /** The decoders for these records, or the errors of those that can't be made. */
  async function decodersFor(pending: readonly UndecodedRecord[]): Promise<Decoders> {
    const decoders = new Map<number, TrajectoryDecoder | PermanentError>();
    for (const id of new Set(pending.map(({ schemaId }) => schemaId))) {
      if (id === null) continue;
      try {
        decoders.set(id, await decoderOf(id));
      } catch (error) {
        if (error instanceof TransientError) throw error;
        decoders.set(id, new PermanentError(`schema ${id}: ${explain(error)}`, { cause: error }));
      }
    }
    return decoders;
  }

  return async (batch, findRepeats) => {
    const pending = batch.records.map(inspect);
    const repeats = await repeatsAmong(pending, findRepeats);
    const decoders = await decodersFor(pending);
    const changes: (RecordedChange | undefined)[] = new Array(pending.length);
    const givenUp: GivenUp[] = [];
    const changed = new Set<string>();
    // Synchronous: a promise for each record would cost as much as decoding it.
    const take = (at: number): void => {
      const undecoded = pending[at]!;
      const { record } = undecoded;
      try {
        const change = record.value === null
          ? toWithdrawal(undecoded)
          : decoded(undecoded, record.value, decoders);
        changes[at] = { record, change };
        changed.add(change.id);
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        givenUp.push(
          givenUpRecord(batch, record, undecoded.lineage, { stage: "decode", error, ids }),
        );
      }
    };
    for (let at = 0; at < pending.length; at++) if (!repeats.has(at)) take(at);
    for (const [at, change] of repeats) {
      if (changed.has(change.id)) take(at);
      else changes[at] = { record: pending[at]!.record, change };
    }
    return { changes: changes.filter((change) => change !== undefined), givenUp };
  };
}

/** Gives a record up. */
export function givenUpRecord(
  at: Pick<RecordBatch, "topic" | "partition">,
  record: ConsumedRecord,
  lineage: Lineage,
  failure: RecordFailure,
): GivenUp {
  return {
    deadLetter: deadLetterOfRecord(at, record, lineage, failure),
    isReplay: lineage.replays !== undefined,
    epoch: lineage.epoch,
  };
}

function decoded(undecoded: UndecodedRecord, value: Uint8Array, decoders: Decoders): LazyUpsert {
  // Throws for a value without a schema id.
  const schemaId = undecoded.schemaId ?? wireSchemaId(value);
  const decode = decoders.get(schemaId)!;
  if (decode instanceof PermanentError) throw decode;
  return new LazyUpsert(idOf(undecoded, decode(value)), undecoded, decode);
}

/** The ids that the record stands for, as a property of its change. @throws PermanentError when they can't be read */
function confirming({ record, confirms }: UndecodedRecord): { confirms?: Confirmed } {
  if (confirms === undefined) return {};
  if (confirms instanceof PermanentError) throw confirms;
  if (record.value !== null) return { confirms };
  throw new PermanentError("a tombstone can't stand for unchanged trajectories (gmn-unchanged)");
}

/** By the schema id of the writer. */
type Decoders = ReadonlyMap<number, TrajectoryDecoder | PermanentError>;

/** A record before its value is decoded. */
interface UndecodedRecord {
  readonly record: ConsumedRecord;
  readonly lineage: Lineage;
  /** Empty when the record has no key. */
  readonly key: string;
  /** Set for a record with a value. */
  readonly digest: bigint | undefined;
  /** Of the line that the record was made from, if it says so. */
  readonly lineDigest: bigint | undefined;
  /** The ids that a confirm record stands for, or why they can't be read; undefined for any other record. */
  readonly confirms: Confirmed | PermanentError | undefined;
  /** The schema id of the writer; null for a tombstone and for a value that is not in the wire format. */
  readonly schemaId: number | null;
}

function inspect(record: ConsumedRecord): UndecodedRecord {
  const { value } = record;
  return {
    record,
    lineage: lineageOf(record),
    key: record.key?.toString("utf8") ?? "",
    digest: value === null ? undefined : valueDigest(value),
    lineDigest: lineDigestOf(record),
    confirms: confirmedOf(record),
    schemaId: wireSchemaIdOrNull(value),
  };
}

/** The records that the data store already has, by their index in the batch, in offset order. */
async function repeatsAmong(
  pending: readonly UndecodedRecord[],
  findRepeats: FindRepeats,
): Promise<Map<number, TrajectoryRepeat>> {
  const places: number[] = [];
  const marks: RecordMark[] = [];
  for (const [at, { lineage, key, digest, confirms }] of pending.entries()) {
    // No row's key has a NUL.
    if (digest === undefined || key === "" || key.includes("\0")) continue;
    if (confirms instanceof PermanentError) continue;
    places.push(at);
    marks.push({ id: key, digest, generatedAt: lineage.sourceGeneratedAt });
  }
  const { same, newer } = await findRepeats(marks);
  const isNewer = new Set(newer);
  return new Map(
    same.toSorted((a, b) => a - b).map((at) => {
      const undecoded = pending[places[at]!]!;
      const { lineage } = undecoded;
      const repeat = { id: marks[at]!.id, isNewer: isNewer.has(at), lineage };
      return [places[at]!, { ...repeat, ...confirming(undecoded) }];
    }),
  );
}

function toWithdrawal(undecoded: UndecodedRecord): TrajectoryWithdrawal {
  const { record, lineage, key: id } = undecoded;
  confirming(undecoded);
  if (id === "") {
    throw new PermanentError(
      "a tombstone without a key: nothing says which trajectory it withdraws",
    );
  }
  return { id, at: record.timestamp, lineage };
}

/** The trajectory of a record: the id in its value, or else its key. */
function idOf({ key }: UndecodedRecord, summary: TrajectorySummary): string {
  const inside = summary.unique_trajectory_identifier;
  if (inside !== null && inside !== "") return inside;
  if (key !== "") return key;
  throw new PermanentError(
    "unique_trajectory_identifier is null, and the record has no key either",
  );
}

/**
 * An upsert that decodes its summary each time it is read. The caller has already checked that it can be decoded. A summary is
 * about 2 KB of objects. If thousands were kept until their batch is written, the garbage collector would move and mark them,
 * which costs several times as much as the second decoding.
 */
class LazyUpsert implements TrajectoryUpsert {
  readonly digest: bigint | undefined;
  readonly lineDigest: bigint | undefined;
  readonly lineage: Lineage;
  readonly confirms: Confirmed | undefined;
  readonly #value: Uint8Array;

  /** @throws PermanentError when the ids that the record stands for can't be read */
  constructor(
    readonly id: string,
    undecoded: UndecodedRecord,
    private readonly decode: TrajectoryDecoder,
  ) {
    this.digest = undecoded.digest;
    this.lineDigest = undecoded.lineDigest;
    this.lineage = undecoded.lineage;
    this.confirms = confirming(undecoded).confirms;
    this.#value = undecoded.record.value!;
  }

  get summary(): TrajectorySummary {
    const summary = this.decode(this.#value);
    summary.unique_trajectory_identifier = this.id;
    return summary;
  }
}
