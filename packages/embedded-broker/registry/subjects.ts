/**
 * Subjects and their versions: registering, looking up, comparing, deleting.
 *
 * A version is there, softly deleted (hidden, its number taken, its schema still served by id) or gone for good:
 *
 *     register ──▶ there ──delete──▶ softly deleted ──delete?permanent──▶ gone
 *                    ▲                     │
 *                    └── registering the same schema again gives a new version, the old one stays deleted
 *
 * A subject is deleted when all its versions are, and unknown when it has none. Rules and the order in which they are
 * checked are Redpanda's (`schema_registry/handlers.cc`, `sharded_store.cc`, `seq_writer.cc`). Every method is one
 * transaction; when it returns, its work is on disk.
 */
import { checkLevel, type EarlierVersion, isTransitive } from "./compatibility_level.ts";
import { type PreparedSchema, prepareSchema, readStoredSchema } from "./prepared_schema.ts";
import {
  hasReferences,
  idNotFound,
  incompatible,
  operationNotPermitted,
  schemaNotFound,
  subjectNotDeleted,
  subjectNotFound,
  versionNotDeleted,
  versionNotFound,
  versionNotNext,
  versionSoftDeleted,
} from "./registry_error.ts";
import type {
  RegistryStore,
  SchemaReference,
  StoredSchema,
  StoredVersion,
} from "./registry_store.ts";
import type { Settings } from "./settings.ts";

/** A schema as a client sends it. */
export interface SentSchema {
  readonly schema: string;
  readonly references: readonly SchemaReference[];
  /** Only in mode IMPORT. */
  readonly id: number | undefined;
  readonly version: number | undefined;
}

/** A version with its schema, as it is handed out. */
export interface SubjectVersion {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schema: StoredSchema;
}

/** Ids and versions are 32-bit signed in the wire format of messages and in all clients. */
export const MAX_ID = 2 ** 31 - 1;

export class Subjects {
  readonly #store: RegistryStore;
  readonly #settings: Settings;

  constructor(store: RegistryStore, settings: Settings) {
    this.#store = store;
    this.#settings = settings;
  }

