/**
 * The only way for modules to report events.
 *
 * A module receives an `Observe` and calls it with a name and a detail from the vocabulary. It never logs, counts or
 * streams by itself: the log, the metrics and the event stream are listeners.
 */
import { type Vocabulary } from "./vocabulary.ts";

/** Reports an event. Never throws and never waits. */
export type Observe = <Name extends keyof Vocabulary>(name: Name, detail: Vocabulary[Name]) => void;

/** An event, as listeners receive it. */
export type ServiceEvent = {
  [Name in keyof Vocabulary]: { name: Name; detail: Vocabulary[Name]; at: Date };
}[keyof Vocabulary];

/** Called for every event, in order and synchronously; must return quickly. */
export type Listener = (event: ServiceEvent) => void;

/** Passes the modules' events to the listeners. */
export interface Observer {
  observe: Observe;
  /** Adds a listener; the returned function removes it. */
  listen(listener: Listener): () => void;
}

/** Creates an observer without listeners. A listener that throws is reported to `onListenerError` and stays registered. */
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
