/**
 * The dead man's switch: requests a URL after each daily run whose rows are all in the data store. The monitor behind it
 * (healthchecks.io, an uptime monitor's "push" check) raises an alarm when no request arrives in time, so it also detects the loss
 * of the whole machine.
 *
 * The URL is a secret (anyone who has it can silence the alarm), so it appears in no log and no error.
 */
import { type Backoff, explain, PermanentError, retry, TransientError } from "@gmn/failures";
import type { Observer } from "../observe/observe.ts";

export interface HeartbeatOptions {
  readonly url: string;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  readonly timeout_ms?: number;
  readonly backoff?: Backoff;
}

/** A monitor answers in milliseconds, or not at all. */
const TIMEOUT_MS = 10_000;
/** Retries for a minute; the monitor's own grace time is far longer. */
const BACKOFF: Backoff = { base_ms: 2_000, cap_ms: 30_000, attempts: 5 };
/** Daily runs that completed but whose rows are not loaded yet: one a day, and those requested by hand. */
const WAITING_MAX = 100;

/** Sends a heartbeat for each completed daily run, once it is loaded. The returned function stops this. */
export function sendHeartbeats(options: HeartbeatOptions): () => void {
  const { observer } = options;
  const completed = new Set<string>();
  return observer.listen(({ name, detail }) => {
    if (name === "run.completed" && detail.kind === "daily") {
      completed.add(detail.runId);
      if (completed.size > WAITING_MAX) completed.delete(completed.values().next().value!);
    }
    if (name === "run.loaded" && completed.delete(detail.runId)) {
      void send(detail.runId, options);
    }
  });
}

async function send(runId: string, options: HeartbeatOptions): Promise<void> {
  const { observer: { observe }, signal, backoff = BACKOFF } = options;
  const began = performance.now();
  try {
    await retry(() => ask(options), { backoff, signal });
    observe("heartbeat.sent", { runId, took_ms: performance.now() - began });
  } catch (error) {
    if (!signal.aborted) observe("heartbeat.failed", { runId, reason: explain(error) });
  }
}

async function ask({ url, signal, timeout_ms = TIMEOUT_MS }: HeartbeatOptions): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout_ms)]),
    });
  } catch (error) {
    signal.throwIfAborted();
    const isLate = error instanceof DOMException && error.name === "TimeoutError";
    // The error of fetch contains the URL.
    throw new TransientError(
      isLate ? `no answer within ${timeout_ms} ms` : "the server of HEARTBEAT_URL can't be reached",
    );
  }
  await response.body?.cancel();
  if (response.ok) return;
  const reason = `HEARTBEAT_URL answers ${response.status}`;
  throw response.status >= 500 || response.status === 429
    ? new TransientError(reason)
    : new PermanentError(reason);
}