  /** Registers a schema and gives its id. What the subject has already is found again, and nothing is written. */
  register(subject: string, sent: SentSchema, normalize: boolean): number {
    return this.#store.transact(() => {
      const prepared = prepareSchema(this.#store, sent.schema, sent.references, normalize);
      const known = this.#store.idsOfSchema(prepared.stored);
      if (sent.id !== undefined) this.#checkId(subject, sent.id, known);
      const ids = sent.id === undefined ? known : [sent.id];
      const there = this.#versions(subject, false);
      const found = there.find((version) => ids.includes(version.id));
      if (found !== undefined) return found.id;
      this.#settings.checkWritable(subject);
      if (this.#settings.modeOf(subject) !== "IMPORT") {
        const messages = this.#compare(subject, prepared, there.slice(-1));
        if (messages.length > 0) throw incompatible(subject, messages);
      } else if (sent.id === undefined) {
        throw operationNotPermitted(`Subject ${subject} is not in read-write mode`);
      }
      const version = this.#nextVersion(subject, sent.version);
      const isStored = sent.id === undefined ? known.length > 0 : known.includes(sent.id);
      const id = isStored ? ids[0] : this.#insert(prepared.stored, sent.id);
      this.#store.insertVersion(subject, version, id);
      return id;
    });
  }

  /** The version of `subject` that has this schema. */
  lookUp(subject: string, sent: SentSchema, normalize: boolean, deleted: boolean): SubjectVersion {
    return this.#store.transact(() => {
      const versions = this.#existing(subject, deleted);
      const prepared = prepareSchema(this.#store, sent.schema, sent.references, normalize);
      const ids = this.#store.idsOfSchema(prepared.stored);
      const found = versions.find((version) => ids.includes(version.id));
      if (found === undefined) throw schemaNotFound();
      return { subject, version: found.version, id: found.id, schema: prepared.stored };
    });
  }

  /**
   * Whether a schema could follow `version` (`undefined` for the latest): messages why not, none where it could. All
   * versions from the latest down to that one are compared, or all there are with a transitive level.
   */
  compare(subject: string, version: number | undefined, sent: SentSchema): string[] {
    return this.#store.transact(() => {
      const there = this.#existing(subject, false);
      const oldest = version ?? there[there.length - 1].version;
      if (!there.some((candidate) => candidate.version === oldest)) throw versionNotFound(oldest);
      const prepared = prepareSchema(this.#store, sent.schema, sent.references, false);
      return this.#compare(
        subject,
        prepared,
        there.filter((candidate) => candidate.version >= oldest),
      );
    });
  }

  /** A version (`undefined` for the latest). */
  version(subject: string, version: number | undefined, deleted: boolean): SubjectVersion {
    const versions = this.#existing(subject, deleted);
    const found = version === undefined
      ? versions[versions.length - 1]
      : versions.find((candidate) => candidate.version === version);
    if (found === undefined) throw versionNotFound(version ?? -1);
    return { subject, version: found.version, id: found.id, schema: this.schema(found.id) };
  }

  /** Numbers of the versions, ascending. */
  versions(subject: string, deleted: boolean): number[] {
    return this.#existing(subject, deleted).map(({ version }) => version);
  }

  subjects(prefix: string, deleted: boolean): string[] {
    return this.#store.subjects(prefix, deleted);
  }

  schema(id: number): StoredSchema {
    const schema = this.#store.schemaById(id);
    if (schema === undefined) throw idNotFound(id);
    return schema;
  }

  usesOf(id: number, deleted: boolean): { subject: string; version: number }[] {
    this.schema(id);
    return this.#store.usesOf(id, deleted);
  }

  /** Ids of the schemas that refer to a version. */
  referencedBy(subject: string, version: number | undefined): number[] {
    const found = this.version(subject, version, false);
    return this.#store.referencedBy(subject, found.version);
  }

  /** Deletes all versions; gives their numbers. */
  deleteSubject(subject: string, permanent: boolean): number[] {
    return this.#store.transact(() => {
      this.#settings.checkWritable(subject);
      const versions = this.#existing(subject, permanent);
      if (permanent) {
        if (versions.some((version) => !version.deleted)) throw subjectNotDeleted(subject);
        versions.forEach((version) => this.#removeForGood(subject, version));
      } else {
        versions.forEach(({ version }) => this.#checkUnreferenced(subject, version));
        versions.forEach(({ version }) => this.#store.markDeleted(subject, version));
      }
      this.#store.removeLevel(subject);
      this.#store.removeMode(subject);
      return versions.map(({ version }) => version);
    });
  }

  /** Deletes one version (`undefined` for the latest that is not deleted); gives its number. */
  deleteVersion(subject: string, version: number | undefined, permanent: boolean): number {
    return this.#store.transact(() => {
      const wanted = version ?? this.version(subject, undefined, false).version;
      this.#settings.checkWritable(subject);
      const found = this.#existing(subject, true)
        .find((candidate) => candidate.version === wanted);
      if (found === undefined) throw versionNotFound(wanted);
      if (permanent) {
        if (!found.deleted) throw versionNotDeleted(subject, wanted);
        this.#removeForGood(subject, found);
      } else {
        if (found.deleted) throw versionSoftDeleted(subject, wanted);
        this.#checkUnreferenced(subject, wanted);
        this.#store.markDeleted(subject, wanted);
      }
      if (this.#versions(subject, false).length === 0) this.#store.removeLevel(subject);
      if (this.#versions(subject, true).length === 0) this.#store.removeMode(subject);
      return wanted;
    });
  }

  #versions(subject: string, deleted: boolean): StoredVersion[] {
    return this.#store.versions(subject).filter((version) => deleted || !version.deleted);
  }

  /** At least one version, or 40401. */
  #existing(subject: string, deleted: boolean): StoredVersion[] {
    const versions = this.#versions(subject, deleted);
    if (versions.length === 0) throw subjectNotFound(subject);
    return versions;
  }

  #compare(
    subject: string,
    prepared: PreparedSchema,
    versions: readonly StoredVersion[],
  ): string[] {
    const level = this.#settings.levelOf(subject);
    const checked = isTransitive(level) ? this.#versions(subject, false) : versions;
    const store = this.#store;
    const schemaOf = (id: number) => this.schema(id);
    return checkLevel(
      level,
      prepared.schema,
      function* (): Generator<EarlierVersion> {
        for (const { version, id } of checked.toReversed()) {
          const stored = schemaOf(id);
          yield { version, schema: readStoredSchema(store, stored), text: stored.text };
        }
      }(),
    );
  }

  /** An id may be chosen in mode IMPORT, if it is free or has this very schema. */
  #checkId(subject: string, id: number, known: readonly number[]): void {
    this.#settings.checkWritable(subject);
    if (this.#settings.modeOf(subject) !== "IMPORT") {
      throw operationNotPermitted(`Subject ${subject} is not in import mode`);
    }
    if (!known.includes(id) && this.#store.schemaById(id) !== undefined) {
      throw operationNotPermitted(`Overwrite new schema with id ${id} is not permitted.`);
    }
  }

  /** The number of a new version: one more than the last, or in mode IMPORT any that is free. */
  #nextVersion(subject: string, wanted: number | undefined): number {
    const taken = this.#versions(subject, true).map(({ version }) => version);
    const next = (taken.at(-1) ?? 0) + 1;
    if (this.#settings.modeOf(subject) === "IMPORT" && wanted !== undefined) {
      if (!taken.includes(wanted)) return wanted;
      throw operationNotPermitted(`Subject ${subject} has another schema as version ${wanted}`);
    }
    if (wanted !== undefined && wanted !== next) throw versionNotNext();
    if (next > MAX_ID) throw operationNotPermitted(`Subject ${subject} has no version left`);
    return next;
  }

  #insert(schema: StoredSchema, id: number | undefined): number {
    const given = this.#store.insertSchema(schema, id ?? null);
    if (given > MAX_ID) throw operationNotPermitted(`No id is left after ${MAX_ID}`);
    return given;
  }

  #checkUnreferenced(subject: string, version: number): void {
    if (this.#store.referencedBy(subject, version).length > 0) {
      throw hasReferences(subject, version);
    }
  }

  #removeForGood(subject: string, { version, id }: StoredVersion): void {
    this.#store.removeVersion(subject, version);
    this.#store.removeUnusedSchema(id);
  }
}
