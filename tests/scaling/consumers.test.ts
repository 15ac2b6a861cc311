/**
 * Several consumers share the partitions; they come, leave, die and freeze, and every record is loaded once.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
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
import { summaryOf } from "../support/trajectories.ts";
import { type RoleProcess, startProcess } from "./consumer_process.ts";

/** Boots of three processes, sessions that time out, on a machine that does other things too. */
const TEST_MS = 240_000;
const WAIT_MS = 90_000;
const { partitions, name: topic } = TRAJECTORY_SUMMARY_RAW;

let hub: TestService;
let schemaId: number;
let published: number;
let ends: Map<number, bigint>;

beforeEach(async () => {
  hub = await startTestService({ sample: null, environment: { ROLES: "http" } });
  schemaId = await registerSchema(hub, PYTHON_SCHEMA);
  published = 0;
  ends = new Map();
}, TEST_MS);
afterEach(() => hub[Symbol.asyncDispose]());

/** Appends new trajectories to one partition. */
async function publish(count: number, partition: number): Promise<void> {
  const messages = Array.from({ length: count }, (): ForeignMessage => {
    const id = `20260101000000_${String(published++).padStart(6, "0")}`;
    return {
      key: id,
      value: wire(schemaId, pythonBody(summaryOf(id))),
      headers: { "gmn-run-id": "the-run" },
    };
  });
  ends.set(partition, await append(hub.kafka, messages, partition));
}

async function allPassed(): Promise<void> {
  for (const [partition, end] of ends) {
    await passed(hub.database.sql, end, partition, topic, WAIT_MS);
  }
}

/** Every record is a row, and every record was in exactly one transaction that was committed. */
async function expectEachLoadedOnce(): Promise<void> {
  const [counts] = await hub.database.sql`
    select (select count(*)::int from meteor) as rows,
      (select sum(rows_loaded)::int from run_loaded where run_id = 'the-run') as loaded`;
  expect(counts).toEqual({ rows: published, loaded: published });
}

const consumer = () => startProcess("consumer", hub.service.addresses);
/** Waits until no partition has two of them: in the middle of a rebalance the numbers alone may fit already. */
const share = (processes: readonly RoleProcess[], each: number) =>
  until(
    `${processes.length} consumers have ${each} partition(s) each`,
    () => {
      const assigned = processes.map((process) => process.partitions());
      return assigned.every((some) => some.length === each) &&
        new Set(assigned.flat()).size === processes.length * each;
    },
    WAIT_MS,
  );

test(
  "three share the partitions, one leaves, one is killed: nothing is lost or loaded twice",
  async () => {
    await using first = await consumer();
    await using second = await consumer();
    await using third = await consumer();
    await Promise.all([first, second, third].map(({ service }) => service.booted()));
    await share([first, second, third], 1);

    const batches = 60;
    for (let batch = 0; batch < batches; batch++) {
      await publish(150, batch % partitions);
      // In the middle of it all: neither waits for anything to be loaded.
      if (batch === 20) expect(await first.service.stop()).toBe(0);
      if (batch === 40) await second.service.kill();
    }
    await allPassed();
    await expectEachLoadedOnce();
    await share([third], 3);
  },
  TEST_MS,
);

test(
  "one that was frozen in the middle of a batch can't write over its successor when it wakes",
  async () => {
    const { sql } = hub.database;
    await using frozen = await consumer();
    await frozen.service.booted();
    await share([frozen], 3);
    for (let partition = 0; partition < partitions; partition++) await publish(200, partition);
    await allPassed();

    // Held up in the merge, its offset moved and not committed, more records in its memory.
    await sql.begin(async (transaction) => {
      // Longer than the service allows its own sessions.
      await transaction`select set_config('idle_in_transaction_session_timeout', '0', true)`;
      await transaction`lock table meteor in exclusive mode`;
      for (let partition = 0; partition < partitions; partition++) await publish(300, partition);
      await until("a loader waits for the lock", async () => {
        const [row] = await hub.database.sql<{ n: number }[]>`
        select count(*)::int as n from pg_stat_activity
        where datname = current_database() and application_name = 'gmn-data-store loader' and wait_event_type = 'Lock'`;
        return row!.n > 0;
      }, WAIT_MS);
      frozen.service.freeze();
    });
    await using successor = await consumer();
    await successor.service.booted();
    await share([successor], 3);
    await allPassed();
    await expectEachLoadedOnce();

    const before = frozen.service.events("sink.assigned").length;
    frozen.service.thaw();
    await until(
      "the frozen one has joined again",
      () => frozen.service.events("sink.assigned").length > before,
      WAIT_MS,
    );
    for (let partition = 0; partition < partitions; partition++) await publish(100, partition);
    await allPassed();
    await expectEachLoadedOnce();
  },
  TEST_MS,
);
