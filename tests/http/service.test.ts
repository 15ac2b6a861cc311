/**
 * The API of a whole service: data published over HTTP can be read over HTTP.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventsOf, readEvents } from "./read_events.ts";
import { type RunJson, startTestService, type TestService } from "../support/service.ts";

let service: TestService;
let dailyText: string;

beforeAll(async () => {
  service = await startTestService();
  await service.run("/extract", { days: 366 });
  const daily = service.sample.files.find(({ name, rows }) =>
    name.startsWith("daily/") && rows > 0
  );
  dailyText = await readFile(join(service.sourceFolder, daily!.name), "utf8");
});
afterAll(() => service?.[Symbol.asyncDispose]());

async function upload(body: BodyInit, path = "/trajectories", headers: HeadersInit = {}) {
  const response = await service.api(path, { method: "POST", body, headers });
  return { status: response.status, answer: await response.json(), headers: response.headers };
}

describe("POST /trajectories", () => {
  test("publishes a summary file, and answers with counts, the first rejects and a run to follow", async () => {
    const bad = dailyText.replace(/^(\d{14}_\w{5};[^;]*;[^;]*;)\s*-?\d+/m, "$1   x");
    expect(bad).not.toBe(dailyText);
    const { status, answer, headers } = await upload(bad, "/trajectories?name=night.txt");
    expect(status).toBe(202);
    expect(answer).toMatchObject({ state: "completed", file: "upload/night.txt", is_new: true });
    expect(answer.rows.rejected).toBe(1);
    expect(answer.rows.read).toBe(answer.rows.published + answer.rows.unchanged + 1);
    expect(answer.rejects).toEqual([
      { line: expect.any(Number), field: "iau_no", reason: expect.stringContaining('"x"') },
    ]);
    expect(headers.get("location")).toBe(`/runs/${answer.run_id}`);
    await service.next("run.loaded", ({ runId }) => runId === answer.run_id);
    const run = await (await service.api(`/runs/${answer.run_id}`)).json();
    expect(run).toMatchObject({ kind: "upload", state: "completed" });
  });

  test("the rejected line is a dead letter with the field marked in the line", async () => {
    const [found] = (await untilDeadLetters("source_file=upload/night.txt")).dead_letters;
    expect(found).toMatchObject({ stage: "read", field: "iau_no", replayed_at: null });
    const one = await (await service.api(`/dead-letters/${encodeURIComponent(found.id)}`)).json();
    expect(one.text.slice(one.marked.start, one.marked.end)).toBe("x");
    expect((await service.api("/dead-letters/nope")).status).toBe(404);
  });

  test.each([
    [
      "a record a line",
      (records: object[]) => records.map((one) => JSON.stringify(one)).join("\n"),
    ],
    ["an array", (records: object[]) => JSON.stringify(records, null, 1)],
  ])("takes what GET /meteors gives back, as %s", async (_, write) => {
    const { meteors } = await (await service.api("/meteors?limit=3")).json();
    const { status, answer } = await upload(write(meteors));
    expect(status).toBe(202);
    expect(answer.rows).toEqual({ read: 3, published: 3, unchanged: 0, rejected: 0 });
    await service.next("run.loaded", ({ runId }) => runId === answer.run_id);
    for (const meteor of meteors) {
      const after = await (await service.api(
        `/meteors/${meteor.unique_trajectory_identifier}`,
      )).json();
      expect(after.fields.find((field: { name: string }) => field.name === "vgeo_km_s").value)
        .toBe(meteor.vgeo_km_s);
    }
  });

  test("an unreadable body is 422, and the answer says how far it was read", async () => {
    const page = await upload("<!doctype html><title>404</title>\n");
    expect(page.status).toBe(422);
    expect(page.answer).toMatchObject({ type: "/errors/unprocessable", rows: { read: 0 } });
    const record = { unique_trajectory_identifier: "20240812220000_aaaaa" };
    const cut = await upload(`[${JSON.stringify(record)},`);
    expect(cut.status).toBe(422);
    expect(cut.answer.rows.published).toBe(1);
  });

  test("the same file sent twice with an Idempotency-Key is one run", async () => {
    const send = () => upload(dailyText, "/trajectories", { "idempotency-key": "night-1" });
    const [first, second] = [await send(), await send()];
    expect(second.answer).toMatchObject({ run_id: first.answer.run_id, is_new: false });
  });

  test.each([
    ["nothing", "", {}, 400],
    ["blanks", " \n\n", {}, 400],
    ["a form", "x", { "content-type": "multipart/form-data; boundary=x" }, 415],
    ["something packed", "x", { "content-encoding": "gzip" }, 415],
  ])("refuses %s", async (_, body, headers, status) => {
    expect((await upload(body, "/trajectories", headers as HeadersInit)).status).toBe(status);
  });

  test("a name with a line break is refused", async () => {
    expect((await upload(dailyText, "/trajectories?name=a%0Ab")).status).toBe(400);
  });
});

describe("events", () => {
  test("GET /runs/ID/events reports the run and its files, and ends with the run", async () => {
    const asked = await service.api("/extract", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ days: 2 }),
    });
    const { run_id } = await asked.json();
    const events = await readEvents(await service.api(`/runs/${run_id}/events`));
    const last = events.at(-1)!;
    expect(last).toMatchObject({ event: "end", data: { run_id } });
    expect(events.findLast(({ event }) => event === "run")?.data).toMatchObject({
      id: run_id,
      state: "completed",
    });
    // A reader that has the last state gets only the end.
    const again = await readEvents(
      await service.api(`/runs/${run_id}/events`, { headers: { "last-event-id": last.id! } }),
    );
    expect(again.map(({ event }) => event)).toEqual(["end"]);
  });

  test("GET /events begins with recent events, resumes where a reader stopped, and can be filtered", async () => {
    const { events, stop } = await openEvents("/events?names=run");
    const first = await events.next();
    expect(first.value).toMatchObject({
      event: "service_event",
      data: { name: "run.requested", level: "info", message: expect.stringContaining("requested") },
    });
    const second = await events.next();
    stop();
    const resumed = await openEvents(`/events?names=run&last_event_id=${first.value!.id}`);
    expect((await resumed.events.next()).value).toEqual(second.value);
    resumed.stop();
  });

  test("of an unknown run: 404", async () => {
    expect((await service.api("/runs/nope/events")).status).toBe(404);
  });
});

test("GET /metrics has counters and the current state", async () => {
  const text = await (await service.api("/metrics")).text();
  const value = (name: string) => Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
  const { runs } = await (await service.api("/runs")).json() as { runs: RunJson[] };
  const read = runs.reduce((sum, { rows }) => sum + rows.read, 0);
  expect(read).toBeGreaterThan(0);
  expect(value("gmn_rows_read_total")).toBe(read);
  expect(value("gmn_rows_rejected_total")).toBe(
    service.events.filter(({ name }) => name === "line.rejected").length,
  );
  expect(value("gmn_rows_read_total")).toBe(
    value("gmn_rows_published_total") + value("gmn_rows_unchanged_total") +
      value("gmn_rows_rejected_total"),
  );
  expect(value('gmn_part_ready{part="database"}')).toBe(1);
  expect(value("gmn_dead_letters")).toBeGreaterThan(0);
  expect(value("gmn_last_daily_success_timestamp_seconds")).toBeGreaterThan(
    Date.now() / 1000 - 600,
  );
  expect(value("gmn_newest_row_timestamp_seconds")).toBeGreaterThan(Date.now() / 1000 - 600);
  expect(text).toMatch(
    /^gmn_consumer_lag_records\{topic="trajectory_summary_raw",partition="0"\} \d+$/m,
  );
  expect(text).toMatch(/^gmn_http_request_duration_seconds_count\{.*route="\/runs\/:id".*\} \d+$/m);
  expect(text).not.toMatch(/ (NaN|Nan|undefined)$/m);
});

test("showers and stations of the stored meteors", async () => {
  const { stations } = await (await service.api("/stations?limit=2")).json();
  expect(stations).toHaveLength(2);
  expect((await (await service.api("/showers")).json()).showers.length).toBeGreaterThan(0);
});

test("a stop ends open event streams cleanly, and does not wait for them", async () => {
  const streams = [await openEvents("/events"), await openEvents("/events?names=nothing")];
  await streams[0]!.events.next();
  await service.restart();
  // The stream ends: a broken connection would throw.
  for (const { events } of streams) while (!(await events.next()).done);
});

async function untilDeadLetters(query: string): Promise<{ dead_letters: { id: string }[] }> {
  for (;;) {
    const found = await (await service.api(`/dead-letters?${query}`)).json();
    if (found.dead_letters.length > 0) return found;
  }
}

async function openEvents(path: string) {
  const leaving = new AbortController();
  const response = await service.api(path, { signal: leaving.signal });
  return {
    events: eventsOf(response),
    stop: () => leaving.abort(),
  };
}
