/**
 * `deno task broker`: the embedded broker and its schema registry alone, for whoever wants just that.
 *
 *     starting ──both answer, addresses on stdout──▶ running ──a stop is asked for──▶ stopping ──▶ exit 0
 *         │ refused ▶ message and hint, exit 1          │ died by itself ▶ exit 1      └──asked again──▶ exit 1
 *
 * What asks for a stop is in service/signals.ts. The broker is a part of this process, so that to hurry is to end at once: what it
 * has acknowledged is on the disk.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { type EmbeddedBroker, startEmbeddedBroker } from "../broker/embedded/start.ts";
import { explain, hintOf, PermanentError } from "../failures/failures.ts";
import { createLogListener } from "../observe/log.ts";
import { createObserver } from "../observe/observe.ts";
import { type StopRequests, watchForStop } from "../service/signals.ts";

const HELP =
  `A small single-node broker that speaks the Kafka protocol, with a schema registry, over one SQLite file.

usage: deno task broker [options]

  --directory DIR              where the data is kept               (./data/broker)
  --kafka-port PORT            Kafka listener; 0 takes a free one   (9092)
  --schema-registry-port PORT  schema registry; 0 takes a free one  (8081)
  --host ADDRESS               address to bind and to advertise     (127.0.0.1)
  --auto-create-topics         make topics that clients ask for
  --partitions N               partitions where the creator names no number (1)
  --help

What was acknowledged survives kill -9 and power loss: every answer waits for the disk.

What it is not: a cluster (one node, one copy of the data), secured (no TLS, no authentication: leave it on the loopback
address), a way to run transactions, ACLs, compaction or retention. docs/embedded-broker.md lists what is left out and
what a client gets that asks for it. For more than one machine, run Redpanda or Apache Kafka.
`;

/** The options as text. @throws PermanentError naming what is wrong */
function readOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        directory: { type: "string", default: "./data/broker" },
        "kafka-port": { type: "string", default: "9092" },
        "schema-registry-port": { type: "string", default: "8081" },
        host: { type: "string", default: "127.0.0.1" },
        "auto-create-topics": { type: "boolean", default: false },
        partitions: { type: "string", default: "1" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new PermanentError(explain(error), { hint: "deno task broker --help" });
  }
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new PermanentError(`--${option} ${text}: not a whole number from ${least} to ${most}`, {
    hint: "deno task broker --help",
  });
}

async function start(options: ReturnType<typeof readOptions>): Promise<EmbeddedBroker> {
  const observer = createObserver();
  observer.listen(await createLogListener({ level: "info", format: "human" }));
  return await startEmbeddedBroker({
    directory: options.directory,
    host: options.host,
    kafkaPort: wholeNumber("kafka-port", options["kafka-port"], 0, 65_535),
    schemaRegistryPort: wholeNumber(
      "schema-registry-port",
      options["schema-registry-port"],
      0,
      65_535,
    ),
    autoCreateTopics: options["auto-create-topics"],
    defaultPartitions: wholeNumber("partitions", options.partitions, 1, 1000),
    observe: observer.observe,
  });
}

/** Resolves when `signal` aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Runs the command and gives its exit code. */
export async function brokerCommand(
  args: readonly string[],
  stops: StopRequests,
): Promise<number> {
  try {
    const options = readOptions(args);
    if (options.help) {
      process.stdout.write(HELP);
      return 0;
    }
    stops.listenToErrors((error) => void process.stderr.write(`error: ${explain(error)}\n`));
    const broker = await start(options);
    process.stdout.write(
      `kafka            ${broker.brokers.join()}\nschema registry  ${broker.schemaRegistryUrl}\n`,
    );
    const death = await Promise.race([aborted(stops.stop), broker.failed]);
    if (death instanceof Error) return 1;
    process.stderr.write(`stopping: ${stops.reason}\n`);
    await Promise.race([broker.stop(), aborted(stops.hurry)]);
    return stops.exitCode;
  } catch (error) {
    const hint = hintOf(error);
    process.stderr.write(
      `error: ${explain(error)}\n${hint === undefined ? "" : `hint: ${hint}\n`}`,
    );
    return 1;
  }
}

if (import.meta.main) process.exit(await brokerCommand(process.argv.slice(2), watchForStop()));
