/** What the guard must not take for another log: brokers that are just starting, and processes that start at the same time. */
import type { Kafka } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LogGuard } from "../../src/recovery/log_guard.ts";
import { until } from "../support/poll.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { settled } from "./undecided.ts";

const TEST_MS = 60_000;

let whole: TestService;
beforeAll(async () => {
  whole = await startTestService({ sample: null });
  await whole.service.parts.running!.log.publishShowers([
    { number: 7, code: "PER", name: "Perseids", status: 1, source: "test" },
  ]);
  await settled(whole);
}, TEST_MS);
afterAll(() => whole?.[Symbol.asyncDispose](), TEST_MS);

function guardOf(kafka?: Kafka): { guard: LogGuard; events: string[] } {
  const { log } = whole.service.parts.running!;
  const events: string[] = [];
  const guard = new LogGuard({
    kafka: kafka ?? log.kafka,
    registry: log.registry,
    sql: whole.database.sql,
    publisher: log.ungated,
    observe: (name) => events.push(name),
  });
  return { guard, events };
}

test("a broker that does not know its topics yet is no other log", async () => {
  const { kafka } = whole.service.parts.running!.log;
  let asked = 0;
  const starting = new Proxy(kafka, {
    get(target, key) {
      if (key !== "admin") return Reflect.get(target, key);
      return () => {
        const admin = target.admin();
        return { ...admin, listTopics: () => asked++ === 0 ? [] : admin.listTopics() };
      };
    },
  });
  const { guard, events } = guardOf(starting);
  expect((await guard.look()).verdict.kind).toBe("ok");
  expect(asked).toBeGreaterThan(1);
  expect(events).not.toContain("log.undecided");
  await guard.close();
}, TEST_MS);

test("a process that binds the log while another one loads is not refused", async () => {
  const { sql } = whole.database;
  await sql`update log_binding set log_id = null, bound_at = null`;
  const hasWaited = Promise.withResolvers<void>();
  const loading = sql.begin(async (transaction) => {
    await transaction`lock table consumer_offset in row exclusive mode`;
    await hasWaited.promise;
    await transaction`
      insert into consumer_offset (topic, partition, next_offset) values ('ingestion_run', 99, 0)`;
  });
  const { guard } = guardOf();
  const looked = guard.look();
  await until("the binding waits", async () =>
    (await sql`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like 'lock table consumer_offset%'`)
      .length > 0);
  hasWaited.resolve();
  await loading;
  expect((await looked).verdict.kind).toBe("ok");
  const [row] = await sql`select log_id is not null as bound from log_binding`;
  expect(row!.bound).toBe(true);
  await guard.close();
}, TEST_MS);

test("a check of one partition does not open the gate that another one has closed", async () => {
  const { sql } = whole.database;
  const { guard } = guardOf();
  const [changed] = await sql`
    update consumer_offset set witness_digest = witness_digest # 1
    where topic = 'iau_shower' and witness_digest is not null returning true`;
  expect(changed).toBeDefined();
  expect((await guard.look()).verdict.kind).toBe("diverged");
  expect((await guard.look({ topic: "ingestion_run", partition: 0 })).verdict.kind).toBe(
    "diverged",
  );
  await sql`update consumer_offset set witness_digest = witness_digest # 1 where topic = 'iau_shower'`;
  expect((await guard.look({ topic: "ingestion_run", partition: 0 })).verdict.kind).toBe("ok");
  await guard.close();
}, TEST_MS);
