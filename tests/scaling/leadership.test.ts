/**
 * A leader that stops where it stands, or whose packets are dropped, is replaced within 45 seconds. Awake again it follows by itself, and
 * what it still writes changes nothing. Both at the same time: they mostly wait.
 */
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createKafkaPublisher } from "../../src/events/kafka_publisher.ts";
import { createSchemaRegistry } from "../../src/events/schema_registry.ts";
import { ALL_TOPICS, INGESTION_RUN } from "../../src/events/topics.ts";
import { createValueCodec } from "../../src/events/wire_values.ts";
import { unobserved } from "../../src/observe/observe.ts";
import type { RunEvent } from "../../src/runs/run_event.ts";
import { keyOf, type RunEventRecord, toRecord } from "../../src/runs/run_event_record.ts";
import {
  createNetworkNamespace,
  type NetworkNamespace,
  noNamespacesBecause,
} from "../support/network_namespace.ts";
import { until } from "../support/poll.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { type RoleProcess, startProcess } from "./consumer_process.ts";

const TEST_MS = 240_000;
const WAIT_MS = 90_000;
/** What the project promises. */
const REPLACED_MS_MAX = 45_000;
/** Between two requests to the source: a run takes some seconds, so that it can be interrupted. */
const REQUEST_INTERVAL_MS = 700;

/** It has the broker and consumes; each scenario has its own log and database. */
const startHub = () =>
  startTestService({ environment: { ROLES: "consumer" }, sample: { days: 8 } });
let hubs: TestService[];
beforeAll(async () => {
  hubs = await Promise.all([startHub(), startHub()]);
}, TEST_MS);
afterAll(() => Promise.all(hubs.map((hub) => hub[Symbol.asyncDispose]())), TEST_MS);

const startProducer = (hub: TestService, within: readonly string[] = []) =>
  startProcess("producer,http", hub.service.addresses, {
    GMN_DATA_URL: hub.source.url,
    GMN_REQUEST_INTERVAL_MS: String(REQUEST_INTERVAL_MS),
    // No missed runs to make up for.
    SCHEDULE: "0 0 1 1 *",
  }, within);

const said = (name: string, { service }: RoleProcess) =>
  until(`an event ${name}`, () => service.events(name).at(-1)?.detail ?? null, WAIT_MS);

interface Scenario {
  readonly hub: TestService;
  readonly first: RoleProcess;
  /** Makes the first silent. */
  silence(): void;
  /** While it is still silent, after the standby has taken over. */
  meanwhile?(): Promise<unknown>;
  wake(): void;
}

async function play({ hub, first, silence, meanwhile, wake }: Scenario): Promise<void> {
  await hub.database.sql`
    insert into ingestion_run (id, kind, selection, state, requested_by, requested_at, last_event_offset)
    values ('earlier', 'daily', '{"days":1}', 'completed', 'schedule', now(), -1)`;
  await first.service.booted();
  const { epoch } = await said("producer.leads", first);
  await using second = await startProducer(hub);
  const api = await second.service.ready();
  const requested = await fetch(`${api}/extract`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ days: 366 }),
  });
  const { run_id } = await requested.json() as { run_id: string };
  await said("file.extracted", first);

  silence();
  const silentAt_ms = performance.now();
  expect((await said("producer.leads", second)).epoch).toBe(Number(epoch) + 1);
  const took_ms = performance.now() - silentAt_ms;
  console.log(`replaced after ${(took_ms / 1000).toFixed(1)} s`);
  expect(took_ms).toBeLessThan(REPLACED_MS_MAX);
  expect(second.service.events("lease.holder_replaced")).toMatchObject([
    { detail: { lease: "producer", from: expect.stringContaining(":") } },
  ]);
  await meanwhile?.();
  wake();
  await said("producer.follows", first);

  const run = await until("the run has ended", async () => {
    const run = await (await fetch(`${api}/runs/${run_id}`)).json();
    return run.state === "requested" || run.state === "running" ? null : run;
  }, WAIT_MS);
  expect(run).toMatchObject({ state: "completed", rows: { read: hub.sample.rows } });
  expect(first.service.events("run.completed")).toEqual([]);
  await appendLate(hub, {
    type: "started",
    runId: run_id,
    at: new Date(),
    owner: "the first",
    epoch: Number(epoch),
  });
  expect(await hub.next("run.event_fenced", (event) => event.runId === run_id)).toMatchObject({
    epoch,
    leader: Number(epoch) + 1,
  });
  // It leads again when the other stops.
  expect(await second.service.stop()).toBe(0);
  await until(
    "the first leads again",
    () => first.service.events("producer.leads").length > 1,
    WAIT_MS,
  );
}

/** Appends an event as a leader would whose request was on its way all the time. */
async function appendLate({ service, kafka }: TestService, event: RunEvent): Promise<void> {
  const url = service.addresses.schemaRegistryUrl;
  const registry = createSchemaRegistry({ url, clientId: "a late leader" }, unobserved);
  const publisher = await createKafkaPublisher(kafka, await registry.register(ALL_TOPICS));
  const codec = createValueCodec<RunEventRecord>(INGESTION_RUN);
  const value = codec.encode(toRecord(event), publisher.schemaId(INGESTION_RUN));
  await publisher.publish(INGESTION_RUN, [{ key: keyOf(event), value }]);
  await publisher.close();
}

test.concurrent("a leader that is frozen is replaced, and follows when it is awake", async () => {
  const hub = hubs[0]!;
  await using first = await startProducer(hub);
  await play({
    hub,
    first,
    silence: () => first.service.freeze(),
    wake: () => first.service.thaw(),
  });
}, TEST_MS);

const reason = process.platform === "linux" ? noNamespacesBecause() : "not Linux";
if (reason !== null) console.log(`network namespaces can't be made here: ${reason}`);

(reason === null ? test.concurrent : test.skip)(
  "a leader whose packets are dropped leaves by itself, and is replaced",
  async () => {
    const hub = hubs[1]!;
    const { brokers, schemaRegistryUrl, databaseUrl } = hub.service.addresses;
    const addresses = [
      ...brokers.map((broker) => `http://${broker}`),
      schemaRegistryUrl,
      hub.source.url,
    ];
    const ports = [...addresses, databaseUrl].map((url) => Number(new URL(url).port));
    await using namespace: NetworkNamespace = await createNetworkNamespace(ports);
    await using first = await startProducer(hub, namespace.within);
    await play({
      hub,
      first,
      silence: () => namespace.cut(),
      meanwhile: () => said("producer.follows", first),
      wake: () => namespace.heal(),
    });
  },
  TEST_MS,
);
