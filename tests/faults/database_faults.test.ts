/**
 * What PostgreSQL can do to a service that loads: connections cut at random moments, the server stopped without a
 * checkpoint. Every record is loaded once all the same.
 *
 * The moments are random; the seed is printed, and FAULT_SEED sets it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { createRandom } from "../../sample/random.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { connectStore, type Sql } from "../../src/store/connection.ts";
import { startEmbeddedPostgres } from "../../src/service/embedded_postgres.ts";
import {
  append,
  type ForeignMessage,
  passed,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { until } from "../support/poll.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { urlOfDatabase } from "../support/test_server.ts";
import { summaryOf } from "../support/trajectories.ts";

const TEST_MS = 180_000;
const WAIT_MS = 120_000;
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const { name: topic, partitions } = TRAJECTORY_SUMMARY_RAW;

/** Appends new trajectories, a part to each partition; gives the ends. */
async function publish(
  whole: TestService,
  schemaId: number,
  from: number,
  count: number,
): Promise<Map<number, bigint>> {
  const ends = new Map<number, bigint>();
  for (let partition = 0; partition < partitions; partition++) {
    const messages: ForeignMessage[] = [];
    for (let n = from + partition; n < from + count; n += partitions) {
      const id = `20260101000000_${String(n).padStart(6, "0")}`;
      messages.push({ key: id, value: wire(schemaId, pythonBody(summaryOf(id))) });
    }
    ends.set(partition, await append(whole.kafka, messages, partition));
  }
  return ends;
}

async function expectEachLoadedOnce(sql: Sql, count: number): Promise<void> {
  const [counts] = await sql`
    select (select count(*)::int from meteor) as rows, (select sum(rows_loaded)::int from run_loaded) as loaded,
      (select count(*)::int from dead_letter) as dead_letters`;
  expect(counts).toEqual({ rows: count, loaded: count, dead_letters: 0 });
}

test("connections cut at random moments", async () => {
  console.log(`FAULT_SEED=${SEED}`);
  const random = createRandom(SEED);
  await using whole = await startTestService({ sample: null });
  const { sql } = whole.database;
  const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
  // From another database, so that the cutting is not cut.
  const admin = connectStore({
    url: urlOfDatabase(whole.database.url, "postgres"),
    max: 1,
    applicationName: "cutter",
    observe: unobserved,
  });
  const name = new URL(whole.database.url).pathname.slice(1);
  let count = 0;
  const ends = new Map<number, bigint>();
  const cutting = new AbortController();
  let cuts = 0;
  const cutter = (async () => {
    while (!cutting.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, random.below(400)));
      // Whoever is in a transaction is more worth it.
      const [cut] = await admin.sql<{ n: number }[]>`
        select count(pg_terminate_backend(pid))::int as n from (
          select pid from pg_stat_activity where datname = ${name} and application_name like 'gmn%'
          order by state = 'idle', random() limit 1) as victim`;
      cuts += cut?.n ?? 0;
    }
  })();
  // What is idle has no connection that could be cut: there is something to load until enough of them were.
  for (let round = 0; round < 20 || cuts < 10; round++) {
    for (const [partition, end] of await publish(whole, schemaId, count, 300)) {
      ends.set(partition, end);
    }
    count += 300;
  }
  cutting.abort();
  await cutter;
  for (const [partition, end] of ends) await passed(sql, end, partition, topic, WAIT_MS);
  await expectEachLoadedOnce(sql, count);
  await admin.close();
}, TEST_MS);

test("the server stopped at once, without a checkpoint, in the middle of a load", async () => {
  const directory = await mkdtemp(join(tmpdir(), "gmn-fault-postgres-"));
  const server = await startEmbeddedPostgres({ directory, port: 0, observe: unobserved });
  const store = connectStore({
    url: server.url,
    max: 2,
    applicationName: "test",
    observe: unobserved,
  });
  try {
    await using whole = await startTestService({
      sample: null,
      environment: { DATABASE_URL: server.url },
    });
    const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
    let count = 0;
    let ends = new Map<number, bigint>();
    for (let stop = 0; stop < 2; stop++) {
      const loads = () => whole.events.filter(({ name }) => name === "sink.loaded").length;
      const before = loads();
      ends = await publish(whole, schemaId, count, 3_000);
      count += 3_000;
      await until("the load has begun", () => loads() > before, WAIT_MS);
      // SIGQUIT to PostgreSQL's first process is its immediate shutdown. Its owner, this test, has it started again.
      const [row] = await store.sql<{ pid: number }[]>`
        select (regexp_split_to_array(pg_read_file('postmaster.pid'), '\\n'))[1]::int as pid`;
      process.kill(row!.pid, "SIGQUIT");
      await until("the server answers again", async () => {
        try {
          const [now] = await store.sql<{ pid: number }[]>`
            select (regexp_split_to_array(pg_read_file('postmaster.pid'), '\\n'))[1]::int as pid`;
          return now!.pid !== row!.pid;
        } catch {
          return false;
        }
      }, WAIT_MS);
    }
    for (const [partition, end] of ends) await passed(store.sql, end, partition, topic, WAIT_MS);
    await expectEachLoadedOnce(store.sql, count);
  } finally {
    await store.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
    await rm(server.directory, { recursive: true, force: true });
  }
}, TEST_MS);
