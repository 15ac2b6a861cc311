/**
 * The embedded broker against Apache Kafka, with Kafka's own tools: `kafka-producer-perf-test` and `kafka-consumer-perf-test`,
 * which are its Java client without other work.
 *
 *     deno run -A bench/broker_vs_kafka.ts [--records 400000] [--rounds 3] [--markdown]
 *
 * Records have 770 bytes, as encoded trajectories do, in batches of up to a thousand, over three partitions, acks=all, no
 * compression (random bytes would not compress). In every round each broker starts on an empty directory, and the brokers
 * take turns. Figures are medians over the rounds, with the lowest and the highest. Broker, client and
 * other processes share the machine.
 *
 * Apache Kafka runs twice: with its defaults (it acknowledges what is in the page cache), and with a flush for each write, as
 * the embedded broker always does. `bench/broker.ts` measures the broker without a client's costs.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startBrokerProcess } from "../tests/clients/broker_process.ts";
import { runCommand } from "../tests/clients/install/command.ts";
import { kafkaJars } from "../tests/clients/install/java.ts";
import { Reference } from "../tests/clients/reference.ts";
import { startApacheKafka } from "../tests/kafka/apache_kafka.ts";
import { type ProcessCost, processCost } from "./process_cost.ts";

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "400000" },
    rounds: { type: "string", default: "3" },
    markdown: { type: "boolean", default: false },
  },
});
const records = Number(values.records);
const rounds = Number(values.rounds);

const RECORD_BYTES = 770;
const PARTITIONS = 3;
const BATCH_BYTES = 1000 * RECORD_BYTES;
/** Both JITs need a warm-up. */
const WARM_UP_RECORDS = 40_000;
/** Number of texts that records are taken from. */
const PAYLOADS = 1000;

/** A broker in a separate process. */
interface Contender {
  readonly address: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const CONTENDERS: Readonly<Record<string, () => Promise<Contender>>> = {
  "embedded broker": startBrokerProcess,
  "Apache Kafka": () => startApacheKafka(),
  "Apache Kafka, flushed": () =>
    startApacheKafka({ properties: { "log.flush.interval.messages": "1" } }),
};

/** The figures of one broker in one round. */
interface Figures {
  readonly produced_per_s: number;
  readonly consumed_per_s: number;
  /** Cores that the broker used while records were produced and consumed. */
  readonly produceCores: number;
  readonly consumeCores: number;
  readonly peak_mb: number;
}

async function perfTest(className: string, args: readonly string[]): Promise<string> {
  const { ok, output } = await runCommand("java", [
    ...["-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"],
    ...["-cp", `${await kafkaJars()}/*`, `org.apache.kafka.tools.${className}`],
    ...args,
  ]);
  if (!ok) throw new Error(`${className} failed:\n${output}`);
  return output;
}

/** Random texts of a record's size, generated beforehand: the tool would generate its own byte by byte while it measures. */
async function writePayloads(file: string): Promise<void> {
  const line = () => randomBytes(RECORD_BYTES / 2).toString("hex").slice(0, RECORD_BYTES);
  await writeFile(file, Array.from({ length: PAYLOADS }, line).join("\n"));
}

async function produce(address: string, topic: string): Promise<number> {
  const output = await perfTest("ProducerPerformance", [
    ...["--bootstrap-server", address, "--topic", topic, "--throughput", "-1"],
    ...["--num-records", `${records + WARM_UP_RECORDS}`, "--warmup-records", `${WARM_UP_RECORDS}`],
    ...["--payload-file", payloads, "--command-property", "acks=all", "linger.ms=20"],
    ...[`batch.size=${BATCH_BYTES}`, "buffer.memory=67108864"],
  ]);
  // The last line covers the records after the warm-up.
  const found = /([\d.]+) records\/sec/.exec(output.trim().split("\n").at(-1)!);
  if (found === null) throw new Error(`no rate in:\n${output}`);
  return Number(found[1]);
}

async function consume(address: string, topic: string): Promise<number> {
  const output = await perfTest("ConsumerPerformance", [
    ...["--bootstrap-server", address, "--topic", topic, "--hide-header"],
    ...["--num-records", `${records}`, "--timeout", "60000"],
  ]);
  // start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
  const [line] = output.trim().split("\n").slice(-1);
  return Number(line!.split(", ").at(-1));
}

async function measure(name: string): Promise<Figures> {
  const broker = await CONTENDERS[name]!();
  try {
    const reference = await Reference.connect(broker.address);
    const topic = await reference.newTopic(PARTITIONS);
    await reference.close();
    const cost = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
      const before: ProcessCost = processCost(broker.pid);
      const result = await work();
      return [result, processCost(broker.pid).cpu_s - before.cpu_s];
    };
    const [produced_per_s, produce_s] = await cost(() => produce(broker.address, topic));
    const [consumed_per_s, consume_s] = await cost(() => consume(broker.address, topic));
    return {
      produced_per_s,
      consumed_per_s,
      produceCores: produce_s / ((records + WARM_UP_RECORDS) / produced_per_s),
      consumeCores: consume_s / (records / consumed_per_s),
      peak_mb: processCost(broker.pid).peak_bytes / 1e6,
    };
  } finally {
    await broker.stop();
  }
}

/** `median (lowest–highest)` */
function spread(numbers: readonly number[], digits: number): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const write = (number: number): string =>
    number.toLocaleString("en-US", { maximumFractionDigits: digits });
  const median = write(sorted[Math.floor((sorted.length - 1) / 2)]!);
  return sorted.length < 2 ? median : `${median} (${write(sorted[0]!)}–${write(sorted.at(-1)!)})`;
}

const HEAD = ["", "produced/s", "cores", "consumed/s", "cores", "peak memory MB"];

function row(name: string, all: readonly Figures[]): string[] {
  return [
    name,
    spread(all.map((one) => one.produced_per_s), 0),
    spread(all.map((one) => one.produceCores), 2),
    spread(all.map((one) => one.consumed_per_s), 0),
    spread(all.map((one) => one.consumeCores), 2),
    spread(all.map((one) => one.peak_mb), 0),
  ];
}

const directory = await mkdtemp(join(tmpdir(), "bench-"));
const payloads = join(directory, "payloads.txt");
const found = new Map<string, Figures[]>(Object.keys(CONTENDERS).map((name) => [name, []]));
try {
  await writePayloads(payloads);
  for (let round = 1; round <= rounds; round++) {
    for (const [name, all] of found) {
      all.push(await measure(name));
      console.error(`round ${round} of ${rounds}: ${row(name, all.slice(-1)).join("  ")}`);
    }
  }
} finally {
  await rm(directory, { recursive: true });
}
const table = [HEAD, ...[...found].map(([name, all]) => row(name, all))];
console.log(`\n${records} records of ${RECORD_BYTES} bytes, ${rounds} rounds\n`);
for (const [at, cells] of table.entries()) {
  console.log(values.markdown ? `| ${cells.join(" | ")} |` : cells.join("   "));
  if (values.markdown && at === 0) console.log(`|${" --- |".repeat(cells.length)}`);
}
