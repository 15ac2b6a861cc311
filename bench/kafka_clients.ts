/**
 * Compares the service's Kafka client with others on the same embedded broker, to show what a change of client would bring.
 *
 *     deno run -A bench/kafka_clients.ts [--records 200000] [--rounds 5] [--clients kafkajs-patched,platformatic]
 *
 * Clients: `kafkajs-patched` (the service's, with its publisher and subscription), `kafkajs-published` (kafkajs without our
 * patches), and `platformatic` (@platformatic/kafka). In each round every client, in turn, gets a new broker on an empty directory
 * and a separate process with the service's heap and allocator. It appends the records (770 bytes with key, four headers, three
 * partitions, portions of 2,000, one request at a time, acks=-1, uncompressed) and reads them back as a group of one.
 *
 * Ratios are medians of ratios within a round, because other load on the machine was then about the same for both. Linux only.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BrokerProcess } from "@gmn/embedded-broker/testing";
import { createKafka } from "../src/events/kafka_client.ts";
import { ensureTopics } from "../src/events/ensure_topics.ts";
import { TOPICS } from "../src/events/topics.ts";
import { unobserved } from "../src/observe/observe.ts";
import { taskCommand } from "../tests/support/task_command.ts";
import type { Said } from "./pipeline/usage.ts";

const { values: given } = parseArgs({
  options: {
    records: { type: "string", default: "200000" },
    rounds: { type: "string", default: "5" },
    clients: { type: "string", default: "kafkajs-patched,kafkajs-published,platformatic" },
  },
});
const records = Number(given.records);
const rounds = Number(given.rounds);
const clients = given.clients.split(",");
/** The JIT needs a warm-up. */
const WARM_UP_RECORDS = 20_000;

/** The same heap and allocator as the service's. */
const START = taskCommand("start");
const HEAP = START.args.filter((argument) => argument.startsWith("--v8-flags="));
const MEASURE = fileURLToPath(new URL("kafka_clients/measure.ts", import.meta.url));

interface Phase {
  readonly recordsPerSecond: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}
interface Result {
  readonly produce: Phase;
  readonly consume: Phase;
}

/** Measures one client on a separate broker. */
async function measure(client: string): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "bench-clients-"));
  const broker = await BrokerProcess.start(folder);
  try {
    await ensureTopics(
      createKafka({ brokers: [broker.kafka], clientId: "bench" }, unobserved),
      TOPICS,
      unobserved,
    );
    const [produce, consume] = await phases(client, broker.kafka);
    if (produce === undefined || consume === undefined) throw new Error(`${client} failed`);
    return {
      produce: toPhase(produce, records),
      consume: toPhase(consume, records + WARM_UP_RECORDS),
    };
  } finally {
    await broker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type Ended = Extract<Said, { event: "end" }>;

/** What the measured process reports about its phases. */
async function phases(client: string, address: string): Promise<Ended[]> {
  const args = ["run", "-A", ...HEAP, MEASURE, client, address, `${records}`, `${WARM_UP_RECORDS}`];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...START.environment },
  });
  const ends: Ended[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as Said;
    if (said.event === "end") ends.push(said);
  }
  return ends;
}

const toPhase = ({ seconds, cpuSeconds, peakRssMiB }: Ended, count: number): Phase => ({
  recordsPerSecond: count / seconds,
  cpuSeconds,
  peakMiB: peakRssMiB,
});

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `median (lowest–highest)` */
function spread(numbers: readonly number[], digits: number): string {
  const write = (number: number) =>
    number.toLocaleString("en-US", {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
  return `${write(median(numbers))} (${write(Math.min(...numbers))}–${
    write(Math.max(...numbers))
  })`;
}

function row(client: string, phase: keyof Result, all: readonly Result[]): string {
  const of = (pick: (phase: Phase) => number, digits: number) =>
    spread(all.map((result) => pick(result[phase])), digits);
  const cells = [
    client,
    phase,
    of((one) => one.recordsPerSecond, 0),
    of((one) => one.cpuSeconds, 1),
    of((one) => one.peakMiB, 0),
  ];
  return `| ${cells.join(" | ")} |`;
}

const found = new Map<string, Result[]>(clients.map((client) => [client, []]));
for (let round = 1; round <= rounds; round++) {
  // The order rotates, so that no client always follows the same one.
  const order = clients.map((_, at) => clients[(at + round) % clients.length]!);
  for (const client of order) {
    const result = await measure(client);
    found.get(client)!.push(result);
    for (const phase of ["produce", "consume"] as const) {
      console.error(
        `round ${round}, load ${loadavg()[0]!.toFixed(1)}: ${row(client, phase, [result])}`,
      );
    }
  }
}

console.log(`\n${records} records, ${rounds} rounds: median (lowest–highest)\n`);
console.log("| client | | records/s | CPU (s) | peak memory (MiB) |");
console.log("| --- | --- | --- | --- | --- |");
for (const phase of ["produce", "consume"] as const) {
  for (const [client, all] of found) console.log(row(client, phase, all));
}
const [base, ...others] = clients;
for (const other of others) {
  for (const phase of ["produce", "consume"] as const) {
    const ratio = (pick: (phase: Phase) => number) =>
      median(
        found.get(other)!.map((result, at) =>
          pick(result[phase]) / pick(found.get(base!)![at]![phase])
        ),
      ).toFixed(2);
    console.log(
      `${other} / ${base}, ${phase}: records/s ${ratio((one) => one.recordsPerSecond)}, ` +
        `CPU ${ratio((one) => one.cpuSeconds)}, memory ${ratio((one) => one.peakMiB)}`,
    );
  }
}
