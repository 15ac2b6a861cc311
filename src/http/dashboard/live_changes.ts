/**
 * What happens in this process, as an event stream for open dashboards: server-sent events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 *     event: happening   {"name", "level", "at", "say"}: one line of the activity list
 *     event: changed     {"topics": ["runs", "store", …], "runs": [ids]}: ask again for what you show of these
 *
 * A stream tells that something changed, not what: the page asks the API, which is the one truth, and a page that missed
 * events is right again after the next answer. Changes are gathered for a moment, since a load is hundreds of batches a second.
 */
import type { Happening, Observer } from "../../observe/observe.ts";
import { VOCABULARY } from "../../observe/vocabulary.ts";

/** What may have changed. */
export type ChangedTopic = "runs" | "store" | "dead_letters" | "status";

/** Changes are told together, this often: fast to an eye, easy on the database. */
const GATHER_MS = 500;
/** Comments that keep the connection through proxies, and that find out that the other side is gone. */
const KEEP_ALIVE_MS = 15_000;
/** The activity list when a page is opened. */
const REMEMBERED = 100;
/** Open dashboards at once; a browser opens one stream a tab. */
const STREAMS_MAX = 64;
/** Messages that wait for a slow reader; then its stream ends (the browser connects again, and asks for what it shows). */
const WAITING_MAX = 256;

/** Happenings that change what a page shows; also those that are told in the activity list, where `say` is set. */
const TOLD: { readonly [Name in Happening["name"]]?: { topics: ChangedTopic[]; say: boolean } } = {
  "run.requested": { topics: ["runs"], say: true },
  "run.started": { topics: ["runs"], say: true },
  "run.planned": { topics: ["runs"], say: true },
  "run.completed": { topics: ["runs"], say: true },
  "run.failed": { topics: ["runs"], say: true },
  "run.cancelled": { topics: ["runs"], say: true },
  "run.paused": { topics: ["runs"], say: true },
  "run.loaded": { topics: ["runs", "store"], say: true },
  "file.started": { topics: ["runs"], say: false },
  "file.extracted": { topics: ["runs"], say: true },
  "file.skipped": { topics: ["runs"], say: false },
  "file.failed": { topics: ["runs"], say: true },
  "source.retry": { topics: [], say: true },
  "schedule.set": { topics: ["status"], say: true },
  "schedule.fired": { topics: ["runs", "status"], say: true },
  "schedule.missed": { topics: ["status"], say: true },
  "schedule.failed": { topics: ["status"], say: true },
  "schedule.paused": { topics: ["status"], say: true },
  "schedule.resumed": { topics: ["status"], say: true },
  "sink.loaded": { topics: ["store", "runs"], say: false },
  "sink.dead_letter": { topics: ["dead_letters"], say: true },
  "sink.retry": { topics: ["status"], say: true },
  "sink.assigned": { topics: ["status"], say: false },
  "sink.revoked": { topics: ["status"], say: false },
  "sink.repositioned": { topics: ["status"], say: true },
  "log.unavailable": { topics: ["status"], say: true },
  "broker.ready": { topics: ["status"], say: false },
  "broker.failed": { topics: ["status"], say: true },
  "database.restarted": { topics: ["status"], say: true },
  "service.ready": { topics: ["status"], say: true },
  "service.stopping": { topics: ["status"], say: true },
};

/** Open streams and what they are told. */
export interface LiveChanges {
  /** A new stream; null when there are too many. */
  open(): ReadableStream<Uint8Array> | null;
  /** Ends every stream, for a shutdown: an open stream would hold the server. */
  close(): void;
}

type Send = (text: string) => void;

/** Listens from now on. */
export function createLiveChanges(listen: Observer["listen"]): LiveChanges {
  const streams = new Map<ReadableStreamDefaultController<Uint8Array>, Send>();
  const remembered: string[] = [];
  const changed = { topics: new Set<ChangedTopic>(), runs: new Set<string>() };
  let gathering: ReturnType<typeof setTimeout> | undefined;

  const sendAll = (text: string) => {
    for (const send of [...streams.values()]) send(text);
  };
  const flush = () => {
    gathering = undefined;
    const data = { topics: [...changed.topics], runs: [...changed.runs] };
    changed.topics.clear();
    changed.runs.clear();
    sendAll(message("changed", data));
  };
  const unlisten = listen((happening) => {
    const told = TOLD[happening.name];
    if (told === undefined) return;
    if (told.say) {
      const text = message("happening", tell(happening));
      remembered.push(text);
      if (remembered.length > REMEMBERED) remembered.shift();
      sendAll(text);
    }
    for (const topic of told.topics) changed.topics.add(topic);
    if ("runId" in happening.detail) changed.runs.add(happening.detail.runId);
    if (told.topics.length > 0 && streams.size > 0) gathering ??= setTimeout(flush, GATHER_MS);
  });
  const keepAlive = setInterval(() => sendAll(": still here\n\n"), KEEP_ALIVE_MS);

  const end = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    if (streams.delete(controller)) controller.close();
  };
  return {
    open() {
      if (streams.size >= STREAMS_MAX) return null;
      const encoder = new TextEncoder();
      let mine: ReadableStreamDefaultController<Uint8Array>;
      return new ReadableStream<Uint8Array>({
        start(controller) {
          mine = controller;
          controller.enqueue(encoder.encode(`retry: 2000\n\n${remembered.join("")}`));
          streams.set(controller, (text) => {
            if ((controller.desiredSize ?? 0) <= 0) end(controller);
            else controller.enqueue(encoder.encode(text));
          });
        },
        cancel() {
          streams.delete(mine);
        },
      }, { highWaterMark: WAITING_MAX });
    },
    close() {
      unlisten();
      clearInterval(keepAlive);
      clearTimeout(gathering);
      for (const controller of [...streams.keys()]) end(controller);
    },
  };
}

function message(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function tell({ name, detail, at }: Happening) {
  const { level, say } = VOCABULARY[name] as {
    level: string | ((detail: unknown) => string);
    say: (detail: unknown) => string;
  };
  return {
    name,
    level: typeof level === "string" ? level : level(detail),
    at: at.toISOString(),
    say: say(detail),
    run_id: "runId" in detail ? detail.runId : null,
  };
}
