/**
 * The last things that happened in this process, numbered: what an event stream begins with when its reader was away.
 *
 * Ids are `<start>-<number>`: those of an earlier process are recognised, and not taken for a place in this one.
 */
import type { Observer, ServiceEvent } from "../observe/observe.ts";
import { levelOf, plainDetail, sentenceOf } from "../observe/event_text.ts";

/** A event as the API shows it. */
export interface PublicEvent {
  readonly id: string;
  readonly name: ServiceEvent["name"];
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
const INTERNAL_EVENTS: ReadonlySet<ServiceEvent["name"]> = new Set<ServiceEvent["name"]>([
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

export class RecentEvents {
  readonly #start: string;
  readonly #remembered: PublicEvent[] = [];
  readonly #listeners = new Set<(told: PublicEvent) => void>();
  readonly #unlisten: () => void;
  #count = 0;

  constructor(listen: Observer["listen"], startedAt: Date = new Date()) {
    this.#start = startedAt.getTime().toString(36);
    this.#unlisten = listen((event) => this.#take(event));
  }

  /** What is remembered after this id; all of it where the id is not known (any more). */
  after(id: string | null): readonly PublicEvent[] {
    const [start, number] = id?.split("-") ?? [];
    if (start !== this.#start) return this.#remembered;
    const oldest = this.#count - this.#remembered.length + 1;
    return this.#remembered.slice(Math.max(0, Number(number) - oldest + 1));
  }

  /** Tells what happens from now on, until the returned function is called. */
  listen(listener: (told: PublicEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hears nothing more. */
  close(): void {
    this.#unlisten();
  }

  #take(event: ServiceEvent): void {
    if (INTERNAL_EVENTS.has(event.name)) return;
    const told: PublicEvent = {
      id: `${this.#start}-${++this.#count}`,
      name: event.name,
      at: event.at.toISOString(),
      level: levelOf(event),
      message: sentenceOf(event),
      detail: plainDetail(event.detail),
    };
    this.#remembered.push(told);
    if (this.#remembered.length > REMEMBERED_MAX) this.#remembered.shift();
    for (const listener of this.#listeners) listener(told);
  }
}
