/** The sample server's log of requests, for tests and for users. */

/** The log keeps this many requests; a demo may run for months. */
const MOST_LOGGED = 10_000;

/** An answered request. */
export interface LoggedRequest {
  method: string;
  /** As requested, including the query. */
  path: string;
  status: number;
  /** Bytes of a file that were handed to the socket; listings and messages do not count. */
  sent_bytes: number;
  range: string | undefined;
  ifNoneMatch: string | undefined;
  userAgent: string | undefined;
  /** When it arrived. */
  at: Date;
}

/** The last requests, oldest first. */
export interface RequestLog {
  readonly all: readonly LoggedRequest[];
  /** Calls the listener after every request; the returned function unsubscribes. */
  listen(listener: (request: LoggedRequest) => void): () => void;
}

/** An empty log, and a function that adds to it. */
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
