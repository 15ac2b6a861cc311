/**
 * The schemas of a copied log: registered in the target's registry, and the ids in the records rewritten where they differ.
 *
 *     all versions of all subjects, by id ─registered in this order─▶ an empty registry gives them the same ids
 *     an id of another subject (a foreign producer's) ─▶ registered under the same subject, when it is first met
 *     an id that the source's registry does not know ─▶ kept, or, where the target knows it, one that neither knows
 *
 * An id is in the header of each value, and again in the dead letters, which hold the values of other records.
 */
import { Buffer } from "node:buffer";
import avro from "avsc";
import type { ConsumedRecord } from "../events/consumed_record.ts";
import type { RegistrySubjects, SubjectVersion } from "../events/registry_subjects.ts";
import { DEAD_LETTER, type Topic, valueSubject } from "../events/topics.ts";
import {
  WIRE_HEADER_BYTES,
  wireSchemaIdOrNull,
  writeWireHeader,
} from "../wire_format/wire_header.ts";

/** A schema whose id differs in the two registries. */
export interface MappedSchema {
  readonly subject: string;
  readonly from: number;
  readonly to: number;
}

/** Ids that no registry gives out: they count from 1. */
const HIGHEST_ID = 2_147_483_647;

/** The fields of a dead letter that concern the schema of its record. */
interface DeadLetterIds {
  readonly topic: string | null;
  value: Buffer | null;
  schema_id: number | null;
}

/** Maps ids of the source's registry to those of the target's. */
export class SchemaMap {
  readonly #source: RegistrySubjects;
  readonly #target: RegistrySubjects;
  readonly #ids = new Map<number, number>();
  readonly #writers = new Map<number, avro.Type | null>();
  /** Schemas whose ids differ. */
  readonly mapped: MappedSchema[] = [];
  /** Ids of the source's records that its registry does not know, by id. */
  readonly unknown = new Set<number>();

  constructor(source: RegistrySubjects, target: RegistrySubjects) {
    this.#source = source;
    this.#target = target;
  }

  /**
   * Registers every version of the topics' subjects in the target.
   * @throws TransientError when a registry is unavailable; PermanentError when one refuses, naming the subject
   */
  async registerAll(topics: readonly Topic[]): Promise<void> {
    const subjects = topics.map(valueSubject);
    const versions = new Map<string, SubjectVersion[]>();
    for (const subject of subjects) {
      const all = await this.#source.versions(subject);
      if (all.length === 0) continue;
      versions.set(subject, all);
      await this.#alignLevel(subject);
    }
    for (const { subject, version } of inOrderOfIds(versions)) {
      this.#remember(subject, version.id, await this.#target.register(subject, version));
    }
  }

  /** The values of the records as the target has them; the keys and everything else stay. */
  async mapValues(
    topic: Topic,
    records: readonly ConsumedRecord[],
  ): Promise<(Buffer | null)[]> {
    const values: (Buffer | null)[] = [];
    for (const { value } of records) {
      const id = wireSchemaIdOrNull(value);
      if (value === null || id === null) {
        values.push(value);
        continue;
      }
      const to = this.#ids.get(id) ?? await this.#meet(id, valueSubject(topic));
      const contents = topic.name === DEAD_LETTER.name
        ? await this.#mapDeadLetter(value, id)
        : value;
      values.push(withSchemaId(contents, id, to));
    }
    return values;
  }

  async #alignLevel(subject: string): Promise<void> {
    const level = await this.#source.level(subject);
    if (await this.#target.level(subject) !== level) await this.#target.setLevel(subject, level);
  }

  #remember(subject: string, from: number, to: number): void {
    if (!this.#ids.has(from) && from !== to) this.mapped.push({ subject, from, to });
    this.#ids.set(from, to);
  }

  /** Looks an id up that no subject of ours has. Its schema may have been deleted from its subject, but not from the registry. */
  async #meet(id: number, subjectOfDeleted: string): Promise<number> {
    const schema = await this.#source.schema(id);
    if (schema !== null) {
      const [subject = subjectOfDeleted] = await this.#source.subjectsOf(id);
      this.#remember(subject, id, await this.#target.register(subject, schema));
    } else {
      this.unknown.add(id);
      this.#ids.set(id, await this.#idUnknownToTarget(id));
    }
    return this.#ids.get(id)!;
  }

  async #idUnknownToTarget(id: number): Promise<number> {
    if (await this.#target.schema(id) === null) return id;
    const taken = new Set(this.#ids.values());
    for (let other = HIGHEST_ID;; other--) {
      const isFree = !taken.has(other) && await this.#target.schema(other) === null &&
        await this.#source.schema(other) === null;
      if (isFree) return other;
    }
  }

  /** The dead letter with the ids inside it mapped; the same bytes when they stay. */
  async #mapDeadLetter(bytes: Buffer, id: number): Promise<Buffer> {
    const writer = await this.#writer(id);
    if (writer === null) return bytes;
    let deadLetter: DeadLetterIds;
    try {
      deadLetter = writer.fromBuffer(bytes.subarray(WIRE_HEADER_BYTES)) as DeadLetterIds;
    } catch {
      // Not what its schema says: the consumer will not be able to read it either.
      return bytes;
    }
    const value = deadLetter.value ?? null;
    // The dead letter of a whole batch holds the batch as it was stored: no value, and never replayed.
    const inner = wireSchemaIdOrNull(value);
    if (value === null || inner === null || deadLetter.schema_id !== inner) return bytes;
    const subject = `${deadLetter.topic ?? DEAD_LETTER.name}-value`;
    const to = this.#ids.get(inner) ?? await this.#meet(inner, subject);
    if (to === inner) return bytes;
    deadLetter.value = withSchemaId(value, inner, to);
    deadLetter.schema_id = to;
    return Buffer.concat([bytes.subarray(0, WIRE_HEADER_BYTES), writer.toBuffer(deadLetter)]);
  }

  async #writer(id: number): Promise<avro.Type | null> {
    const known = this.#writers.get(id);
    if (known !== undefined) return known;
    const found = await this.#source.schema(id);
    const type = found === null ? null : typeOrNull(found.schema);
    this.#writers.set(id, type);
    return type;
  }
}

function typeOrNull(schema: string): avro.Type | null {
  try {
    return avro.Type.forSchema(JSON.parse(schema));
  } catch {
    return null;
  }
}

/** The value with the id `to` in its header: the same bytes when it has it. */
function withSchemaId(value: Buffer, from: number, to: number): Buffer {
  if (from === to) return value;
  const copy = Buffer.from(value);
  writeWireHeader(copy, 0, to);
  return copy;
}

/** All versions by id, but each subject's in its own order. */
function* inOrderOfIds(
  versions: ReadonlyMap<string, readonly SubjectVersion[]>,
): Generator<{ readonly subject: string; readonly version: SubjectVersion }> {
  const left = new Map([...versions].map(([subject, all]) => [subject, [...all]]));
  while (left.size > 0) {
    const [subject, all] = [...left].reduce((least, one) =>
      one[1][0]!.id < least[1][0]!.id ? one : least
    );
    yield { subject, version: all.shift()! };
    if (all.length === 0) left.delete(subject);
  }
}
