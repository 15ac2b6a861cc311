/** The history of a run in the API: the same from every process, after every restart, and after a rebuild. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { newRunId } from "../../src/runs/run_id.ts";
import { INGESTION_RUN } from "../../src/events/topics.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { apiOn } from "./api.ts";

interface History {
  events: {
    offset: string;
    at: string;
    name: string;
    level: string;
    message: string;
    file: string | null;
    detail: Record<string, unknown>;
  }[];
  next: string | null;
}

let whole: TestService;
let runId: string;
let files: number;

beforeAll(async () => {
  whole = await startTestService();
  const run = await whole.run("/backfill", { from: "2026-11-17", to: "2026-11-19" });
  runId = run.id;
  files = run.files.extracted;
});
afterAll(() => whole[Symbol.asyncDispose]());

const historyOf = async (id: string, query = ""): Promise<History> => {
  const response = await whole.api(`/runs/${id}/history${query}`);
  expect(response.status).toBe(200);
  return await response.json();
};

test("has the run from its request to its end, newest first, with each event's details", async () => {
  const { events, next } = await historyOf(runId);
  expect(next).toBeNull();
  expect(events.map(({ name }) => name)).toEqual([
    "completed",
    ...Array.from({ length: files }, () => ["file_extracted", "file_started"]).flat(),
    "planned",
    "started",
    "requested",
  ]);
  expect(events.at(-1)).toMatchObject({
    level: "info",
    message: "backfill run requested by http: 2026-11-17 to 2026-11-19",
    file: null,
    detail: { kind: "backfill", requested_by: "http" },
  });
  const extracted = events.find(({ name }) => name === "file_extracted")!;
  expect(extracted.message).toMatch(
    /^daily\/\S+: \d+ rows read, \d+ published, 0 unchanged, 0 rejected$/,
  );
  expect(extracted.message).toContain(extracted.file);
  const offsets = events.map(({ offset }) => BigInt(offset));
  expect(offsets).toEqual(offsets.toSorted((a, b) => a < b ? 1 : -1));
});

test("pages add up to the whole history; Link and next lead to the same page", async () => {
  const { events } = await historyOf(runId);
  const seen: History["events"] = [];
  let path: string | undefined = `/runs/${runId}/history?limit=3`;
  while (path !== undefined) {
    const response = await whole.api(path);
    const page = await response.json() as History;
    expect(page.events.length).toBeLessThanOrEqual(3);
    seen.push(...page.events);
    path = /^<(.*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
    expect(path?.includes(`after=${page.next}`) ?? null).toBe(page.next === null ? null : true);
  }
  expect(seen).toEqual(events);
});

test("is the same after a restart, and in a process that has only the database", async () => {
  const before = await historyOf(runId);
  await whole.restart();
  expect(await historyOf(runId)).toEqual(before);
  expect(await apiOn(whole.database.sql).json(`/runs/${runId}/history`)).toEqual(before);
});

test("is the same after a rebuild from the log", async () => {
  const before = await historyOf(runId);
  await whole.database.sql`delete from ingestion_run_event where name = 'started'`;
  const { differences } = await rebuildOf(whole, { topics: [INGESTION_RUN.name] });
  expect(differences).toEqual([expect.stringMatching(/^ingestion_run_event: /)]);
  expect(await historyOf(runId)).toEqual(before);
});

test("has a failure with its reason, and skipped files", async () => {
  const failed = await whole.run("/backfill", { year: 2019 });
  const [last] = (await historyOf(failed.id)).events;
  expect(last).toMatchObject({
    name: "failed",
    level: "error",
    message: `failed: ${failed.reason}`,
  });
  const again = await whole.run("/backfill", { from: "2026-11-17", to: "2026-11-19" });
  const skipped = (await historyOf(again.id)).events.filter(({ name }) => name === "file_skipped");
  expect(skipped.length).toBe(files);
  expect(skipped[0]!.message).toBe(`${skipped[0]!.file} skipped: ${skipped[0]!.detail.reason}`);
});

test.each([
  ["/runs/none/history", 404, /there is no run none/],
  [`/runs/${newRunId(0)}/history`, 404, /there is no run/],
  [`/runs/${newRunId(0)}/history?after=x`, 400, /not a place from this list/],
  [`/runs/${newRunId(0)}/history?limit=0`, 400, /limit/],
  [`/runs/${newRunId(0)}/history?limit=1001`, 400, /limit/],
  [`/runs/${newRunId(0)}/history?before=1`, 400, /there is no query parameter before/],
])("%s: %i", async (path, status, reason) => {
  const response = await whole.api(path);
  expect(response.status).toBe(status);
  expect((await response.json()).detail).toMatch(reason);
});
