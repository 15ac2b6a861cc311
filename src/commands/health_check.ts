/**
 * The container's health check: exits with 0 when the service in this container reports that it is ready, otherwise with 1. It asks the
 * API, or METRICS_PORT in a container whose roles leave the API out.
 */
import process from "node:process";

/** Shorter than the time-out of the Dockerfile's HEALTHCHECK, so that the reason printed is the one from here. */
const ANSWER_TIMEOUT_MS = 4_000;

const { ROLES, HTTP_PORT, METRICS_PORT } = process.env;
const hasApi = !ROLES?.trim() || /\bhttp\b/.test(ROLES);
const port = hasApi ? HTTP_PORT || "8080" : METRICS_PORT;
try {
  if (!port) throw new Error("without the role http, the health check needs METRICS_PORT");
  const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) process.stderr.write(`${text}\n`);
  process.exit(response.ok ? 0 : 1);
} catch (error) {
  process.stderr.write(`${error}\n`);
  process.exit(1);
}
