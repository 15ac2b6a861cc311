/** The identity of a log, written to and read from a real broker. */
import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import {
  appendLogIdentityEvent,
  type LogIdentityEvent,
  newLogId,
  readLogIdentity,
} from "../../src/events/log_identity.ts";
import { LOG_IDENTITY } from "../../src/events/topics.ts";
import { startTestService } from "../support/service.ts";

test("its events come back as they were written, other programs' records change nothing", async () => {
  await using whole = await startTestService({ sample: null });
  const { log } = whole.service.parts.running!;
  const before = await readLogIdentity(log.kafka, log.registry);
  const logId = before?.logId ?? newLogId();
  const at = new Date("2026-11-20T12:00:00Z");
  const events: LogIdentityEvent[] = [
    { logId, at, type: "created", hasTimedIds: true },
    { logId, at, type: "bound", dataStoreId: "store", decision: "first" },
    {
      logId,
      at,
      type: "copied",
      fromLogId: "source",
      hasTimedIds: false,
      ends: [{
        topic: "ingestion_run",
        partition: 0,
        sourceLow: 1n,
        sourceEnd: 8n,
        targetLow: 0n,
        targetEnd: 7n,
      }],
    },
    {
      logId,
      at,
      type: "repaired",
      topic: "ingestion_run",
      partition: 0,
      firstOffset: 3n,
      lastOffset: 5n,
      republished: 2,
      lost: 1,
    },
    { logId, at, type: "bound", dataStoreId: "other store", decision: "adopt" },
    { logId: "late", at, type: "created", hasTimedIds: true },
  ];
  for (const event of events.slice(0, 2)) await appendLogIdentityEvent(log.ungated, event);
  await log.ungated.publish(LOG_IDENTITY, [{ key: null, value: Buffer.from("hello") }]);
  for (const event of events.slice(2)) await appendLogIdentityEvent(log.ungated, event);

  const [, , copied, repaired, bound] = events;
  expect(await readLogIdentity(log.kafka, log.registry)).toEqual({
    logId,
    createdAt: before?.createdAt ?? at,
    // Of the copied dead letters.
    hasTimedIds: false,
    bound,
    copies: [copied],
    repairs: [repaired],
  });
});
