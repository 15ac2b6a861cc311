/**
 * Pausing and resuming the schedule. `GET /status` shows it.
 */
import { createRoute } from "@hono/zod-openapi";
import { type Api, CHANGING, json, problems, TOKEN } from "./openapi.ts";
import { scheduleSchema, type ScheduleView } from "./status_schemas.ts";

function route<Path extends string>(path: Path, summary: string) {
  return createRoute({
    method: "post",
    path,
    summary,
    tags: ["runs"],
    security: TOKEN,
    responses: {
      200: json(scheduleSchema, "The schedule as it is now"),
      ...problems(...CHANGING),
    },
  });
}

/**
 * Pauses or resumes the schedule, for all processes and their next starts.
 * @throws TransientError when the database is away, or this process has no schedule
 */
export type PauseSchedule = (isPaused: boolean) => Promise<ScheduleView>;

/** Adds `POST /schedule/pause`, `POST /schedule/resume`. */
export function addScheduleRoutes(app: Api, pauseSchedule: PauseSchedule): void {
  app.openapi(
    route("/schedule/pause", "Pause the schedule, for all processes and their next starts"),
    async (context) => context.json(await pauseSchedule(true), 200),
  );
  app.openapi(
    route("/schedule/resume", "Resume the schedule"),
    async (context) => context.json(await pauseSchedule(false), 200),
  );
}
