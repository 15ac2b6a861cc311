/**
 * Subjects, their versions and their compatibility levels: registering, looking up, comparing, deleting. A subject without
 * its own level uses that of the whole registry.
 *
 * A version exists, is softly deleted (hidden, its number in use, its schema still served by id) or permanently deleted:
 *
 *     register ──▶ exists ──delete──▶ softly deleted ──delete?permanent──▶ permanently deleted
 *                    ▲                     │
 *                    └── registering the same schema again gives a new version, the old one stays deleted
 *
 * A subject is deleted when all its versions are, and unknown when it has none. The rules and the order of their checks
 * are Redpanda's (`schema_registry/handlers.cc`, `sharded_store.cc`, `seq_writer.cc`). Every method that
 * writes is one transaction; when it returns, its work is on disk.
 */
import { checkLevel, type CompatibilityLevel, defaultLevel } from "./compatibility_level.ts";
import { type PreparedSchema, prepareSchema } from "./prepared_schema.ts";
import {
  compatibilityNotFound,
  idNotFound,
  incompatible,
  schemaNotFound,
  subjectNotDeleted,
  subjectNotFound,
  versionNotDeleted,
  versionNotFound,
  versionSoftDeleted,
} from "./registry_error.ts";
import { type RegistryStore, type StoredVersion, wholeRegistry } from "./registry_store.ts";

/** A version with its schema, as sent to clients. */
export interface SubjectVersion {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schema: string;
}

export class Subjects {
  readonly #store: RegistryStore;

  constructor(store: RegistryStore) {
    this.#store = store;
  }

  /** Registers a schema and returns its id. If the subject already has it, nothing is written. */
  register(subject: string, schema: string): number {
    return this.#store.transact(() => {
      const prepared = prepareSchema(schema);
      const known = this.#store.idsOfSchema(prepared.text);
      const existing = this.#versions(subject, false);
      const found = existing.find((version) => known.includes(version.id));
      if (found !== undefined) return found.id;
      const messages = this.#compare(subject, prepared, existing.slice(-1));
      if (messages.length > 0) throw incompatible(subject, messages);
      const last = this.#store.versions(subject).at(-1)?.version ?? 0;
      const id = known[0] ?? this.#store.insertSchema(prepared.text);
      this.#store.insertVersion(subject, last + 1, id);
      return id;
    });
  }

  /** The version of `subject` that has this schema. */
  lookUp(subject: string, schema: string, deleted: boolean): SubjectVersion {
    const versions = this.#existing(subject, deleted);
    const { text } = prepareSchema(schema);
    const ids = this.#store.idsOfSchema(text);
    const found = versions.find((version) => ids.includes(version.id));
    if (found === undefined) throw schemaNotFound();
    return { subject, version: found.version, id: found.id, schema: text };
  }

  /**
   * The reasons why a schema can't follow `version` (`undefined` means the latest); none if it can. All
   * versions from the latest down to that one are compared; with a transitive level, all that exist.
   */
  compare(subject: string, version: number | undefined, schema: string): string[] {
    const existing = this.#existing(subject, false);
    const oldest = version ?? existing[existing.length - 1].version;
    if (!existing.some((candidate) => candidate.version === oldest)) throw versionNotFound(oldest);
    const compared = existing.filter((candidate) => candidate.version >= oldest);
    return this.#compare(subject, prepareSchema(schema), compared);
  }

  /** A version (`undefined` means the latest). */
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

  /** Names of the subjects that begin with `prefix`, ascending. */
  subjects(prefix: string, deleted: boolean): string[] {
    return this.#store.subjects(prefix, deleted);
  }

  /** The text of a schema. */
  schema(id: number): string {
    const schema = this.#store.schemaById(id);
    if (schema === undefined) throw idNotFound(id);
    return schema;
  }

  /** The versions that use a schema. */
  usesOf(id: number, deleted: boolean): { subject: string; version: number }[] {
    this.schema(id);
    return this.#store.usesOf(id, deleted);
  }

  /** Deletes all versions and returns their numbers. */
  deleteSubject(subject: string, permanent: boolean): number[] {
    return this.#store.transact(() => {
      const versions = this.#existing(subject, permanent);
      if (permanent) {
        if (versions.some((version) => !version.deleted)) throw subjectNotDeleted(subject);
        versions.forEach((version) => this.#store.removeVersion(subject, version));
      } else {
        versions.forEach(({ version }) => this.#store.markDeleted(subject, version));
      }
      this.#store.removeLevel(subject);
      return versions.map(({ version }) => version);
    });
  }

  /** Deletes one version (`undefined` means the latest that is not deleted) and returns its number. */
  deleteVersion(subject: string, version: number | undefined, permanent: boolean): number {
    return this.#store.transact(() => {
      const wanted = version ?? this.version(subject, undefined, false).version;
      const found = this.#existing(subject, true)
        .find((candidate) => candidate.version === wanted);
      if (found === undefined) throw versionNotFound(wanted);
      if (permanent) {
        if (!found.deleted) throw versionNotDeleted(subject, wanted);
        this.#store.removeVersion(subject, found);
      } else {
        if (found.deleted) throw versionSoftDeleted(subject, wanted);
        this.#store.markDeleted(subject, wanted);
      }
      if (this.#versions(subject, false).length === 0) this.#store.removeLevel(subject);
      return wanted;
    });
  }

  /** The effective level of a subject, or of the whole registry. */
  levelOf(subject: string): CompatibilityLevel {
    return this.#store.level(subject) ?? this.#store.level(wholeRegistry) ?? defaultLevel;
  }

  /**
   * A subject's own level, or 40408. With `fallback`, its effective level; if the subject does not exist,
   * Redpanda still answers 40408.
   */
  subjectLevel(subject: string, fallback: boolean): CompatibilityLevel {
    const own = this.#store.level(subject);
    if (own !== undefined) return own;
    if (fallback && this.#versions(subject, false).length > 0) return this.levelOf(subject);
    throw compatibilityNotFound(subject);
  }

  /** Sets the level of a subject or of the whole registry. */
  setLevel(subject: string, level: CompatibilityLevel): void {
    this.#store.transact(() => this.#store.setLevel(subject, level));
  }

  /** Removes a subject's own level and returns it; 40401 if it had none. */
  removeLevel(subject: string): CompatibilityLevel {
    return this.#store.transact(() => {
      const level = this.#store.level(subject);
      if (level === undefined) throw subjectNotFound(subject);
      this.#store.removeLevel(subject);
      return level;
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

  #compare(subject: string, prepared: PreparedSchema, versions: StoredVersion[]): string[] {
    const level = this.levelOf(subject);
    const compared = level.endsWith("_TRANSITIVE") ? this.#versions(subject, false) : versions;
    const latestFirst = compared.toReversed()
      .map(({ version, id }) => ({ version, text: this.schema(id) }));
    return checkLevel(level, prepared, latestFirst);
  }
}
