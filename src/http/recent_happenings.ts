/**
 * The last things that happened in this process, numbered: what an event stream begins with when its reader was away.
 *
 * Ids are `<start>-<number>`: those of an earlier process are recognised, and not taken for a place in this one.
 */
import type { Happening, Observer } from "../observe/observe.ts";
import { levelOf, plainDetail, sayingOf } from "../observe/telling.ts";

/** A happening as the API shows it. */
export interface ToldHappening {
  readonly id: string;
  readonly name: Happening["name"];
  readonly at: string;
  readonly level: string;
  /** One plain sentence. */
  readonly message: string;
  readonly detail: Record<string, unknown>;
}

/** A few minutes of a busy service. */
const REMEMBERED_MAX = 1000;

/**
 * Not told outside: what requests to this API do (each would be an event for the reader that makes them), lines of others' logs,
 * which may hold anything, and single lines of files: a bad file has a million of them, and the dead letters list them.
 */
const UNTOLD: ReadonlySet<Happening["name"]> = new Set<Happening["name"]>([
  // Its stack is for the log: it has paths of this machine in it.
  "service.error",
  "http.request",
  "line.rejected",
  "http.error",
  "log.client",
  "broker.log",
  "broker.refused",
  "database.log",
]);

export class RecentHappenings {
  readonly #start: string;
  readonly #remembered: ToldHappening[] = [];
  readonly #listeners = new Set<(told: ToldHappening) => void>();
  readonly #unlisten: () => void;
  #count = 0;

  constructor(listen: Observer["listen"], startedAt: Date = new Date()) {
    this.#start = startedAt.getTime().toString(36);
    this.#unlisten = listen((happening) => this.#take(happening));
  }

  /** What is remembered after this id; all of it where the id is not known (any more). */
  after(id: string | null): readonly ToldHappening[] {
    const [start, number] = id?.split("-") ?? [];
    if (start !== this.#start) return this.#remembered;
    const oldest = this.#count - this.#remembered.length + 1;
    return this.#remembered.slice(Math.max(0, Number(number) - oldest + 1));
  }

  /** Tells what happens from now on, until the returned function is called. */
  listen(listener: (told: ToldHappening) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hears nothing more. */
  close(): void {
    this.#unlisten();
  }

  #take(happening: Happening): void {
    if (UNTOLD.has(happening.name)) return;
    const told: ToldHappening = {
      id: `${this.#start}-${++this.#count}`,
      name: happening.name,
      at: happening.at.toISOString(),
      level: levelOf(happening),
      message: sayingOf(happening),
      detail: plainDetail(happening.detail),
    };
    this.#remembered.push(told);
    if (this.#remembered.length > REMEMBERED_MAX) this.#remembered.shift();
    for (const listener of this.#listeners) listener(told);
  }
}
