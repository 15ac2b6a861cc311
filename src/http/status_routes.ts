/**
 * Whether the service lives, is ready, and how it is.
 */
import type { ApiPorts } from "./api_ports.ts";
import type { Api } from "./openapi.ts";

/** Adds `GET /healthz`, `GET /readyz`, `GET /status`. */
export function addStatusRoutes(app: Api, ports: ApiPorts): void {
  // Alive: the event loop turns. It asks nothing of others, so that a lost database never gets the process restarted.
  app.get("/healthz", (context) => context.json({ status: "ok" }));

  app.get("/readyz", async (context) => {
    const notReady = await ports.notReady();
    const isReady = Object.keys(notReady).length === 0;
    return context.json(
      { status: isReady ? "ready" : "not ready", not_ready: notReady },
      isReady ? 200 : 503,
    );
  });

  app.get("/status", async (context) => context.json(await ports.status()));
}
