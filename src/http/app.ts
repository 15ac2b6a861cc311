/**
 * The API as a Hono app, for the server and for tests (`app.request(...)`).
 *
 *     request id ─▶ access log ─▶ security headers ─▶ (changing calls: token, rate, small body) ─▶ route ─▶ answer or problem
 */
import type { Metrics } from "../observe/metrics.ts";
import type { Observer } from "../observe/observe.ts";
import { addAccessLog } from "./access_log.ts";
import { authorization } from "./authorization.ts";
import { addDashboardRoutes } from "./dashboard/dashboard_routes.ts";
import { addDeadLetterRoutes } from "./dead_letter_routes.ts";
import { addDocs } from "./docs_page.ts";
import { addErrorPages } from "./error_pages.ts";
import { addFailures } from "./failures.ts";
import { addEventRoutes, type EventRouteOptions } from "./event_routes.ts";
import { addMeteorRoutes } from "./meteor_routes.ts";
import { type Api, createOpenApiApp } from "./openapi.ts";
import { rateLimit } from "./rate_limit.ts";
import { addReplayRoutes, type ReplayPort } from "./replay_routes.ts";
import { addRunHistoryRoutes } from "./run_history_routes.ts";
import { addRunRoutes, type RunRouteOptions } from "./run_routes.ts";
import { addScheduleRoutes, type PauseSchedule } from "./schedule_routes.ts";
import { securityHeaders } from "./security_headers.ts";
import { Slots } from "./slots.ts";
import { smallBody } from "./small_body.ts";
import { addStatisticsRoutes } from "./statistics_routes.ts";
import { addHealthRoutes, addStatusRoute, type Health } from "./status_routes.ts";
import { addStoreRoutes } from "./store_routes.ts";
import { addUploadRoutes, UPLOAD_PATH } from "./upload_routes.ts";

export interface ApiOptions extends RunRouteOptions, EventRouteOptions {
  readonly version: string;
  /** Token that changing calls must send; null: none is set. */
  readonly apiToken: string | null;
  readonly observer: Pick<Observer, "observe" | "listen">;
  readonly pauseSchedule: PauseSchedule;
  /** @throws TransientError while the service starts */
  readonly replays: () => ReplayPort;
  readonly health: Health;
  /** The topic that meteors are read from. */
  readonly topic: string;
  readonly metrics: Metrics;
}

/** Each export holds a connection to the database while the client reads. */
const EXPORTS_MAX = 4;

/** Queries to the database in progress. Queries beyond its few connections wait, and an endless queue would not help. */
const QUERIES_MAX = 64;
const QUESTION_PATHS = [
  "/meteors",
  "/statistics",
  "/dead-letters",
  "/showers",
  "/stations",
  "/runs/:id/history",
];

/** The app, with every route. */
export function createApi(options: ApiOptions): Api {
  const { reader, runs } = options;
  const app = createOpenApiApp();
  addGuards(app, options);
  limitQueries(app);

  addHealthRoutes(app, options.health, options.metrics);
  addStatusRoute(app, options.health);
  addRunRoutes(app, options);
  addRunHistoryRoutes(app, reader);
  addScheduleRoutes(app, options.pauseSchedule);
  addUploadRoutes(app, { runs, reader, listen: options.observer.listen });
  addEventRoutes(app, options);
  const exports = new Slots("exports", EXPORTS_MAX);
  addMeteorRoutes(app, { reader, exports, topic: options.topic });
  addStoreRoutes(app, reader);
  addStatisticsRoutes(app, reader);
  addDeadLetterRoutes(app, reader);
  addReplayRoutes(app, options.replays);
  addErrorPages(app);
  addDocs(app, options.version);
  addDashboardRoutes(app, reader);
  addFailures(app, options.observer.observe, "/docs lists them all");
  return app;
}

/** The checks that every request passes before its route. */
function addGuards(app: Api, { observer: { observe }, apiToken }: ApiOptions): void {
  addAccessLog(app, observe);
  app.use(securityHeaders());
  const readBody = smallBody();
  app.on(
    ["POST", "PUT", "PATCH", "DELETE"],
    "*",
    authorization(apiToken),
    rateLimit(),
    (context, next) => context.req.path === UPLOAD_PATH ? next() : readBody(context, next),
  );
}

/** Limits requests that query the database and may take long. */
function limitQueries(app: Api): void {
  const queries = new Slots("queries", QUERIES_MAX);
  for (const path of QUESTION_PATHS) {
    app.get(`${path}/*`, async (_context, next) => {
      const release = queries.take();
      try {
        await next();
      } finally {
        release();
      }
    });
  }
}
