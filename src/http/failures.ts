/** Turns every failure into a problem: what the caller can do something about, and what is for the log only. */
import { explain, explainWithHint, PermanentError, TransientError } from "@gmn/failures";
import { ReplayRefused } from "../dead_letters/replay_desk.ts";
import type { Observe } from "../observe/observe.ts";
import { RunCommandRefused } from "../runs/run_decide.ts";
import { IdempotencyConflictError } from "../runs/same_request.ts";
import { StatementRefusedError } from "../store/database_errors.ts";
import type { Api } from "./openapi.ts";
import { Problem, problemResponse } from "./problem.ts";

/** Answers whatever the routes throw, and requests that have no route. `calls` says where to find those that there are. */
export function addFailures(app: Api, observe: Observe, calls: string): void {
  app.notFound((context) =>
    problemResponse(
      context,
      "not-found",
      `${context.req.method} ${context.req.path} is not a call of this API; ${calls}`,
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
