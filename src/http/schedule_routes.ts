/**
 * Pausing and resuming the schedule. `GET /status` shows it.
 */
import type { ApiPorts } from "./api_ports.ts";
import type { Api } from "./openapi.ts";

/** Adds `POST /schedule/pause`, `POST /schedule/resume`. */
export function addScheduleRoutes(app: Api, ports: ApiPorts): void {
  app.post("/schedule/pause", async (context) => context.json(await ports.pauseSchedule(true)));
  app.post("/schedule/resume", async (context) => context.json(await ports.pauseSchedule(false)));
}
