import { expect, test } from "vitest";
import type { RunEvent } from "./run_event.ts";
import { historyEntry, historyLevel, sayHistoryEntry } from "./run_history.ts";

const of = { runId: "r", at: new Date("2026-11-20T12:00:00Z") };
const file = "daily/a.txt";
const identity = { size_bytes: 70, etag: null, lastModified: null, listed: null };
const rows = { read: 1_200, published: 190, unchanged: 1_000, rejected: 10 };

const EVENTS: [RunEvent, string, string][] = [
  [
    {
      ...of,
      type: "requested",
      kind: "daily",
      selection: { days: 10 },
      requestedBy: "schedule",
      idempotencyKey: "a secret of the caller",
    },
    "info",
    "daily run requested by schedule: the last 10 days",
  ],
  [{ ...of, type: "started", owner: "host:7" }, "info", "picked up by host:7"],
  [{ ...of, type: "planned", files: [file, "b.txt"] }, "info", "2 file(s) to check"],
  [{ ...of, type: "file_started", file, identity }, "info", "reading daily/a.txt"],
  [
    { ...of, type: "file_extracted", file, identity, generatedAt: null, rows, nextOffsets: {} },
    "info",
    "daily/a.txt: 1,200 rows read, 190 published, 1,000 unchanged, 10 rejected",
  ],
  [
    { ...of, type: "file_skipped", file, reason: "unchanged" },
    "info",
    "daily/a.txt skipped: unchanged",
  ],
  [
    {
      ...of,
      type: "file_deferred",
      file,
      attempt: 1,
      reason: "cut",
      retryAt: new Date("2026-11-20T12:01:05.678Z"),
    },
    "warning",
    "daily/a.txt can't be read yet (attempt 1 of 3): cut; next attempt at 12:01:05 UTC",
  ],
  [{ ...of, type: "file_failed", file, reason: "gone" }, "warning", "daily/a.txt failed: gone"],
  [
    { ...of, type: "completed", nextOffsets: {} },
    "info",
    "completed: every file is read or skipped",
  ],
  [{ ...of, type: "failed", reason: "no source" }, "error", "failed: no source"],
  [{ ...of, type: "cancelled", reason: "over HTTP" }, "warning", "cancelled: over HTTP"],
];

test.each(EVENTS)("%o reads %s: %s", (event, level, sentence) => {
  const entry = historyEntry(event)!;
  // As read from the database.
  const stored = { ...entry, detail: JSON.parse(JSON.stringify(entry.detail)) };
  expect(stored.name).toBe(event.type);
  expect(stored.file).toBe("file" in event ? event.file : null);
  expect(historyLevel(stored)).toBe(level);
  expect(sayHistoryEntry(stored)).toBe(sentence);
  expect(JSON.stringify(stored)).not.toContain("secret");
});

test("progress is not part of the history", () => {
  const checkpoint = { byteOffset: 7, lineNumber: 1 };
  expect(historyEntry({ ...of, type: "file_progress", file, generatedAt: null, checkpoint, rows }))
    .toBeNull();
});

test("an unknown event of a newer version is described by its name", () => {
  const entry = { name: "file_weighed", file, detail: { reason: "too heavy" } };
  expect(sayHistoryEntry(entry)).toBe("file_weighed daily/a.txt: too heavy");
  expect(historyLevel(entry)).toBe("info");
});
