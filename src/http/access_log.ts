/** Gives every request an id, and reports it when it is answered: for the log and for metrics. */
import { requestId } from "hono/request-id";
import { routePath } from "hono/route";
import type { Observe } from "../observe/observe.ts";
import type { Api } from "./openapi.ts";

/** Reports all requests. Added before everything else. */
export function addAccessLog(app: Api, observe: Observe): void {
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
}
