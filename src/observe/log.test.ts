import { spawnSync } from "node:child_process";
import process from "node:process";
import { expect, test } from "vitest";
import { createObserver } from "./observe.ts";
import { levelOf, plainDetail, sayingOf } from "./telling.ts";
import { VOCABULARY } from "./vocabulary.ts";

/** What a process logs of some events: LogTape's set-up is one per process, and standard error is not this one's to take. */
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

test("as JSON: one object a line, with the name of the vocabulary and its whole detail", () => {
  const lines = logged({ level: "debug", format: "json" }).map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    {
      level: "debug",
      event: "sink.assigned",
      message: "t-1 assigned, from offset 9007199254740993",
      detail: { topic: "t", partition: 1, nextOffset: "9007199254740993" },
    },
    { level: "error", event: "run.failed", detail: { reason: "two\nlines \u001b[31m" } },
    { level: "warning", event: "log.client", message: "kafka: away" },
  ]);
  for (const { at } of lines) expect(new Date(at).toISOString()).toBe(at);
});

test("for people: time, a mark, the sentence; nothing below the level, and one line whatever it quotes", () => {
  const lines = logged({ level: "warning", format: "human" });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d ✗ run r \(daily\) failed: two.lines/);
  expect(lines[0]).not.toContain("\u001b");
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d ! kafka: away$/);
});

test("log, metrics and event stream tell from one vocabulary", () => {
  const observer = createObserver();
  const told: unknown[] = [];
  observer.listen((event) => {
    told.push([levelOf(event), sayingOf(event), plainDetail(event.detail)]);
  });
  observer.observe("sink.assigned", { topic: "t", partition: 0, nextOffset: 5n });
  expect(told).toEqual([
    ["debug", "t-0 assigned, from offset 5", { topic: "t", partition: 0, nextOffset: "5" }],
  ]);
  expect(Object.keys(VOCABULARY).every((name) => /^[a-z]+\.[a-z_]+$/.test(name))).toBe(true);
});
