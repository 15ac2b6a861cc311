/**
 * The API as a Hono app, for the server and for tests (`app.request(...)`).
 *
 *     request id ─▶ access log ─▶ security headers ─▶ (changing calls: token, rate, small body) ─▶ route ─▶ answer or problem
 */
import { requestId } from "hono/request-id";
import { routePath } from "hono/route";
import { explain, explainWithHint, PermanentError, TransientError } from "@gmn/failures";
import type { Metrics } from "../observe/metrics.ts";
import type { Observe, Observer } from "../observe/observe.ts";
import { ReplayRefused } from "../dead_letters/replay_desk.ts";
import { RunCommandRefused } from "../runs/run_decide.ts";
import { IdempotencyConflictError } from "../runs/same_request.ts";
import { StatementRefusedError } from "../store/database_errors.ts";
import { authorization } from "./authorization.ts";
import { addDashboardRoutes } from "./dashboard/dashboard_routes.ts";
import { addDeadLetterRoutes } from "./dead_letter_routes.ts";
import { addDocs } from "./docs_page.ts";
import { addErrorPages } from "./error_pages.ts";
import { addEventRoutes, type EventRouteOptions } from "./event_routes.ts";
import { addMeteorRoutes } from "./meteor_routes.ts";
import { type Api, createOpenApiApp } from "./openapi.ts";
import { Problem, problemResponse } from "./problem.ts";
import { rateLimit } from "./rate_limit.ts";
import { addReplayRoutes, type ReplayPort } from "./replay_routes.ts";
import { addRunHistoryRoutes } from "./run_history_routes.ts";
import { addRunRoutes, type RunRouteOptions } from "./run_routes.ts";
import { addScheduleRoutes, type PauseSchedule } from "./schedule_routes.ts";
import { securityHeaders } from "./security_headers.ts";
import { Slots } from "./slots.ts";
import { smallBody } from "./small_body.ts";
import { addStatisticsRoutes } from "./statistics_routes.ts";
import { addStatusRoutes, type Health } from "./status_routes.ts";
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

  addStatusRoutes(app, options.health, options.metrics);
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
  addProblems(app, options.observer.observe);
  return app;
}

/** The checks that every request passes before its route. */
function addGuards(app: Api, { observer: { observe }, apiToken }: ApiOptions): void {
  app.use(requestId());
  app.use(async (context, next) => {
    const started = performance.now();
    await next();
    // Only the path: a query may contain what its sender does not want in a log.
    observe("http.request", {
      requestId: context.get("requestId"),
      method: context.req.method,
      path: context.req.path,
      route: routePath(context, -1),
      status: context.res.status,
      took_ms: performance.now() - started,
    });
  });
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

/** Turns every failure into a problem. */
function addProblems(app: Api, observe: Observe): void {
  app.notFound((context) =>
    problemResponse(
      context,
      "not-found",
      `${context.req.method} ${context.req.path} is not a call of this API; /docs lists them all`,
    )
  );
  app.onError((error, context) => {
    if (error instanceof Problem) {
      return problemResponse(context, error.type, error.message, error.members);
    }
    if (
      error instanceof IdempotencyConflictError || error instanceof RunCommandRefused ||
      error instanceof ReplayRefused
    ) {
      return problemResponse(context, "conflict", error.message);
    }
    if (error instanceof TransientError) {
      return problemResponse(context, "unavailable", explainWithHint(error));
    }
    if (error instanceof PermanentError && !(error instanceof StatementRefusedError)) {
      return problemResponse(context, "bad-request", explainWithHint(error));
    }
    // Internal errors are for the log, not for the caller.
    observe("http.error", {
      requestId: context.get("requestId"),
      method: context.req.method,
      path: context.req.path,
      reason: explain(error),
    });
    return problemResponse(
      context,
      "internal",
      "the service failed to answer; the reason is in its log",
    );
  });
}
