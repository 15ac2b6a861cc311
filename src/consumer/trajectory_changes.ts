/**
 * Records of `trajectory_summary_raw` as changes to the data store, and those that can't be one as dead letters.
 *
 * Other producers write to this topic too: a key may be missing (the id inside the value counts), headers may be missing, the
 * schema may be another registration or a newer version.
 *
 * Records whose values the data store has are not decoded (store/repeats.ts), unless another record of the batch is of the same
 * trajectory: which values it has when their turn comes is then not known.
 */
import type { ConsumedRecord, RecordBatch } from "../events/consumed_record.ts";
import { type DeadLetter, type DeadLetterStage, recordLetterId } from "../events/dead_letter.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { explain, PermanentError, TransientError } from "../failures/failures.ts";
import type { RecordMark, Repeats } from "../store/repeats.ts";
import type {
  Lineage,
  TrajectoryChange,
  TrajectoryRepeat,
  TrajectoryUpsert,
  TrajectoryWithdrawal,
} from "../store/trajectory_batch.ts";
import {
  createTrajectoryDecoder,
  type TrajectoryDecoder,
  wireSchemaId,
} from "../trajectory/codec.ts";
import type { TrajectorySummary } from "../trajectory/summary.ts";
import { lineageOf } from "./lineage.ts";
import { valueDigest } from "./value_digest.ts";

/** A change with the record it came from, which a dead letter needs should the database refuse it. */
export interface RecordedChange {
  readonly change: TrajectoryChange;
  readonly record: ConsumedRecord;
}

/** What became of a batch's records, both in offset order. */
export interface TrajectoryChanges {
  readonly changes: readonly RecordedChange[];
  readonly letters: readonly DeadLetter[];
}

/** Which of these records say what the data store has. */
export type FindRepeats = (marks: readonly RecordMark[]) => Promise<Repeats>;

/** Decodes batches; remembers a decoder for each writer's schema it has met. */
export function createTrajectoryChanges(
  registry: SchemaRegistry,
): (batch: RecordBatch, findRepeats: FindRepeats) => Promise<TrajectoryChanges> {
  const decoders = new Map<number, TrajectoryDecoder>();

  /**
   * Makes the decoders that are still missing for these records; gives what is wrong with those that can't be made. That is not
   * remembered: a schema that is registered later makes the same record readable (a replay of the letter).
   */
  async function learn(lookedAt: readonly LookedAt[]): Promise<Map<number, PermanentError>> {
    const failures = new Map<number, PermanentError>();
    const missing = new Set(lookedAt.map(({ schemaId }) => schemaId));
    for (const id of missing) {
      if (id === null || decoders.has(id)) continue;
      try {
        decoders.set(id, createTrajectoryDecoder(await registry.writerSchema(id)));
      } catch (error) {
        if (error instanceof TransientError) throw error;
        failures.set(
          id,
          new PermanentError(`schema ${id}: ${explain(error)}`, { cause: error }),
        );
      }
    }
    return failures;
  }

  return async (batch, findRepeats) => {
    const lookedAt = batch.records.map(look);
    const repeats = await repeatsAmong(lookedAt, findRepeats);
    const failures = await learn(lookedAt);
    const changes: (RecordedChange | undefined)[] = new Array(lookedAt.length);
    const letters: DeadLetter[] = [];
    const ids = new Set<string>();
    // Without waiting: a promise for each record would cost as much as decoding it.
    const take = (at: number): void => {
      const looked = lookedAt[at]!;
      const { record } = looked;
      try {
        const change = record.value === null
          ? toWithdrawal(looked)
          : decoded(looked, record.value, decoders, failures);
        changes[at] = { record, change };
        ids.add(change.id);
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        letters.push(recordLetter(batch, record, "decode", error));
      }
    };
    for (let at = 0; at < lookedAt.length; at++) if (!repeats.has(at)) take(at);
    for (const [at, change] of repeats) {
      if (ids.has(change.id)) take(at);
      else changes[at] = { record: lookedAt[at]!.record, change };
    }
    return { changes: changes.filter((change) => change !== undefined), letters };
  };
}

