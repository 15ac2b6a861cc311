/**
 * Streams of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): how many are allowed, how a slow
 * reader is handled, and how they end at a shutdown.
 *
 * The stream of a reader that is too slow is ended; a browser then reconnects by itself and sends its position.
 */
import type { Context } from "hono";
import { Slots } from "./slots.ts";

/** Most streams at once: each costs a socket, a queue and a timer. */
const STREAMS_MAX = 64;
/** Most messages that wait for a slow reader. */
const WAITING_MAX = 512;
/** Comments keep the connection open through proxies, and reveal when the other side has disconnected. */
const KEEP_ALIVE_MS = 15_000;
/** Delay after which a browser reconnects. */
const RETRY_MS = 2_000;

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // Without this header nginx would buffer events.
  "x-accel-buffering": "no",
};

export interface ServerEvent {
  readonly event: string;
  /** The browser sends this id as Last-Event-ID when it reconnects. */
  readonly id?: string;
  readonly data: unknown;
}

/** One open stream, for the code that fills it. */
export interface EventStream {
  /** Aborts when the stream has ended, for any reason. */
  readonly ended: AbortSignal;
  send(event: ServerEvent): void;
  end(): void;
}

export class EventStreams {
  readonly #slots: Slots;
  readonly #open = new Set<EventStream>();
  #isClosed = false;

  constructor(max: number = STREAMS_MAX) {
    this.#slots = new Slots("event streams", max);
  }

  /** The number of open streams. */
  get size(): number {
    return this.#open.size;
  }

  /** The answer: a stream that `fill` sends to. @throws Problem when there are too many */
  answer(context: Context, fill: (stream: EventStream) => void): Response {
    // A client that requests only the headers never reads.
    if (context.req.method === "HEAD") return context.body(null, 200, HEADERS);
    const release = this.#slots.take();
    const ending = new AbortController();
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        const write = (text: string) => {
          if (ending.signal.aborted) return;
          if ((controller.desiredSize ?? 0) <= 0) return stream.end();
          controller.enqueue(encoder.encode(text));
        };
        const stream: EventStream = {
          ended: ending.signal,
          send: (event) => write(textOf(event)),
          end() {
            if (ending.signal.aborted) return;
            controller.close();
            ending.abort();
          },
        };
        const keepAlive = setInterval(() => write(": still here\n\n"), KEEP_ALIVE_MS);
        this.#open.add(stream);
        ending.signal.addEventListener("abort", () => {
          clearInterval(keepAlive);
          this.#open.delete(stream);
          release();
        });
        write(`retry: ${RETRY_MS}\n\n`);
        fill(stream);
        if (this.#isClosed) stream.end();
      },
      cancel: () => ending.abort(),
    }, { highWaterMark: WAITING_MAX });
    return context.body(body, 200, HEADERS);
  }

  /** Ends every stream, and each new one at once: an open stream would prevent the server from stopping. */
  close(): void {
    this.#isClosed = true;
    for (const stream of [...this.#open]) stream.end();
  }
}

function textOf({ event, id, data }: ServerEvent): string {
  // JSON has no line ends, so one data line is enough.
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return `event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`;
}

/** The position of the reader: the header that browsers send, or the query parameter. */
export function lastEventId(context: Context): string | null {
  return context.req.header("last-event-id") ?? context.req.query("last_event_id") ?? null;
}
