/**
 * The one way in which modules report events.
 *
 * A module is given an `Observe` and calls it with a name and a detail from the vocabulary. It never logs, counts or
 * streams by itself: the log, the metrics and the event stream are listeners, wired in `main.ts`.
 */
import { type Vocabulary } from "./vocabulary.ts";

/** Reports an event. Never throws and never waits. */
export type Observe = <Name extends keyof Vocabulary>(name: Name, detail: Vocabulary[Name]) => void;

/** One thing that happened, as listeners get it. */
export type ServiceEvent = {
  [Name in keyof Vocabulary]: { name: Name; detail: Vocabulary[Name]; at: Date };
}[keyof Vocabulary];

/** Gets every event, in order, synchronously; it must return quickly. */
export type Listener = (event: ServiceEvent) => void;

/** Passes the events of modules on to listeners. */
export interface Observer {
  observe: Observe;
  /** Adds a listener; the returned function removes it. */
  listen(listener: Listener): () => void;
}

/** An observer with no listeners yet. A listener that throws is reported to `onListenerError` and kept. */
export function createObserver(
  onListenerError: (error: unknown) => void = (error) =>
    console.error("observer listener failed", error),
): Observer {
  const listeners = new Set<Listener>();
  const observe: Observe = (name, detail) => {
    const event = { name, detail, at: new Date() } as ServiceEvent;
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        onListenerError(error);
      }
    }
  };
  return {
    observe,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Reports nothing: for tests and one-off commands. */
export const unobserved: Observe = () => {};
