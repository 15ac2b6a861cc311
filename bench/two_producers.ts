/**
 * What a second producer would bring: two files published by one process, and by two processes at the same time.
 *
 *     deno run -A bench/two_producers.ts [--rows 60000] [--repeat 3]
 *
 * Each once without a consumer (how fast is publishing alone?) and once until all rows are loaded. The embedded broker, the consumer and
 * PostgreSQL run in this process and beside it, the publishing processes are their own. The source is a file on the disk: nothing waits for
 * a source's polite interval. Figures and what they decide: docs/decisions/0022-leadership.md.
 */
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { generateFile } from "../sample/generate_file.ts";
import { createKafka } from "../src/events/kafka_client.ts";
import { createKafkaPublisher } from "../src/events/kafka_publisher.ts";
import { createSchemaRegistry } from "../src/events/schema_registry.ts";
import { ALL_TOPICS } from "../src/events/topics.ts";
import { unobserved } from "../src/observe/observe.ts";
import { extractFile } from "../src/producer/extract_file.ts";
import { startEmbeddedPostgres } from "../src/service/embedded_postgres.ts";
import { waitForTopic } from "../src/service/run_access.ts";
import { startBenchService } from "./pipeline/service.ts";

const TOPIC = "trajectory_summary_raw";

/** A publishing process: connects, says so, and publishes the files when it is told to. */
async function publish(brokers: string, url: string, files: readonly string[]): Promise<void> {
  const kafka = createKafka({ brokers: brokers.split(","), clientId: "bench" }, unobserved);
  const registry = createSchemaRegistry({ url, clientId: "bench" }, unobserved);
  const publisher = await createKafkaPublisher(kafka, await registry.register(ALL_TOPICS));
  console.log("connected");
  for await (const _ of createInterface({ input: process.stdin })) break;
  for (const file of files) {
    await extractFile({ runId: file, file, chunks: createReadStream(file) }, publisher);
  }
  await publisher.close();
}

/** Publishes groups of files, each group in a process of its own; returns the seconds it took, `loaded` included. */
async function measure(
  groups: readonly (readonly string[])[],
  { brokers, url, loaded }: { brokers: string; url: string; loaded: () => Promise<void> },
): Promise<number> {
  const children = groups.map((files) => {
    const script = fileURLToPath(import.meta.url);
    const child = spawn(process.execPath, [
      "run",
      "-A",
      script,
      "--publish",
      brokers,
      url,
      ...files,
    ], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const connected = new Promise((resolve) => child.stdout.once("data", resolve));
    return { child, connected, ended: new Promise((resolve) => child.once("close", resolve)) };
  });
  await Promise.all(children.map(({ connected }) => connected));
  const began = performance.now();
  for (const { child } of children) child.stdin.end("go\n");
  await Promise.all(children.map(({ ended }) => ended));
  await loaded();
  return (performance.now() - began) / 1000;
}

async function main(rows: number, repeat: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gmn-bench-"));
  const server = await startEmbeddedPostgres({
    directory: join(folder, "pg"),
    port: 0,
    observe: unobserved,
  });
  try {
    const files = await Promise.all([1, 2].map(async (seed) => {
      const path = join(folder, `${seed}.txt`);
      const from = new Date(`20${10 + seed * 3}-01-01T00:00:00Z`);
      await generateFile({ path, style: "daily", rows, from, perDay: 2500, seed, fast: true });
      return path;
    }));
    for (let round = 0; round < repeat; round++) {
      for (const isLoaded of [false, true]) {
        for (const groups of [[files], files.map((file) => [file])]) {
          const home = await mkdtemp(join(folder, "data-"));
          process.env.DATA_DIR = home;
          process.env.DATABASE_URL = server.url;
          const { service } = await startBenchService(isLoaded ? ["consumer"] : []);
          const { store, log } = service.parts.running!;
          const never = new AbortController().signal;
          const seconds = await measure(groups, {
            brokers: service.addresses.brokers.join(","),
            url: service.addresses.schemaRegistryUrl,
            loaded: async () => {
              if (isLoaded) await waitForTopic(store.sql, log.probe, TOPIC, never);
            },
          });
          const rate = Math.round(2 * rows / seconds).toLocaleString("en-US");
          const what = isLoaded ? "published and loaded" : "published";
          console.log(`${groups.length} process(es), ${what}: ${rate} rows/s`);
          await store.sql`drop schema public cascade`;
          await store.sql`create schema public`;
          await service.stop("measured");
          await rm(home, { recursive: true, force: true });
        }
      }
    }
  } finally {
    await server.stop();
    await rm(server.directory, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === "--publish") {
  const [brokers, url, ...files] = process.argv.slice(3);
  await publish(brokers!, url!, files);
} else {
  const { values: given } = parseArgs({
    options: {
      rows: { type: "string", default: "60000" },
      repeat: { type: "string", default: "3" },
    },
  });
  await main(Number(given.rows), Number(given.repeat));
}
process.exit(0);
