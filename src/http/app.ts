/**
 * The API as a Hono app: the same for the server, for tests (`app.request(...)`) and for whoever mounts it elsewhere.
 */
import { bodyLimit } from "hono/body-limit";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import { explain, hintOf, PermanentError, TransientError } from "../failures/failures.ts";
import type { Observe } from "../observe/observe.ts";
import { RunCommandRefused } from "../runs/run_decide.ts";
import type { Sql } from "../store/connection.ts";
import { type ApiPorts, IdempotencyConflictError } from "./api_ports.ts";
import { authorization } from "./authorization.ts";
import { addMeteorRoutes } from "./meteor_routes.ts";
import { type Api, createOpenApiApp } from "./openapi.ts";
import { Problem, problemResponse } from "./problem.ts";
import { addRunRoutes } from "./run_routes.ts";
import { addScheduleRoutes } from "./schedule_routes.ts";
import { Slots } from "./slots.ts";
import { addStatisticsRoutes } from "./statistics_routes.ts";
import { addStatusRoutes } from "./status_routes.ts";

export interface ApiOptions {
  readonly ports: ApiPorts;
  /** Token that changing calls must bear; null: none is set. */
  readonly apiToken: string | null;
  /** Days that `POST /extract` looks back when it is not told. */
  readonly extractDays: number;
  readonly observe: Observe;
  /** The data store, for reading. @throws TransientError while the service starts */
  readonly sql: () => Sql;
  /** The topic that meteors come from. */
  readonly topic: string;
}

/** No request of this API needs more than a few hundred bytes of JSON. */
const BODY_MAX_BYTES = 64 * 1024;

/** Each export holds a connection to the database while the client reads. */
const EXPORTS_MAX = 4;

/** The app, with every route. */
export function createApi(options: ApiOptions): Api {
  const { observe } = options;
  const app = createOpenApiApp();

  app.use(requestId());
  app.use(secureHeaders());
  app.use(async (context, next) => {
    const started = performance.now();
    await next();
    observe("http.request", {
      method: context.req.method,
      path: context.req.path,
      status: context.res.status,
      took_ms: performance.now() - started,
    });
  });
  app.on(
    ["POST", "PUT", "PATCH", "DELETE"],
    "*",
    authorization(options.apiToken),
    bodyLimit({
      maxSize: BODY_MAX_BYTES,
      onError: () => {
        throw new Problem("too-large", `a request body may have ${BODY_MAX_BYTES} bytes at most`);
      },
    }),
  );

  addStatusRoutes(app, options.ports);
  addRunRoutes(app, options);
  addScheduleRoutes(app, options.ports);
  addMeteorRoutes(app, {
    sql: options.sql,
    exports: new Slots("exports", EXPORTS_MAX),
    topic: options.topic,
  });
  addStatisticsRoutes(app, options.sql);

  app.notFound((context) =>
    problemResponse(
      context,
      "not-found",
      `${context.req.method} ${context.req.path} is not a call of this API; see the README`,
    )
  );
  app.onError((error, context) => {
    if (error instanceof Problem) return problemResponse(context, error.type, error.message);
    if (error instanceof IdempotencyConflictError || error instanceof RunCommandRefused) {
      return problemResponse(context, "conflict", error.message);
    }
    if (error instanceof TransientError) {
      context.header("retry-after", "5");
      return problemResponse(context, "unavailable", explain(error));
    }
    if (error instanceof PermanentError) {
      const hint = hintOf(error);
      return problemResponse(
        context,
        "bad-request",
        hint === undefined ? error.message : `${error.message}; ${hint}`,
      );
    }
    // What went wrong inside is for the log, not for the caller.
    observe("http.error", {
      method: context.req.method,
      path: context.req.path,
      reason: explain(error),
    });
    return problemResponse(
      context,
      "internal",
      "the service failed to answer; its log has the reason",
    );
  });
  return app;
}
