/**
 * The answers of a running service match /openapi.json and have no properties that it does not name. No answer waits
 * forever for the database.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newRunId } from "../../src/runs/run_id.ts";
import { faultsOf, type JsonSchema } from "../support/json_schema.ts";
import { startTestService, type TestService } from "../support/service.ts";

interface Description {
  paths: Record<string, {
    get: {
      responses: Record<string, { content: Record<string, { schema: JsonSchema }> }>;
    };
  }>;
  components: { schemas: Record<string, JsonSchema> };
}

let whole: TestService;
let description: Description;
let runId: string;

beforeAll(async () => {
  whole = await startTestService({ withSchedule: true });
  description = await (await whole.api("/openapi.json")).json();
  runId = (await whole.run("/backfill", { all: true })).id;
});
afterAll(() => whole?.[Symbol.asyncDispose]());

function schemaOf(path: string, status: number): JsonSchema {
  const content = description.paths[path]!.get.responses[status]!.content;
  return content["application/json"]!.schema;
}

describe("strictly as described:", () => {
  test.each([
    ["/status"],
    ["/healthz"],
    ["/readyz"],
    ["/runs"],
    ["/runs/{id}"],
    ["/runs/{id}/history"],
    ["/showers"],
    ["/stations"],
    ["/meteors"],
    ["/dead-letters"],
    ["/statistics/totals"],
    ["/statistics/nights"],
    ["/statistics/histogram"],
    ["/statistics/showers"],
    ["/statistics/stations"],
    ["/statistics/radiants"],
    ["/statistics/ground-tracks"],
  ])("GET %s", async (path) => {
    const response = await whole.api(path.replace("{id}", runId));
    expect(response.status).toBe(200);
    const answer = await response.json();
    const faults = faultsOf(answer, schemaOf(path, 200), description.components.schemas);
    expect(faults).toEqual([]);
    const lists = Object.entries(answer).filter(([name, one]) =>
      // Of what is rarely there, the next test has some.
      Array.isArray(one) && name !== "log_damage" && (path !== "/status" || name !== "runs")
    );
    if (path !== "/dead-letters") { for (const [, list] of lists) expect(list).not.toEqual([]); }
  });

  test("a run that waits, in GET /status, /runs and /runs/ID", async () => {
    const { sql } = whole.database;
    const id = newRunId(Date.now());
    await sql`
      insert into ingestion_run (id, kind, selection, state, requested_by, requested_at, files_planned, last_event_offset)
      values (${id}, 'backfill', '{"all":true}', 'running', 'http', now(), 1, 0)`;
    await sql`
      insert into ingestion_run_file (run_id, file, state, attempts, waiting_reason, retry_at, updated_at)
      values (${id}, 'a.txt', 'planned', 2, 'it was cut', '2100-01-02T03:04:05.678Z', now())`;
    try {
      const deferral = {
        attempt: 2,
        attempts: 3,
        reason: "it was cut",
        retry_at: "2100-01-02T03:04:05.678Z",
      };
      const waiting = { for: "file", file: "a.txt", ...deferral };
      for (const path of ["/status", "/runs", "/runs/{id}"]) {
        const answer = await (await whole.api(path.replace("{id}", id))).json();
        expect(faultsOf(answer, schemaOf(path, 200), description.components.schemas)).toEqual([]);
        expect(answer.runs?.[0] ?? answer).toMatchObject({ id, waiting });
        if (path === "/runs/{id}") expect(answer.file_list[0].waiting).toEqual(deferral);
      }
    } finally {
      await sql`delete from ingestion_run where id = ${id}`;
    }
  });

  test("GET /meteors/ID", async () => {
    const { meteors } = await (await whole.api("/meteors?limit=1")).json();
    const path = `/meteors/${meteors[0].unique_trajectory_identifier}`;
    const answer = await (await whole.api(path)).json();
    const schema = schemaOf("/meteors/{id}", 200);
    expect(faultsOf(answer, schema, description.components.schemas)).toEqual([]);
  });

  test("GET /status has its schedule and its shower list", async () => {
    const status = await (await whole.api("/status")).json();
    expect(status.schedule).toMatchObject({ leader: true, paused_since: null, problem: null });
    expect(status.shower_list).toMatchObject({ in_use: "shipped", note: null });
    expect(status.store.meteors).toBeGreaterThan(0);
  });

  test("the check finds missing properties, additional ones, and wrong types", () => {
    const { schemas } = description.components;
    expect(faultsOf({ status: "ready", not_ready: {}, more: 1 }, schemas.Readiness!, schemas))
      .toEqual(["$: more is not in the schema"]);
    expect(faultsOf({ not_ready: { a: 1 }, status: "no" }, schemas.Readiness!, schemas))
      .toHaveLength(2);
    expect(faultsOf({ status: "ready" }, schemas.Readiness!, schemas))
      .toEqual(["$: lacks not_ready"]);
  });
});

test("while another session locks the runs, GET /runs and GET /runs/ID answer 503 in time; readiness stays", async () => {
  const began = performance.now();
  await whole.database.sql.begin(async (holder) => {
    await holder`lock table ingestion_run in access exclusive mode`;
    const answers = await Promise.all(
      ["/runs", `/runs/${runId}`].map((path) => whole.api(path)),
    );
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect((await answer.json()).detail).toMatch(/did not answer within 5 s/);
    }
    expect((await whole.api("/readyz")).status).toBe(200);
  });
  expect(performance.now() - began).toBeLessThan(9_000);
  expect((await whole.api("/runs")).status).toBe(200);
});
