/**
 * Produce and consume rates of the embedded broker, compared with SQLite alone on the same disk and, with
 * `--apache-kafka`, against Apache Kafka under the same load in the same run.
 *
 *     deno run -A bench/broker.ts [--megabytes 400] [--batch-records 1000] [--directory DIR] [--apache-kafka]
 *
 * Records are 770 bytes, as encoded trajectories are. One client sends ready-made batches (one per request, five in flight),
 * so this measures the broker and not a client's encoder. SQLite alone appends the same batches to the same table
 * in this process: the ratio is what the protocol, the checks, the Worker and TCP cost.
 *
 * Apache Kafka runs twice: with its defaults (it acknowledges before anything is on disk) and with a flush per write, as the
 * embedded broker does.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BatchStore, BrokerProcess, openDatabase, RawClient } from "@gmn/embedded-broker/testing";
import { crc32c } from "@gmn/kafka-formats";
import { makeBatch } from "@gmn/kafka-formats/testing";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "400" },
    "batch-records": { type: "string", default: "1000" },
    directory: { type: "string", default: tmpdir() },
    "apache-kafka": { type: "boolean", default: false },
  },
});
const RECORD_BYTES = 770;
const IN_FLIGHT = 5;
const FETCH_BYTES = 4_000_000;
/** Clock tick of the CPU times in /proc, the same on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;
const batchRecords = Number(values["batch-records"]);
const batchCount = Math.ceil(Number(values.megabytes) * 1e6 / RECORD_BYTES / batchRecords);
const records = batchCount * batchRecords;
const batch = newBatch();

function newBatch(): Uint8Array {
  const value = () => crypto.getRandomValues(new Uint8Array(RECORD_BYTES - 20));
  return makeBatch(
    Array.from({ length: batchRecords }, (_, i) => ({
      key: `2022030${i % 10}_abcde`,
      value: value(),
      timestamp_ms: Date.now(),
    })),
  );
}

async function timed(work: () => Promise<void> | void): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Prints a rate and returns it in records/s. */
function say(name: string, took_ms: number, more = ""): number {
  const rate = records / took_ms * 1000;
  const megabytes = (rate * RECORD_BYTES / 1e6).toFixed(0).padStart(5);
  const perSecond = Math.round(rate).toLocaleString("en-US").padStart(9);
  console.log(`${name.padEnd(34)} ${perSecond} records/s ${megabytes} MB/s  ${more}`);
  return rate;
}

async function sqliteAlone(batchesPerCommit: number): Promise<number> {
  const directory = await mkdtemp(join(values.directory, "bench-sqlite-"));
  const db = openDatabase(directory);
  const store = new BatchStore(db);
  const took_ms = await timed(() => {
    for (let at = 0; at < batchCount; at += batchesPerCommit) {
      db.exec("BEGIN IMMEDIATE");
      for (let i = at; i < Math.min(at + batchesPerCommit, batchCount); i++) {
        store.insert(1, i * batchRecords, (i + 1) * batchRecords - 1, 0, batch);
      }
      db.exec("COMMIT");
    }
  });
  db.close();
  await rm(directory, { recursive: true });
  return took_ms;
}

/** Returns the time of each acknowledgement, sorted. */
async function produceAll(client: RawClient, topic: string): Promise<number[]> {
  const latencies_ms: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < batchCount) {
      next++;
      latencies_ms.push(
        await timed(async () => {
          const { errorCode } = await client.produce(topic, 0, batch);
          if (errorCode !== 0) throw new Error(`Produce answered ${errorCode}`);
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return latencies_ms.sort((a, b) => a - b);
}

async function fetchAll(client: RawClient, topic: string): Promise<void> {
  for (let offset = 0; offset < records;) {
    const { records: found } = await client.fetch(topic, 0, offset, { max_bytes: FETCH_BYTES });
    if (found.length === 0) throw new Error(`nothing at ${offset}`);
    const view = new DataView(found.buffer, found.byteOffset, found.byteLength);
    // Kafka returns exactly the requested number of bytes: the last batch may be cut, and is sent again.
    for (let at = 0; at + 61 <= found.length;) {
      const size = view.getInt32(at + 8) + 12;
      if (at + size > found.length) break;
      offset += view.getInt32(at + 57);
      at += size;
    }
  }
}

/** CPU seconds and peak memory of a process so far. */
function processCost(pid: number): { cpu_s: number; peak_mb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return {
    cpu_s: (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND,
    peak_mb: Number(peak) / 1000,
  };
}

/** Runs the whole load on one broker. Returns the produce rate. */
async function load(name: string, address: string, pid: number): Promise<number> {
  const client = await RawClient.connect(address);
  const topic = "bench";
  const code = await client.createTopic(topic, 1, { "max.message.bytes": "4000000" });
  if (code !== 0) throw new Error(`CreateTopics answered ${code}`);
  let latencies_ms: number[] = [];
  const before = processCost(pid);
  const took_ms = await timed(async () => {
    latencies_ms = await produceAll(client, topic);
  });
  const { cpu_s } = processCost(pid);
  const latency = (quantile: number) =>
    latencies_ms[Math.floor((latencies_ms.length - 1) * quantile)].toFixed(1);
  const busy = ((cpu_s - before.cpu_s) / took_ms * 1000).toFixed(2);
  const rate = say(
    `${name}, produce`,
    took_ms,
    `p50 ${latency(0.5)} ms, p99 ${latency(0.99)} ms, ${busy} cores`,
  );
  const fetched_ms = await timed(() => fetchAll(client, topic));
  const fetchBusy = ((processCost(pid).cpu_s - cpu_s) / fetched_ms * 1000).toFixed(2);
  say(`${name}, fetch`, fetched_ms, `${fetchBusy} cores`);
  console.log(`${name}, memory at its peak ${processCost(pid).peak_mb.toFixed(0)} MB`);
  client.close();
  return rate;
}

async function embedded(): Promise<number> {
  const directory = await mkdtemp(join(values.directory, "bench-broker-"));
  const broker = await BrokerProcess.start(directory);
  try {
    return await load("embedded broker", broker.kafka, broker.pid);
  } finally {
    await broker.stop();
    await rm(directory, { recursive: true });
  }
}

async function apacheKafka(name: string, properties: Record<string, string>): Promise<number> {
  const { startApacheKafka } = await import("../tests/kafka/apache_kafka.ts");
  const kafka = await startApacheKafka({ properties });
  try {
    return await load(name, kafka.address, kafka.pid);
  } finally {
    await kafka.stop();
  }
}

console.log(`${records} records of ${RECORD_BYTES} bytes, ${batch.length} bytes a batch\n`);
say(
  "CRC-32C alone",
  await timed(() => {
    for (let i = 0; i < batchCount; i++) crc32c(batch, 21);
  }),
);
say("SQLite alone, a commit per batch", await sqliteAlone(1));
const alone = say("SQLite alone, 4 batches a commit", await sqliteAlone(4));
const rate = await embedded();
console.log(`embedded broker / SQLite alone: ${(rate / alone).toFixed(2)}`);
if (values["apache-kafka"]) {
  const plain = await apacheKafka("Apache Kafka", {});
  const flushed = await apacheKafka("Apache Kafka, flushed", {
    "log.flush.interval.messages": "1",
  });
  console.log(`embedded broker / Apache Kafka: ${(rate / plain).toFixed(2)}`);
  console.log(`embedded broker / Apache Kafka, flushed: ${(rate / flushed).toFixed(2)}`);
}
