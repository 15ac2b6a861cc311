/** Two services with the role producer on one log and one database: one leads, the other accepts requests too and takes over. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createObserver } from "../../src/observe/observe.ts";
import { type Service, startService } from "../../src/service/service.ts";
import { until } from "../support/poll.ts";
import { startTestService, type TestService } from "../support/service.ts";

/** Enough for services to start and stop. */
const TEST_MS = 90_000;

/** Has the broker and consumes. */
let base: TestService;
beforeAll(async () => {
  base = await startTestService({ environment: { ROLES: "consumer" } });
}, TEST_MS);
afterAll(() => base[Symbol.asyncDispose](), TEST_MS);

/** Another producer, with its own address and folder. */
function startProducer(name: string): Promise<Service> {
  const { brokers, schemaRegistryUrl } = base.service.addresses;
  return startService({
    config: {
      ...base.config,
      roles: new Set(["producer", "http"]),
      dataDirectory: join(base.config.dataDirectory, name),
      broker: "external",
      kafkaBrokers: brokers,
      schemaRegistryUrl,
      // No missed runs to catch up on.
      schedule: "0 0 1 1 *",
    },
    observer: createObserver(),
  });
}
const isLeading = (service: Service) => service.parts.running?.runs?.engine.isLeading ?? false;

interface Run {
  id: string;
  state: string;
  rows: { published: number };
}
async function ask<Answer>(service: Service, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${service.addresses.http}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return await response.json() as Answer;
}
const ended = (service: Service, id: string) =>
  until("the run has ended", async () => {
    const run = await ask<Run>(service, `/runs/${id}`);
    return run.state === "requested" || run.state === "running" ? null : run;
  }, TEST_MS / 3);

test(
  "the leader handles a request to the follower; when the leader stops, the follower leads",
  async () => {
    await base.database.sql`
    insert into ingestion_run (id, kind, selection, state, requested_by, requested_at, last_event_offset)
    values ('earlier', 'daily', '{"days":1}', 'completed', 'schedule', now(), -1)`;
    await using stack = new AsyncDisposableStack();
    const first = await startProducer("first");
    stack.defer(() => first.stop("the test is over"));
    await until("the first leads", () => isLeading(first), TEST_MS / 3);
    const second = await startProducer("second");
    stack.defer(() => second.stop("the test is over"));

    const { run_id } = await ask<{ run_id: string }>(second, "/backfill", { all: true });
    expect(await ended(second, run_id)).toMatchObject({
      state: "completed",
      rows: { published: base.sample.rows },
    });
    expect([isLeading(first), isLeading(second)]).toEqual([true, false]);

    const cancelled = await ask<{ run_id: string }>(second, "/backfill", { year: 2019 });
    const last = await ended(second, cancelled.run_id);
    expect(last.state).toBe("failed");

    await first.stop("handing over");
    await until("the second leads", () => isLeading(second), TEST_MS / 3);
    const next = await ask<{ run_id: string }>(second, "/backfill", { all: true });
    expect((await ended(second, next.run_id)).state).toBe("completed");
  },
  TEST_MS,
);
