/** What was asked of the sample server, for tests and for who watches it. */

/** The log keeps this many requests; a demo may run for months. */
const MOST_LOGGED = 10_000;

/** A request as it was answered. */
export interface LoggedRequest {
  method: string;
  /** As asked, query included. */
  path: string;
  status: number;
  /** Bytes of a file that were handed to the socket; listings and messages do not count. */
  sent_bytes: number;
  range: string | undefined;
  ifNoneMatch: string | undefined;
  userAgent: string | undefined;
  /** When it came in. */
  at: Date;
}

/** The last requests, oldest first. */
export interface RequestLog {
  readonly all: readonly LoggedRequest[];
  /** Calls the listener after every request; the returned function ends that. */
  listen(listener: (request: LoggedRequest) => void): () => void;
}

/** An empty log, and how to add to it. */
export function createLog(): { log: RequestLog; add: (request: LoggedRequest) => void } {
  const all: LoggedRequest[] = [];
  const listeners = new Set<(request: LoggedRequest) => void>();
  return {
    log: {
      all,
      listen(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    add(request) {
      all.push(request);
      if (all.length > MOST_LOGGED) all.shift();
      for (const listener of listeners) listener(request);
    },
  };
}
