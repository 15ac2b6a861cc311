/**
 * Levels and modes, of the whole registry and of single subjects. What a subject does not set, it takes from the whole.
 */
import {
  type CompatibilityLevel,
  defaultLevel,
  isCompatibilityLevel,
} from "./compatibility_level.ts";
import { defaultMode, isMode, type Mode } from "./mode.ts";
import {
  compatibilityNotFound,
  modeNotFound,
  operationNotPermitted,
  subjectNotFound,
} from "./registry_error.ts";
import { type RegistryStore, wholeRegistry } from "./registry_store.ts";

export class Settings {
  readonly #store: RegistryStore;

  constructor(store: RegistryStore) {
    this.#store = store;
  }

  /** The level that holds for a subject. */
  levelOf(subject: string): CompatibilityLevel {
    return this.#ownLevel(subject) ?? this.#ownLevel(wholeRegistry) ?? defaultLevel;
  }

  /** The level of the whole registry. */
  globalLevel(): CompatibilityLevel {
    return this.levelOf(wholeRegistry);
  }

  /**
   * The level a subject has set itself, or 40408. With `fallback`, what holds for it; of a subject that is not there,
   * Redpanda says 40408 all the same.
   */
  subjectLevel(subject: string, fallback: boolean): CompatibilityLevel {
    const own = this.#ownLevel(subject);
    if (own !== undefined) return own;
    const isThere = this.#store.versions(subject).some((version) => !version.deleted);
    if (fallback && isThere) return this.levelOf(subject);
    throw compatibilityNotFound(subject);
  }

  setLevel(subject: string, level: CompatibilityLevel): void {
    this.#store.transact(() => {
      this.checkWritable(subject);
      this.#store.setLevel(subject, level);
    });
  }

  /** Takes a subject's own level away and gives it; 40401 where it had none. */
  removeLevel(subject: string): CompatibilityLevel {
    return this.#store.transact(() => {
      this.checkWritable(subject);
      const level = this.#ownLevel(subject);
      if (level === undefined) throw subjectNotFound(subject);
      this.#store.removeLevel(subject);
      return level;
    });
  }

  /** The mode that holds for a subject. */
  modeOf(subject: string): Mode {
    return this.#ownMode(subject) ?? this.#ownMode(wholeRegistry) ?? defaultMode;
  }

  globalMode(): Mode {
    return this.modeOf(wholeRegistry);
  }

  /** The mode a subject has set itself, or 40409. With `fallback`, what holds for it. */
  subjectMode(subject: string, fallback: boolean): Mode {
    const own = this.#ownMode(subject);
    if (own !== undefined) return own;
    if (fallback) return this.globalMode();
    throw modeNotFound(subject);
  }

  /**
   * Sets a mode. IMPORT needs the registry, or the subject, to have no versions, softly deleted ones included, unless
   * `force` says otherwise: ids and versions that are imported could clash with those that are there.
   */
  setMode(subject: string, mode: Mode, force: boolean): void {
    this.#store.transact(() => {
      if (mode === "IMPORT" && this.modeOf(subject) !== "IMPORT" && !force) {
        const inTheWay = subject === wholeRegistry
          ? this.#store.subjects("", true)
          : this.#store.versions(subject);
        if (inTheWay.length > 0) {
          throw operationNotPermitted("Cannot import since found existing subjects");
        }
      }
      this.#store.setMode(subject, mode);
    });
  }

  /** Takes a subject's own mode away and gives it; 40401 where it had none. */
  removeMode(subject: string): Mode {
    return this.#store.transact(() => {
      const mode = this.#ownMode(subject);
      if (mode === undefined) throw subjectNotFound(subject);
      this.#store.removeMode(subject);
      return mode;
    });
  }

  /** Refuses with 42205 where the mode is READONLY. */
  checkWritable(subject: string): void {
    if (this.modeOf(subject) === "READONLY") {
      const name = subject === wholeRegistry ? "null" : subject;
      throw operationNotPermitted(`Subject ${name} is in read-only mode`);
    }
  }

  #ownLevel(subject: string): CompatibilityLevel | undefined {
    const level = this.#store.level(subject);
    return level !== undefined && isCompatibilityLevel(level) ? level : undefined;
  }

  #ownMode(subject: string): Mode | undefined {
    const mode = this.#store.mode(subject);
    return mode !== undefined && isMode(mode) ? mode : undefined;
  }
}
