/**
 * Records of `trajectory_summary_raw` as changes to the data store, or as dead letters where that is impossible.
 *
 * Other producers write to this topic too: a key may be missing (the id inside the value counts), headers may be missing, the
 * schema may be another registration or a newer version.
 *
 * Records whose values the data store already has are not decoded (store/repeats.ts), unless the batch has another record of the same
 * trajectory: then the values in the data store may have changed when their turn comes.
 */
import { explain, PermanentError, TransientError } from "@gmn/failures";
import type { ConsumedRecord, RecordBatch } from "../events/consumed_record.ts";
import { deadLetterOfRecord } from "../dead_letters/build_dead_letter.ts";
import type { DeadLetter } from "../dead_letters/dead_letter.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import type { RecordMark, Repeats } from "../store/repeats.ts";
import type {
  Lineage,
  TrajectoryChange,
  TrajectoryRepeat,
  TrajectoryUpsert,
  TrajectoryWithdrawal,
} from "../store/trajectory_batch.ts";
import { createTrajectoryDecoders, type TrajectoryDecoder } from "../trajectory/codec.ts";
import type { TrajectorySummary } from "../trajectory/summary.ts";
import { wireSchemaId, wireSchemaIdOrNull } from "../wire_format/wire_header.ts";
import { lineageOf } from "./lineage.ts";
import { valueDigest } from "./value_digest.ts";

/** A change with the record it came from, which a dead letter needs should the database refuse it. */
export interface RecordedChange {
  readonly change: TrajectoryChange;
  readonly record: ConsumedRecord;
}

/** The records of a batch as changes and as dead letters, both in offset order. */
export interface TrajectoryChanges {
  readonly changes: readonly RecordedChange[];
  readonly deadLetters: readonly DeadLetter[];
}

/** Which of these records have the values that the data store already has. */
export type FindRepeats = (marks: readonly RecordMark[]) => Promise<Repeats>;

/** Decodes batches; remembers the decoder of each writer's schema. */
export function createTrajectoryChanges(
  registry: SchemaRegistry,
): (batch: RecordBatch, findRepeats: FindRepeats) => Promise<TrajectoryChanges> {
  const decoderOf = createTrajectoryDecoders((schemaId) => registry.writerSchema(schemaId));

  /** The decoders for these records, or what is wrong with those that can't be made. */
  async function decodersFor(lookedAt: readonly LookedAt[]): Promise<Decoders> {
    const decoders = new Map<number, TrajectoryDecoder | PermanentError>();
    for (const id of new Set(lookedAt.map(({ schemaId }) => schemaId))) {
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
    const lookedAt = batch.records.map(look);
    const repeats = await repeatsAmong(lookedAt, findRepeats);
    const decoders = await decodersFor(lookedAt);
    const changes: (RecordedChange | undefined)[] = new Array(lookedAt.length);
    const deadLetters: DeadLetter[] = [];
    const ids = new Set<string>();
    // Without waiting: a promise for each record would cost as much as decoding it.
    const take = (at: number): void => {
      const looked = lookedAt[at]!;
      const { record } = looked;
      try {
        const change = record.value === null
          ? toWithdrawal(looked)
          : decoded(looked, record.value, decoders);
        changes[at] = { record, change };
        ids.add(change.id);
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        deadLetters.push(deadLetterOfRecord(batch, record, looked.lineage, "decode", error));
      }
    };
    for (let at = 0; at < lookedAt.length; at++) if (!repeats.has(at)) take(at);
    for (const [at, change] of repeats) {
      if (ids.has(change.id)) take(at);
      else changes[at] = { record: lookedAt[at]!.record, change };
    }
    return { changes: changes.filter((change) => change !== undefined), deadLetters };
  };
}

function decoded(looked: LookedAt, value: Uint8Array, decoders: Decoders): DecodedAgain {
  // Throws for a value without a schema id.
  const schemaId = looked.schemaId ?? wireSchemaId(value);
  const decode = decoders.get(schemaId)!;
  if (decode instanceof PermanentError) throw decode;
  const { record, digest, lineage } = looked;
  return new DecodedAgain(idOf(looked, decode(value)), digest, lineage, record, decode);
}

/** By the id of the writer's schema. */
type Decoders = ReadonlyMap<number, TrajectoryDecoder | PermanentError>;

/** A record before its value is decoded. */
interface LookedAt {
  readonly record: ConsumedRecord;
  readonly lineage: Lineage;
  /** Empty when it has none. */
  readonly key: string;
  /** Of a record with a value. */
  readonly digest: bigint | undefined;
  /** The id of the writer's schema; null for a tombstone and for a value that is not in the wire format. */
  readonly schemaId: number | null;
}

function look(record: ConsumedRecord): LookedAt {
  const { value } = record;
  return {
    record,
    lineage: lineageOf(record),
    key: record.key?.toString("utf8") ?? "",
    digest: value === null ? undefined : valueDigest(value),
    schemaId: wireSchemaIdOrNull(value),
  };
}

/** The records that the data store already has, by their place in the batch, in offset order. */
async function repeatsAmong(
  lookedAt: readonly LookedAt[],
  findRepeats: FindRepeats,
): Promise<Map<number, TrajectoryRepeat>> {
  const places: number[] = [];
  const marks: RecordMark[] = [];
  for (const [at, { lineage, key, digest }] of lookedAt.entries()) {
    // No row has a key with NUL.
    if (digest === undefined || key === "" || key.includes("\0")) continue;
    places.push(at);
    marks.push({ id: key, digest, generatedAt: lineage.sourceGeneratedAt });
  }
  const { same, newer } = await findRepeats(marks);
  const isNewer = new Set(newer);
  return new Map(
    same.toSorted((a, b) => a - b).map((at) => [
      places[at]!,
      { id: marks[at]!.id, isNewer: isNewer.has(at), lineage: lookedAt[places[at]!]!.lineage },
    ]),
  );
}

function toWithdrawal({ record, lineage, key: id }: LookedAt): TrajectoryWithdrawal {
  if (id === "") {
    throw new PermanentError(
      "a tombstone without a key: nothing says which trajectory it withdraws",
    );
  }
  return { id, at: record.timestamp, lineage };
}

/** The trajectory of a record: by its value, or else by its key. */
function idOf({ key }: LookedAt, summary: TrajectorySummary): string {
  const inside = summary.unique_trajectory_identifier;
  if (inside !== null && inside !== "") return inside;
  if (key !== "") return key;
  throw new PermanentError(
    "unique_trajectory_identifier is null, and the record has no key either",
  );
}

/**
 * An upsert that decodes its summary each time it is read; that it can be decoded is known by then. A summary is about 2 KB of
 * objects: the garbage collector would move and mark thousands of them until their batch is written, which costs several times the
 * second decoding.
 */
class DecodedAgain implements TrajectoryUpsert {
  constructor(
    readonly id: string,
    readonly digest: bigint | undefined,
    readonly lineage: Lineage,
    private readonly record: ConsumedRecord,
    private readonly decode: TrajectoryDecoder,
  ) {}

  get summary(): TrajectorySummary {
    const summary = this.decode(this.record.value!);
    summary.unique_trajectory_identifier = this.id;
    return summary;
  }
}
