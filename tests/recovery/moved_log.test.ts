/** A service whose log was copied to another broker, and which is started on the copy. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ControlledBroker, startControlledBroker } from "@gmn/embedded-broker/testing";
import { createKafka } from "../../src/events/kafka_client.ts";
import { createRegistrySubjects } from "../../src/events/registry_subjects.ts";
import { createSchemaRegistry } from "../../src/events/schema_registry.ts";
import { createObserver, unobserved } from "../../src/observe/observe.ts";
import { copyLog } from "../../src/recovery/copy_log.ts";
import type { LogSide } from "../../src/recovery/record_copy.ts";
import { startService } from "../../src/service/service.ts";
import { checksumProjections } from "../../src/store/projections.ts";
import type { ServiceStatus } from "../../src/http/status_schemas.ts";
import { until } from "../support/poll.ts";
import { startTestService } from "../support/service.ts";
import { deleteRecords, expectGoesOn, logCommand, settled, statusOf } from "./undecided.ts";

const TEST_MS = 240_000;
const RAW = "trajectory_summary_raw";

function sideOf({ brokers, schemaRegistryUrl: url }: ControlledBroker): LogSide {
  const registry = { url, clientId: "test" };
  return {
    kafka: createKafka({ brokers, clientId: "test" }, unobserved),
    registry: createSchemaRegistry(registry, unobserved),
    subjects: createRegistrySubjects(registry),
  };
}

test.each([
  ["with the same offsets", false],
  ["with other offsets, because the source had lost its beginning", true],
])("a service goes on with a copy of its log, %s", async (_, isTruncated) => {
  await using made = new AsyncDisposableStack();
  const brokerOf = async () => {
    const directory = await mkdtemp(join(tmpdir(), "gmn-moved-"));
    made.defer(() => rm(directory, { recursive: true, force: true }));
    const broker = await startControlledBroker({ directory, kafkaPort: 0, schemaRegistryPort: 0 });
    made.defer(() => broker.stop());
    return broker;
  };
  const [from, to] = [await brokerOf(), await brokerOf()];
  const whole = made.use(
    await startTestService({
      sample: { days: 2, meteorsPerDay: 20 },
      environment: {
        BROKER: "external",
        KAFKA_BROKERS: from.brokers.join(","),
        SCHEMA_REGISTRY_URL: from.schemaRegistryUrl,
      },
    }),
  );
  await whole.run("/backfill", { all: true });
  await settled(whole);
  if (isTruncated) {
    await deleteRecords(whole, RAW, [{ partition: 1, offset: "3" }]);
    await until(
      "it is noticed",
      async () => (await statusOf(whole)).log!.verdict === "truncated",
      30_000,
    );
    expect((await logCommand(whole, "adopt", "--yes")).code).toBe(0);
    await expectGoesOn(whole);
  }
  await whole.service.stop("its log moves");
  const { logId } = await copyLog({
    source: sideOf(from),
    target: sideOf(to),
    replication: null,
    isUnreadableSkipped: false,
    observe: unobserved,
    signal: new AbortController().signal,
  });
  const rowsOf = () =>
    whole.database.sql`select id, topic_partition, topic_offset from meteor order by id`;
  const [before, rows] = [await checksumProjections(whole.database.sql), await rowsOf()];

  const moved = await startService({
    config: {
      ...whole.config,
      kafkaBrokers: [...to.brokers],
      schemaRegistryUrl: to.schemaRegistryUrl,
    },
    observer: createObserver(),
    isForOneCommand: true,
  });
  made.defer(() => moved.stop("the test is over"));
  const status = await until("everything is ready", async () => {
    const now = await (await fetch(`${moved.addresses.http}/status`)).json() as ServiceStatus;
    return Object.values(now.parts).every(({ ready }) => ready) && now.lag.length > 0 &&
      now.lag.every(({ lag }) => lag === 0) && now;
  }, 60_000);
  expect(status.log).toMatchObject({ verdict: "ok", log_id: logId, bound_log_id: logId });
  const shift = isTruncated ? 3n : 0n;
  expect((await rowsOf()).map((row) => ({ ...row }))).toEqual(
    rows.map((row) => ({
      ...row,
      topic_offset: row.topic_partition === 1 && row.topic_offset >= 0
        ? row.topic_offset - shift
        : row.topic_offset,
    })),
  );
  if (!isTruncated) expect(await checksumProjections(whole.database.sql)).toEqual(before);
}, TEST_MS);
