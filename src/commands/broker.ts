/**
 * `deno task broker`: only the embedded broker and its schema registry.
 *
 *     starting ──both answer, addresses on stdout──▶ running ──a stop is requested──▶ stopping ──▶ exit 0
 *         │ refused ▶ message and hint, exit 1          │ died by itself ▶ exit 1      └──requested again──▶ exit 1
 *
 * service/signals.ts lists what requests a stop. The broker runs in this process, so a hurried stop ends at once: everything that
 * it has acknowledged is on the disk.
 */
import { join } from "node:path";
import process from "node:process";
import type { parseArgs } from "node:util";
import { explain, untilAborted } from "@gmn/failures";
import { startEmbedded } from "../broker/embedded.ts";
import { readConfig } from "../config.ts";
import { createLogListener } from "../observe/log.ts";
import { createObserver } from "../observe/observe.ts";
import { readEnvironment } from "../service/environment.ts";
import { watchLauncher } from "../service/launcher.ts";
import { type StopRequests, watchForStop } from "../service/signals.ts";
import { EXIT, namedFile, runLongCommand, STOPPED_HELP, UsageError } from "./command.ts";

const HELP =
  `A small single-node broker that speaks the Kafka protocol, with a schema registry, over one SQLite file.

usage: deno task broker [options]

  --directory DIR              where the data is kept               (DATA_DIR/broker, ./data/broker)
  --kafka-port PORT            Kafka listener; 0 takes a free one   (KAFKA_PORT, 9092)
  --schema-registry-port PORT  schema registry; 0 takes a free one  (SCHEMA_REGISTRY_PORT, 8081)
  --host ADDRESS               address to bind and to advertise     (127.0.0.1)
  --auto-create-topics         create topics that clients ask for
  --partitions N               partitions of a topic whose creator gives no number (1)
  --help                       this text

DATA_DIR, KAFKA_PORT and SCHEMA_REGISTRY_PORT, in the environment or in .env, mean the same as for deno task start; options
take precedence. It is the same log as the service's, so run only one of the two at a time.

Acknowledged records survive kill -9 and power loss: every answer waits for the disk.

It is one node with one copy of the data. It has no TLS and no authentication, so keep it on the loopback address. It has no
transactions, ACLs, compaction or retention. docs/embedded-broker.md lists what is left out, and what a client gets instead.
For more than one machine, run Redpanda or Apache Kafka.

${STOPPED_HELP}`;

const COMMAND_LINE = {
  name: "broker",
  help: HELP,
  operand: null,
  options: {
    directory: { type: "string" },
    "kafka-port": { type: "string" },
    "schema-registry-port": { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    "auto-create-topics": { type: "boolean", default: false },
    partitions: { type: "string", default: "1" },
  },
} as const;

/** The options as `COMMAND_LINE` defines them. */
type Options = ReturnType<typeof parseArgs<{ options: typeof COMMAND_LINE.options }>>["values"];

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${option} ${text} is not a whole number from ${least} to ${most}`);
}

/** Where it stores data and listens: options win over settings, settings over defaults. @throws PermanentError, UsageError */
function placeOf(options: Options) {
  const { dataDirectory, kafkaPort, schemaRegistryPort } = readConfig(readEnvironment());
  const port = (option: "kafka-port" | "schema-registry-port", setting: number) => {
    const text = options[option];
    return text === undefined ? setting : wholeNumber(option, text, 0, 65_535);
  };
  return {
    directory: options.directory === undefined
      ? join(dataDirectory, "broker")
      : namedFile(options.directory),
    kafkaPort: port("kafka-port", kafkaPort),
    schemaRegistryPort: port("schema-registry-port", schemaRegistryPort),
  };
}

async function start(options: Options) {
  const place = placeOf(options);
  const defaultPartitions = wholeNumber("partitions", options.partitions, 1, 1000);
  const observer = createObserver();
  observer.listen(await createLogListener({ level: "info", format: "human" }));
  return await startEmbedded({
    ...place,
    host: options.host,
    autoCreateTopics: options["auto-create-topics"],
    defaultPartitions,
  }, observer.observe);
}

/** Runs the command and returns its exit code. */
export async function brokerCommand(
  args: readonly string[],
  stops: StopRequests,
): Promise<number> {
  return await runLongCommand(COMMAND_LINE, args, async ({ values }) => {
    const options = values as Options;
    stops.listenToErrors((error) => void process.stderr.write(`error: ${explain(error)}\n`));
    const broker = await start(options);
    process.stdout.write(
      `kafka            ${broker.brokers.join()}\nschema registry  ${broker.schemaRegistryUrl}\n`,
    );
    const death = await Promise.race([untilAborted(stops.stop), broker.failed]);
    if (death instanceof Error) return EXIT.FAILED;
    process.stderr.write(`stopping: ${stops.reason}\n`);
    await Promise.race([broker.stop(), untilAborted(stops.hurry)]);
    return stops.exitCode;
  });
}

if (import.meta.main) {
  const stops = watchForStop();
  void watchLauncher(stops);
  process.exit(await brokerCommand(process.argv.slice(2), stops));
}
