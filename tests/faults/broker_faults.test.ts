/**
 * What a broker can do to a service that publishes and consumes: every record is loaded once all the same.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ApiKey,
  type ControlledBroker,
  ErrorCode,
  type FaultSpec,
  startControlledBroker,
} from "@gmn/embedded-broker/testing";
import { CONSUMER_GROUP } from "../../src/consumer/sink.ts";
import { readLog } from "../../src/events/log_reader.ts";
import { readWatermarks } from "../../src/events/start_position.ts";
import { HEADERS, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import {
  append,
  passed,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { until } from "../support/poll.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";

const TEST_MS = 90_000;
const topic = TRAJECTORY_SUMMARY_RAW.name;
/** A fetch of an idle consumer is answered after a second, and the next one follows at once. */
const QUIET_MS = 3_000;

let broker: ControlledBroker;
let whole: TestService;
/** What is ended after a test, also when its set-up failed half-way. */
let made: AsyncDisposableStack;

beforeEach(async () => {
  made = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "gmn-faults-"));
  made.defer(() => rm(folder, { recursive: true, force: true }));
  broker = await startControlledBroker({ directory: folder, kafkaPort: 0, schemaRegistryPort: 0 });
  made.defer(() => broker.stop());
  whole = made.use(
    await startTestService({
      environment: {
        BROKER: "external",
        KAFKA_SESSION_TIMEOUT_MS: "6000",
        KAFKA_BROKERS: broker.brokers.join(","),
        SCHEMA_REGISTRY_URL: broker.schemaRegistryUrl,
      },
    }),
  );
}, TEST_MS);
afterEach(() => made.disposeAsync(), TEST_MS);

/** How many records of the log stand for rows that were not published again: they are not counted as loaded. */
async function confirmations(): Promise<number> {
  const { kafka } = whole.service.parts.running!.log;
  const marks = await readWatermarks(kafka, topic);
  let count = 0;
  await readLog({
    kafka,
    ranges: [...marks].map(([partition, { low, high }]) => ({
      topic,
      partition,
      from: low,
      to: high,
    })),
    signal: AbortSignal.timeout(TEST_MS),
    onRecords: ({ records }) => {
      count += records.filter(({ headers }) => headers[HEADERS.unchanged] !== undefined).length;
    },
  });
  return count;
}

/** All rows are there, each record was in one committed transaction, and the records are `records` or more. */
async function expectAllLoaded(run: { state: string }): Promise<void> {
  expect(run.state).toBe("completed");
  const [counts] = await whole.database.sql`
    select (select count(*)::int from meteor) as rows,
      (select sum(rows_loaded)::int from run_loaded) as loaded,
      (select sum(next_offset)::int from consumer_offset where topic = ${topic}) as records,
      (select count(*)::int from dead_letter) as dead_letters`;
  expect(counts).toMatchObject({ rows: whole.sample.rows, dead_letters: 0 });
  expect(counts!.loaded + await confirmations()).toBe(counts!.records);
}

describe("while a run publishes", () => {
  const faults: [string, FaultSpec][] = [
    [
      "an acknowledgement is lost after the records were appended",
      { apiKey: ApiKey.Produce, topic, loseAnswer: true },
    ],
    [
      "the broker says it took too long, after it appended",
      { apiKey: ApiKey.Produce, topic, errorCode: ErrorCode.REQUEST_TIMED_OUT, afterWork: true },
    ],
    [
      "the partition has another leader for a while",
      { apiKey: ApiKey.Produce, topic, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, times: 2 },
    ],
    [
      "the connection is cut before anything is appended",
      { apiKey: ApiKey.Produce, topic, closeConnection: true, times: 2 },
    ],
  ];
  test.each(faults)("%s", async (_what, spec) => {
    const fault = await broker.control.failNext(spec);
    const run = await whole.run("/backfill", { all: true });
    await fault.spent;
    await expectAllLoaded(run);
  }, TEST_MS);
});

