/**
 * Adapts the embedded broker (`@gmn/embedded-broker`) to this service: converts its events and its refusals to ours.
 */
import {
  type BrokerEvent,
  BrokerRefusal,
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
  startEmbeddedBroker,
} from "@gmn/embedded-broker";
import { PermanentError } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { observeReady, type RunningBroker } from "./broker.ts";

const KIND = "embedded";
/** SQLite's words for a file whose structure is damaged, not only what is stored in it. */
const MALFORMED = /malformed|file is not a database/;
const RESTORE_HINT =
  "The file of the log is damaged: restore a backup, or refill a new log from the data store; see docs/runbook/log-damaged.md.";

/**
 * Starts the broker in a Worker of this process; resolves when it and its schema registry answer.
 * @throws PermanentError when a port is taken (naming the port and its setting) or another process uses the directory
 */
export async function startEmbedded(
  options: Omit<EmbeddedBrokerOptions, "onEvent">,
  observe: Observe,
): Promise<RunningBroker & Pick<EmbeddedBroker, "failed">> {
  const began = performance.now();
  const onEvent = (event: BrokerEvent) => report(event, observe);
  const broker = await startEmbeddedBroker({ ...options, onEvent }).catch((error) => {
    if (!(error instanceof BrokerRefusal)) throw error;
    const hint = error.hint ?? (MALFORMED.test(error.message) ? RESTORE_HINT : undefined);
    throw new PermanentError(error.message, {
      cause: error.cause,
      ...(hint === undefined ? {} : { hint }),
    });
  });
  observeReady(observe, { kind: KIND, ...broker }, performance.now() - began);
  return { kind: KIND, ...broker };
}

function report(event: BrokerEvent, observe: Observe): void {
  switch (event.kind) {
    case "client refused":
      return observe("broker.refused", { client: event.client, reason: event.reason });
    case "damaged": {
      const { topic, partition, firstOffset, lastOffset, reason } = event;
      const range = { firstOffset: BigInt(firstOffset), lastOffset: BigInt(lastOffset) };
      return observe("log.damaged", { topic, partition, ...range, reason });
    }
    case "fault":
    case "died":
      return observe("broker.failed", { kind: KIND, reason: event.reason });
    case "stop cut short": {
      const line = `did not stop within ${event.after_ms / 1000} s and was ended`;
      return observe("broker.log", { kind: KIND, level: "warning", line });
    }
    case "stopped":
      return observe("broker.stopped", { kind: KIND });
  }
}
