/**
 * Events as they happen: all events of this process, or those of one run, whichever process works on it.
 *
 * `GET /runs/ID/events` sends states, not changes: an event contains the run (or one of its files) as `GET /runs/ID` would show it
 * now. So a reader that missed events is up to date with the next one, and a run of another process can be followed too: its state
 * is read from the database when an event occurs here, and at least once a second.
 */
import { createHash } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import { TransientError, wait } from "@gmn/failures";
import { isOver, type RunDetail } from "../runs/run_schemas.ts";
import type { Reader } from "../store/reader.ts";
import { getRunView } from "../store/run_views.ts";
import { type EventStream, type EventStreams, lastEventId } from "./event_streams.ts";
import { type Api, problems } from "./openapi.ts";
import type { PublicEvent, RecentEvents } from "./recent_events.ts";
import { findRun, RUN_LIMIT_MS, runParams } from "./run_lookup.ts";
import type { RunPort } from "./run_routes.ts";
import { withOwn } from "./own_runs.ts";

/** How often a run's state is read when no event mentions it. */
const LOOK_INTERVAL_MS = 1_000;
/** A run's events come in bursts; one read covers a burst. */
const GATHER_MS = 200;

const lastEvent = z.string().max(200).optional().openapi({
  description: "Where to continue, for readers that can't send the Last-Event-ID header.",
});

const streamAnswer = {
  description: "Server-sent events",
  content: { "text/event-stream": { schema: z.string() } },
};

const eventsRoute = createRoute({
  method: "get",
  path: "/events",
  summary: "Everything that happens, as server-sent events",
  description:
    "Each event is named `service_event` and has `{id, name, at, level, message, detail}`. The stream starts with the events that " +
    "are remembered (the last 1,000), or after Last-Event-ID.",
  tags: ["events"],
  request: {
    query: z.strictObject({
      names: z.string().regex(/^[a-z_.]+(,[a-z_.]+)*$/, "names, separated by commas").max(500)
        .optional().openapi({
          description: "Only these events, by full name or by its first part.",
          example: "run,file.failed",
        }),
      last_event_id: lastEvent,
    }),
  },
  responses: { 200: streamAnswer, ...problems("bad-request", "too-many-requests") },
});

const runEventsRoute = createRoute({
  method: "get",
  path: "/runs/{id}/events",
  summary: "A run's progress, as server-sent events",
  description:
    "`run` has the run and `file` one of its files, as GET /runs/ID shows them, whenever they change; `end` comes last, when the " +
    "run has ended and its rows are loaded.",
  tags: ["events", "runs"],
  request: { params: runParams, query: z.strictObject({ last_event_id: lastEvent }) },
  responses: {
    200: streamAnswer,
    ...problems("not-found", "too-many-requests", "unavailable"),
  },
});

export interface EventRouteOptions {
  readonly reader: () => Reader;
  /** Where runs are requested. @throws TransientError while the service starts */
  readonly runs: () => RunPort;
  readonly streams: EventStreams;
  readonly events: RecentEvents;
}

/** Adds `GET /events`, `GET /runs/ID/events`. */
export function addEventRoutes(app: Api, options: EventRouteOptions): void {
  const { streams, events } = options;
  app.openapi(eventsRoute, (context) => {
    const wanted = context.req.valid("query").names?.split(",") ?? null;
    const isWanted = ({ name }: PublicEvent) =>
      wanted === null || wanted.some((one) => name === one || name.startsWith(`${one}.`));
    return streams.answer(context, (stream) => {
      const send = (event: PublicEvent) => {
        if (isWanted(event)) stream.send({ event: "service_event", id: event.id, data: event });
      };
      for (const event of events.after(lastEventId(context))) send(event);
      stream.ended.addEventListener("abort", events.listen(send));
    }) as never;
  });

  app.openapi(runEventsRoute, async (context) => {
    const { id } = context.req.valid("param");
    await findRun(id, (id) => readDetail(options, id));
    const known = lastEventId(context);
    return streams.answer(context, (stream) => {
      void followRun(stream, id, { ...options, known });
    }) as never;
  });
}

interface Following extends EventRouteOptions {
  /** Id of the state that the reader already has. */
  readonly known: string | null;
}

async function readDetail(
  { reader, runs }: EventRouteOptions,
  runId: string,
): Promise<RunDetail | null> {
  const found = await reader().look(RUN_LIMIT_MS, (sql) => getRunView(sql, runId));
  return found === null ? null : withOwn(found, () => runs().engine);
}

async function followRun(stream: EventStream, runId: string, options: Following): Promise<void> {
  const { events } = options;
  let wake = () => {};
  const unlisten = events.listen(({ detail }) => {
    if (detail.runId === runId) wake();
  });
  stream.ended.addEventListener("abort", () => (unlisten(), wake()));
  const sent = new Map<string, string>();
  let known = options.known;
  while (!stream.ended.aborted) {
    const woken = new Promise<void>((resolve) => wake = resolve);
    try {
      const found = await readDetail(options, runId);
      if (found === null) break;
      known = sendChanges(stream, found, sent, known);
      if (isOver(found)) {
        stream.send({ event: "end", id: idOf(found), data: { run_id: runId } });
        break;
      }
    } catch (error) {
      // The database is unavailable for a while; the state is sent when it is back.
      if (!(error instanceof TransientError)) break;
    }
    await Promise.race([
      woken.then(() => wait(GATHER_MS, stream.ended)),
      wait(LOOK_INTERVAL_MS, stream.ended),
    ]).catch(() => {});
  }
  unlisten();
  stream.end();
}

/** Sends what has changed; nothing if the reader has this state. Returns null: from now on `sent` records what the reader has. */
function sendChanges(
  stream: EventStream,
  found: RunDetail,
  sent: Map<string, string>,
  known: string | null,
): null {
  const id = idOf(found);
  const isKnown = known === id;
  const send = (event: string, key: string, data: unknown) => {
    const text = JSON.stringify(data);
    if (sent.get(key) === text) return;
    sent.set(key, text);
    if (!isKnown) stream.send({ event, id, data });
  };
  const { file_list, ...run } = found;
  send("run", "", run);
  for (const file of file_list) send("file", file.file, file);
  return null;
}

/** Identifies a state: the same state has the same id in any process. */
function idOf(found: RunDetail): string {
  return createHash("sha256").update(JSON.stringify(found)).digest("base64url").slice(0, 22);
}