describe("while the sink consumes", () => {
  const group = CONSUMER_GROUP;
  const faults: [string, FaultSpec][] = [
    [
      "the broker does not know the offset that is asked for",
      { apiKey: ApiKey.Fetch, topic, errorCode: ErrorCode.OFFSET_OUT_OF_RANGE },
    ],
    [
      "the answer to a fetch is lost",
      { apiKey: ApiKey.Fetch, topic, loseAnswer: true, times: 2 },
    ],
    [
      "the group has another coordinator",
      { apiKey: ApiKey.Heartbeat, group, errorCode: ErrorCode.NOT_COORDINATOR },
    ],
    [
      "the group rebalances",
      { apiKey: ApiKey.Heartbeat, group, errorCode: ErrorCode.REBALANCE_IN_PROGRESS },
    ],
    [
      "the group has forgotten this member",
      { apiKey: ApiKey.Heartbeat, group, errorCode: ErrorCode.UNKNOWN_MEMBER_ID },
    ],
    [
      "the group's offsets can't be committed",
      {
        apiKey: ApiKey.OffsetCommit,
        group,
        errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
        times: 3,
      },
    ],
  ];
  test.each(faults)("%s", async (_what, spec) => {
    await whole.next("sink.assigned", (detail) => detail.topic === topic);
    const fault = await broker.control.failNext(spec);
    const running = whole.run("/backfill", { all: true });
    await fault.struck;
    await expectAllLoaded(await running);
    // And it goes on: what comes later is loaded too.
    const again = await whole.run("/backfill", { month: "2026-11" });
    expect(again.rows.loaded).toBe(again.rows.published);
  }, TEST_MS);

  test(
    "a fetch brings records with a flipped bit: they are fetched again, not stored",
    async () => {
      await whole.run("/backfill", { all: true });
      const fault = await broker.control.failNext({
        apiKey: ApiKey.Fetch,
        topic,
        corruptRecords: true,
        times: Infinity,
      });
      // The fetch that waits for the next record is one of them now.
      await fault.struck;
      const running = whole.run("/backfill", { month: "2026-11" });
      // Once: three times alike would be taken for damage in the log (unreadable_batches.test.ts).
      const { reason } = await whole.next("sink.damaged");
      expect(reason).toMatch(/the record batch at offset \d+ is damaged: its checksum is/);
      await fault.remove();
      await expectAllLoaded(await running);
    },
    TEST_MS,
  );

  test("every connection is cut, again and again", async () => {
    const running = whole.run("/backfill", { all: true });
    const admin = whole.kafka.admin();
    for (let cut = 0; cut < 5; cut++) {
      await broker.control.disconnectAll();
      // A round trip: what was cut has had the time to begin anew.
      await admin.connect();
      await admin.disconnect();
    }
    await expectAllLoaded(await running);
  }, TEST_MS);
});

test(
  "a database that stands still stops the fetching, and is gone on with when it moves",
  async () => {
    const { sql } = whole.database;
    const schemaId = await registerSchema(whole, PYTHON_SCHEMA);
    // More than a queue, a fetch and a batch in each lane.
    const records = 48_000, portion = 1_000;
    const ends = new Map<number, bigint>();
    await sql.begin(async (transaction) => {
      // Longer than the service allows its own sessions.
      await transaction`select set_config('idle_in_transaction_session_timeout', '0', true)`;
      await transaction`lock table meteor in exclusive mode`;
      const fetches = await broker.control.failNext({
        apiKey: ApiKey.Fetch,
        topic,
        times: Infinity,
        delay_ms: 0,
      });
      for (let from = 0; from < records; from += portion) {
        const messages = Array.from({ length: portion }, (_, at) => {
          const id = `20260101000000_${String(from + at).padStart(6, "0")}`;
          return { key: id, value: wire(schemaId, pythonBody(summaryOf(id))) };
        });
        const partition = (from / portion) % TRAJECTORY_SUMMARY_RAW.partitions;
        ends.set(partition, await append(whole.kafka, messages, partition));
      }
      const seen = { count: -1, since: performance.now() };
      await until("no fetch asks for the topic any more", () => {
        if (fetches.count() !== seen.count) {
          Object.assign(seen, { count: fetches.count(), since: performance.now() });
        }
        return performance.now() - seen.since > QUIET_MS;
      }, TEST_MS / 2);
      await fetches.remove();
    });
    for (const [partition, end] of ends) await passed(sql, end, partition, topic, TEST_MS / 2);
    const [row] = await sql`select count(*)::int as n from meteor`;
    expect(row!.n).toBe(records);
  },
  2 * TEST_MS,
);
