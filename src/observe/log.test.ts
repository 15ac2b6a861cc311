import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { createObserver } from "./observe.ts";
import { EVENT_TEXTS, levelOf, plainDetail, sentenceOf } from "./event_text.ts";

/** The log of a child process for a few events: LogTape is configured per process, and this one's standard error is in use. */
function logged(options: { level: string; format: string }): string[] {
  const log = new URL("./log.ts", import.meta.url).href;
  const observe = new URL("./observe.ts", import.meta.url).href;
  const script = `
    import { createLogListener } from ${JSON.stringify(log)};
    import { createObserver } from ${JSON.stringify(observe)};
    const observer = createObserver();
    observer.listen(await createLogListener(${JSON.stringify(options)}));
    observer.observe("sink.assigned", { topic: "t", partition: 1, nextOffset: 9007199254740993n });
    observer.observe("run.failed", { runId: "r", kind: "daily", reason: "two\\nlines \\u001b[31m" });
    observer.observe("log.client", { level: "warning", message: "away" });
  `;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["eval", script], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  return stderr.split("\n").filter((line) => line !== "");
}

test("JSON format: one object per line, with the event's name and its whole detail", () => {
  const lines = logged({ level: "debug", format: "json" }).map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    {
      level: "info",
      event: "sink.assigned",
      message: "t-1 assigned, from offset 9007199254740993",
      detail: { topic: "t", partition: 1, nextOffset: "9007199254740993" },
    },
    { level: "error", event: "run.failed", detail: { reason: "two\nlines \u001b[31m" } },
    { level: "warning", event: "log.client", message: "kafka: away" },
  ]);
  for (const { at } of lines) expect(new Date(at).toISOString()).toBe(at);
});

test("human format: time, mark and sentence on one line; no line below the level", () => {
  const lines = logged({ level: "warning", format: "human" });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d ✗ run r \(daily\) failed: two.lines/);
  expect(lines[0]).not.toContain("\u001b");
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d ! kafka: away$/);
});

test("levels, sentences and details come from the vocabulary", () => {
  const observer = createObserver();
  const reported: unknown[] = [];
  observer.listen((event) => {
    reported.push([levelOf(event), sentenceOf(event), plainDetail(event.detail)]);
  });
  observer.observe("sink.assigned", { topic: "t", partition: 0, nextOffset: 5n });
  expect(reported).toEqual([
    ["info", "t-0 assigned, from offset 5", { topic: "t", partition: 0, nextOffset: "5" }],
  ]);
});

describe("the names of events", () => {
  /** Failures that are not retried. */
  const FINAL = new Map([
    ["broker.failed", "the restarts are used up; it ends the service"],
    ["run.failed", "a person asks for the rest of its files"],
    ["file.failed", "its run is over for this file"],
    ["heartbeat.failed", "the tries are used up; the monitor raises its alarm"],
    ["service.release_failed", "the part is left as it is, and the stop goes on"],
  ]);
  /** Names that end neither in -ed (done) nor in -ing (in progress). */
  const OTHERS = new Set([
    // States, and verbs with an irregular form.
    "ready",
    "set",
    "sent",
    "withdrew",
    "withdrawal_held",
    "progress",
    "leads",
    "follows",
    // Output of other programs, requests, and outcomes of records.
    "log",
    "client",
    "request",
    "error",
    "dead_letter",
    "passed_over",
    // Failures that are retried.
    "retry",
    "unavailable",
  ]);
  const names = Object.keys(EVENT_TEXTS);

  test("consist of a part and what happened", () => {
    for (const name of names) {
      expect(name).toMatch(/^[a-z_]+\.[a-z_]+$/);
      const what = name.split(".")[1] ?? "";
      expect(/(ed|ing)$/.test(what) || OTHERS.has(what), name).toBe(true);
    }
  });

  test("end in failed only when the failure is final", () => {
    expect(names.filter((name) => name.endsWith("failed")).sort()).toEqual(
      [...FINAL.keys()].sort(),
    );
  });

  test("of retries have a detail with the reason and the time of the next try", async () => {
    const source = await readFile(new URL("./vocabulary.ts", import.meta.url), "utf8");
    const retries = names.filter((name) => /\.(retry|unavailable)$/.test(name));
    expect(retries.length).toBeGreaterThan(4);
    for (const name of retries) {
      const detail = new RegExp(`"${name}": (.*);\n`).exec(source)?.[1];
      expect(detail, name).toMatch(/\bRetry\b|reason: string;.* delay_ms: number/);
    }
  });
});