function decoded(
  looked: LookedAt,
  value: Uint8Array,
  decoders: ReadonlyMap<number, TrajectoryDecoder>,
  failures: ReadonlyMap<number, PermanentError>,
): DecodedAgain {
  // What has no schema id says why.
  const schemaId = looked.schemaId ?? wireSchemaId(value);
  const decode = decoders.get(schemaId);
  if (decode === undefined) throw failures.get(schemaId)!;
  const { record, digest, lineage } = looked;
  return new DecodedAgain(idOf(looked, decode(value)), digest, lineage, record, decode);
}

/** A record before anybody has looked inside. */
interface LookedAt {
  readonly record: ConsumedRecord;
  readonly lineage: Lineage;
  /** Empty when it has none. */
  readonly key: string;
  /** Of a record with a value. */
  readonly digest: bigint | undefined;
  /** The writer's schema, where the value says one. */
  readonly schemaId: number | null;
}

function look(record: ConsumedRecord): LookedAt {
  const { value } = record;
  return {
    record,
    lineage: lineageOf(record),
    key: record.key?.toString("utf8") ?? "",
    digest: value === null ? undefined : valueDigest(value),
    schemaId: schemaIdOf(value),
  };
}

/** The records that the data store has, by their place in the batch, in their order. */
async function repeatsAmong(
  lookedAt: readonly LookedAt[],
  findRepeats: FindRepeats,
): Promise<Map<number, TrajectoryRepeat>> {
  const places: number[] = [];
  const marks: RecordMark[] = [];
  for (const [at, { lineage, key, digest }] of lookedAt.entries()) {
    // A key with NUL is no row's.
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

/** The trajectory that a record is of: what its value says, else its key. */
function idOf({ key }: LookedAt, summary: TrajectorySummary): string {
  const inside = summary.unique_trajectory_identifier;
  if (inside !== null && inside !== "") return inside;
  if (key !== "") return key;
  throw new PermanentError(
    "unique_trajectory_identifier is null, and the record has no key either",
  );
}

/**
 * An upsert that decodes its summary when it is looked at (once more: whether it can be was seen before). A summary is about 2 KB
 * of objects; thousands of them, kept until their batch is written, would be moved about and marked by the garbage collector,
 * which costs several times the second decoding.
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

/**
 * The dead letter of a record. That of a replay is the letter it replays, with its new reason: trying again does not make two
 * of one.
 */
export function recordLetter(
  batch: { topic: string; partition: number },
  record: ConsumedRecord,
  stage: DeadLetterStage,
  error: PermanentError,
): DeadLetter {
  const lineage = lineageOf(record);
  return {
    id: lineage.replays?.letterId ?? recordLetterId(batch.topic, batch.partition, record.offset),
    at: Date.now() * 1000,
    stage,
    reason: explain(error),
    field: fieldOf(error),
    run_id: lineage.runId,
    source_file: lineage.sourceFile,
    source_line: lineage.sourceLine,
    source_generated_at: lineage.sourceGeneratedAt === null
      ? null
      : lineage.sourceGeneratedAt.getTime() * 1000,
    text: null,
    columns: null,
    topic: batch.topic,
    partition: batch.partition,
    offset: Number(record.offset),
    key: record.key,
    value: record.value,
    schema_id: schemaIdOf(record.value),
  };
}

/** Errors that know the field they are about say so in `field`. */
function fieldOf(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const field = (at as { field?: unknown }).field;
    if (typeof field === "string") return field;
  }
  return null;
}

function schemaIdOf(value: Uint8Array | null): number | null {
  try {
    return value === null ? null : wireSchemaId(value);
  } catch {
    return null;
  }
}
