/** The API, served over the parts of the service. Until they run, it answers that the service is starting. */
import { TransientError } from "@gmn/failures";
import type { Config } from "../config.ts";
import { ReplayDesk } from "../dead_letters/replay_desk.ts";
import { withGate } from "../events/publisher_gate.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import { createApi } from "../http/app.ts";
import { EventStreams } from "../http/event_streams.ts";
import { RecentEvents } from "../http/recent_events.ts";
import { serveHttp } from "../http/server.ts";
import type { Health } from "../http/status_routes.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Observer } from "../observe/observe.ts";
import { deadLetterTable } from "../store/dead_letters.ts";
import { runningOf, type ServiceParts, VERSION } from "./parts.ts";
import type { Releasers } from "./releasers.ts";
import { scheduleOf } from "./status.ts";

export interface ApiWiring {
  readonly config: Config;
  readonly parts: ServiceParts;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly observer: Observer;
  readonly releasers: Releasers;
}

/**
 * Serves the API and returns its URL.
 * @throws PermanentError when it can't listen on the address
 */
export function serveApi(
  { config, parts, health, metrics, observer, releasers }: ApiWiring,
): string {
  const { observe, listen } = observer;
  const streams = new EventStreams();
  const events = new RecentEvents(listen, parts.startedAt);
  releasers.add("events", events.close);
  const running = () => runningOf(parts);
  const api = createApi({
    version: VERSION,
    apiToken: config.apiToken,
    extractDays: config.extractDays,
    observer,
    reader: () => running().reader,
    // A process that serves the API always has them.
    runs: () => running().runs!,
    pauseSchedule: async (isPaused) => {
      const { producer, reader } = running();
      if (producer === null) {
        throw new TransientError("this process has no schedule; ask one with the role producer");
      }
      await (isPaused ? producer.schedule.pause() : producer.schedule.resume());
      return await scheduleOf(producer.schedule, reader);
    },
    replays: replayDeskOf(parts, observer),
    health,
    topic: TRAJECTORY_SUMMARY_RAW.name,
    metrics,
    streams,
    events,
  });
  const server = serveHttp({
    host: config.httpHost,
    port: config.httpPort,
    fetch: (request) => api.fetch(request),
  });
  releasers.add("http", () => server.stop());
  // Released before the server: an open stream is a request in progress.
  releasers.add("event streams", () => streams.close());
  observe("http.listening", { url: server.url });
  return server.url;
}

/** A replay queries pages of dead letters, and later records of a page's trajectories. */
const REPLAY_QUERY_MS = 10_000;

function replayDeskOf(parts: ServiceParts, { observe }: Observer): () => ReplayDesk {
  let desk: ReplayDesk | null = null;
  return () => {
    const { reader, log, disks } = runningOf(parts);
    const { registry } = log;
    return desk ??= new ReplayDesk({
      table: deadLetterTable((question) => reader.ask(REPLAY_QUERY_MS, question)),
      publisher: withGate(log.publisher, () => disks.assertRoom()),
      registry,
      observe,
    });
  };
}
