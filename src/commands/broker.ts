/**
 * `deno task broker`: the embedded broker and its schema registry alone, for whoever wants just that.
 *
 *     starting ──both answer, addresses on stdout──▶ running ──SIGINT or SIGTERM──▶ stopping ──▶ exit 0
 *         │ refused ▶ message and hint, exit 1          │ died by itself ▶ exit 1      └──second signal──▶ exit 1
 */
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type EmbeddedBroker, startEmbeddedBroker } from "../broker/embedded/start.ts";
import { readConfig } from "../config.ts";
import { explain } from "../failures/failures.ts";
import { createLogListener } from "../observe/log.ts";
import { createObserver } from "../observe/observe.ts";
import { readEnvironment } from "../service/environment.ts";
import { printFailure } from "../service/run_until_stopped.ts";
import { EXIT, inShort, UsageError } from "./command.ts";

const HELP =
  `A small single-node broker that speaks the Kafka protocol, with a schema registry, over one SQLite file.

usage: deno task broker [options]

  --directory DIR              where the data is kept               (DATA_DIR/broker, ./data/broker)
  --kafka-port PORT            Kafka listener; 0 takes a free one   (KAFKA_PORT, 9092)
  --schema-registry-port PORT  schema registry; 0 takes a free one  (SCHEMA_REGISTRY_PORT, 8081)
  --host ADDRESS               address to bind and to advertise     (127.0.0.1)
  --auto-create-topics         make topics that clients ask for
  --partitions N               partitions where the creator names no number (1)
  --help                       this text

DATA_DIR, KAFKA_PORT and SCHEMA_REGISTRY_PORT, in the environment or in .env, are what they are for deno task start; options
win. The log is the service's: run one of the two on it at a time.

What was acknowledged survives kill -9 and power loss: every answer waits for the disk.

What it is not: a cluster (one node, one copy of the data), secured (no TLS, no authentication: leave it on the loopback
address), a way to run transactions, ACLs, compaction or retention. docs/embedded-broker.md lists what is left out and
what a client gets that asks for it. For more than one machine, run Redpanda or Apache Kafka.

exit code  0  stopped by a signal
           1  a port is in use, another process has the folder, or the broker died
           2  wrong options
`;

/** The options as text. @throws UsageError naming what is wrong */
function readOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: args[0] === "--" ? args.slice(1) : [...args],
      options: {
        directory: { type: "string" },
        "kafka-port": { type: "string" },
        "schema-registry-port": { type: "string" },
        host: { type: "string", default: "127.0.0.1" },
        "auto-create-topics": { type: "boolean", default: false },
        partitions: { type: "string", default: "1" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(inShort(explain(error)), { hint: "deno task broker --help lists all" });
  }
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${option} ${text}: not a whole number from ${least} to ${most}`, {
    hint: "deno task broker --help lists all",
  });
}

/** Where it keeps its data and listens: options win over settings, settings over defaults. @throws PermanentError, UsageError */
function placeOf(options: ReturnType<typeof readOptions>) {
  const { dataDirectory, kafkaPort, schemaRegistryPort } = readConfig(readEnvironment());
  const port = (option: "kafka-port" | "schema-registry-port", setting: number) => {
    const text = options[option];
    return text === undefined ? setting : wholeNumber(option, text, 0, 65_535);
  };
  return {
    directory: options.directory ?? join(dataDirectory, "broker"),
    kafkaPort: port("kafka-port", kafkaPort),
    schemaRegistryPort: port("schema-registry-port", schemaRegistryPort),
  };
}

async function start(options: ReturnType<typeof readOptions>): Promise<EmbeddedBroker> {
  const place = placeOf(options);
  const defaultPartitions = wholeNumber("partitions", options.partitions, 1, 1000);
  const observer = createObserver();
  observer.listen(await createLogListener({ level: "info", format: "human" }));
  return await startEmbeddedBroker({
    ...place,
    host: options.host,
    autoCreateTopics: options["auto-create-topics"],
    defaultPartitions,
    observe: observer.observe,
  });
}

/** Resolves at the first signal; a second one ends the process at once. */
function interrupted(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let signals = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (++signals > 1) process.exit(1);
      resolve();
    });
  }
  return promise;
}

/** Runs the command and gives its exit code. */
export async function brokerCommand(args: readonly string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const broker = await start(options);
    const signalled = interrupted();
    process.stdout.write(
      `kafka            ${broker.brokers.join()}\nschema registry  ${broker.schemaRegistryUrl}\n`,
    );
    const death = await Promise.race([signalled, broker.failed]);
    if (death instanceof Error) return 1;
    await broker.stop();
    return 0;
  } catch (error) {
    printFailure(error);
    return error instanceof UsageError ? EXIT.USAGE : EXIT.FAILED;
  }
}

if (import.meta.main) process.exit(await brokerCommand(process.argv.slice(2)));
