/**
 * The latest events of this process, numbered: an event stream begins with the events that its reader missed.
 *
 * Ids are `<start>-<number>`, so an id from an earlier process is not mistaken for a position in this one.
 */
import type { Observer, ServiceEvent } from "../observe/observe.ts";
import { levelOf, plainDetail, sentenceOf } from "../observe/event_text.ts";

/** An event as the API shows it. */
export interface PublicEvent {
  readonly id: string;
  readonly name: ServiceEvent["name"];
  readonly at: string;
  readonly level: string;
  /** One plain sentence. */
  readonly message: string;
  readonly detail: Record<string, unknown>;
}

/** The events of a few minutes in a busy service. */
const REMEMBERED_MAX = 1000;

/**
 * Events that the API does not show: requests to this API (each reader would see its own), log lines of other programs, which may
 * contain anything, and single lines of files: a bad file has a million of them, and the dead letters list them.
 */
const INTERNAL_EVENTS: ReadonlySet<ServiceEvent["name"]> = new Set<ServiceEvent["name"]>([
  // Its stack is for the log: it contains paths of this machine.
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
  /** Stops listening. */
  readonly close: () => void;
  readonly #start: string;
  readonly #remembered: PublicEvent[] = [];
  readonly #listeners = new Set<(event: PublicEvent) => void>();
  #count = 0;

  constructor(listen: Observer["listen"], startedAt: Date = new Date()) {
    this.#start = startedAt.getTime().toString(36);
    this.close = listen((event) => this.#take(event));
  }

  /** Remembered events after this id; all of them if the id is no longer known. */
  after(id: string | null): readonly PublicEvent[] {
    const [start, number] = id?.split("-") ?? [];
    if (start !== this.#start) return this.#remembered;
    const oldest = this.#count - this.#remembered.length + 1;
    return this.#remembered.slice(Math.max(0, Number(number) - oldest + 1));
  }

  /** Passes on events from now on, until the returned function is called. */
  listen(listener: (event: PublicEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(event: ServiceEvent): void {
    if (INTERNAL_EVENTS.has(event.name)) return;
    const shown: PublicEvent = {
      id: `${this.#start}-${++this.#count}`,
      name: event.name,
      at: event.at.toISOString(),
      level: levelOf(event),
      message: sentenceOf(event),
      detail: plainDetail(event.detail),
    };
    this.#remembered.push(shown);
    if (this.#remembered.length > REMEMBERED_MAX) this.#remembered.shift();
    for (const listener of this.#listeners) listener(shown);
  }
}
