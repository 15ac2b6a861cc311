/** Pausing and resuming the schedule. `GET /status` shows it. */
import { type Api, changingRoute, json } from "./openapi.ts";
import { scheduleSchema, type ScheduleView } from "./status_schemas.ts";

function route<Path extends string>(path: Path, summary: string) {
  const answers = { 200: json(scheduleSchema, "The schedule as it is now") };
  return changingRoute(path, { summary, tags: ["runs"] }, {}, answers);
}

/**
 * Pauses or resumes the schedule, for all processes and their next starts.
 * @throws TransientError when the database is unavailable, or this process has no schedule
 */
export type PauseSchedule = (isPaused: boolean) => Promise<ScheduleView>;

/** Adds `POST /schedule/pause`, `POST /schedule/resume`. */
export function addScheduleRoutes(app: Api, pauseSchedule: PauseSchedule): void {
  app.openapi(
    route("/schedule/pause", "Pause the schedule, for all processes and across restarts"),
    async (context) => context.json(await pauseSchedule(true), 200),
  );
  app.openapi(
    route("/schedule/resume", "Resume the schedule"),
    async (context) => context.json(await pauseSchedule(false), 200),
  );
}
