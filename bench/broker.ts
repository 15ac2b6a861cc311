/**
 * How fast the embedded broker takes and gives records, against what SQLite alone can do on the same disk.
 *
 *     deno run -A bench/broker.ts [--megabytes 400] [--batch-records 1000] [--directory DIR]
 *
 * Records are 770 bytes, as encoded trajectories are. The client sends ready-made batches (one per request, several in
 * flight), so what is measured is the broker, not a client's encoder. The baseline appends the same batches to the same
 * table in this process, one commit each and four to a commit: the ratio is what the protocol, the Worker and TCP cost.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BatchStore } from "../src/broker/embedded/log/batch_store.ts";
import { startEmbeddedBroker } from "../src/broker/embedded/start.ts";
import { openDatabase } from "../src/broker/embedded/storage/database.ts";
import { crc32c } from "../src/broker/embedded/wire/crc32c.ts";
import { makeBatch } from "../tests/broker/batches.ts";
import { RawClient } from "../tests/broker/raw_client.ts";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "400" },
    "batch-records": { type: "string", default: "1000" },
    directory: { type: "string", default: tmpdir() },
  },
});
const RECORD_BYTES = 770;
const IN_FLIGHT = 5;
const batchRecords = Number(values["batch-records"]);
const batchCount = Math.ceil(Number(values.megabytes) * 1e6 / RECORD_BYTES / batchRecords);
const records = batchCount * batchRecords;

function line(name: string, count: number, took_ms: number): number {
  const rate = count / took_ms * 1000;
  const megabytes = rate * RECORD_BYTES / 1e6;
  console.log(
    `${name.padEnd(34)} ${Math.round(rate).toLocaleString("en-US").padStart(9)} records/s ` +
      `${megabytes.toFixed(0).padStart(5)} MB/s`,
  );
  return rate;
}

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

async function baseline(batch: Uint8Array, perCommit: number): Promise<number> {
  const directory = await mkdtemp(join(values.directory, "bench-sqlite-"));
  const db = openDatabase(directory);
  const store = new BatchStore(db);
  const took_ms = await timed(() => {
    for (let at = 0; at < batchCount; at += perCommit) {
      db.exec("BEGIN IMMEDIATE");
      for (let i = at; i < Math.min(at + perCommit, batchCount); i++) {
        store.insert(1, i * batchRecords, (i + 1) * batchRecords - 1, 0, batch);
      }
      db.exec("COMMIT");
    }
  });
  db.close();
  await rm(directory, { recursive: true });
  return took_ms;
}

async function produceAll(broker: string, topic: string, batch: Uint8Array): Promise<void> {
  const client = await RawClient.connect(broker);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < batchCount) {
      next++;
      const { errorCode } = await client.produce(topic, 0, batch);
      if (errorCode !== 0) throw new Error(`produce answered ${errorCode}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  client.close();
}

async function fetchAll(broker: string, topic: string): Promise<number> {
  const client = await RawClient.connect(broker);
  let bytes = 0;
  for (let offset = 0; offset < records;) {
    const { records: found } = await client.fetch(topic, 0, offset, { max_bytes: 4_000_000 });
    if (found.length === 0) throw new Error(`nothing at ${offset}`);
    bytes += found.length;
    const view = new DataView(found.buffer, found.byteOffset, found.byteLength);
    for (let at = 0; at < found.length; at += view.getInt32(at + 8) + 12) {
      offset += view.getInt32(at + 57);
    }
  }
  client.close();
  return bytes;
}

const batch = newBatch();
console.log(`${records} records of ${RECORD_BYTES} bytes, ${batch.length} bytes a batch\n`);
const crc_ms = await timed(() => {
  for (let i = 0; i < batchCount; i++) crc32c(batch, 21);
});
line("CRC-32C alone", records, crc_ms);
line("SQLite alone, a commit per batch", records, await baseline(batch, 1));
const grouped = line("SQLite alone, 4 batches a commit", records, await baseline(batch, 4));

const directory = await mkdtemp(join(values.directory, "bench-broker-"));
const broker = await startEmbeddedBroker({ directory, kafkaPort: 0, schemaRegistryPort: 0 });
const admin = await RawClient.connect(broker.brokers[0]);
await admin.createTopic("bench", 1, { "max.message.bytes": "4000000" });
const produced = line(
  "produce, one connection",
  records,
  await timed(() => produceAll(broker.brokers[0], "bench", batch)),
);
const { transactions, writes } = await broker.control.stats();
line(
  "fetch, one connection",
  records,
  await timed(async () => {
    await fetchAll(broker.brokers[0], "bench");
  }),
);
console.log(`\nwrites per commit ${(writes / transactions).toFixed(1)}`);
console.log(`produce / SQLite alone ${(produced / grouped).toFixed(2)}`);
console.log(`memory ${(Deno.memoryUsage().rss / 1e6).toFixed(0)} MB resident (broker and client)`);
admin.close();
await broker.stop();
await rm(directory, { recursive: true });
