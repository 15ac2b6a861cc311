/** `deno task log copy`: copies the log to another broker, and compares the two. */
import process from "node:process";
import type { parseArgs } from "node:util";
import { PermanentError } from "@gmn/failures";
import { createObserver } from "../../observe/observe.ts";
import { createLogListener } from "../../observe/log.ts";
import { copyLog, type CopyProgress, isShifted, type LogCopy } from "../../recovery/copy_log.ts";
import { readCommandEnvironment } from "../../service/environment.ts";
import { type LogAddress, logAddressText, parseLogAddress } from "../../service/log_address.ts";
import { openLogSide } from "../../service/open_log_side.ts";
import {
  type Asked,
  type Command,
  EXIT,
  exitCodesHelp,
  namedFile,
  UsageError,
} from "../command.ts";
import { count, ProgressBar } from "../progress_bar.ts";

const HELP = `Copies the log to another broker, and compares the two record by record.

usage: deno task log copy --from LOG --to LOG [options]

LOG is one of

  embedded:DIR                              the embedded broker's log of the DATA_DIR DIR (redpanda:DIR, docker:DIR: Redpanda's)
  kafka://HOST:PORT[,HOST:PORT]?registry=URL  a Kafka or Redpanda that runs, with its schema registry

  --skip-unreadable     leave out batches of the source that can't be read, instead of ending: later records get other offsets
  --from-prefix PREFIX  the source's login is in the settings with this prefix: OLD_ reads OLD_KAFKA_SASL_USER, …
  --to-prefix PREFIX    the same for the target
  --help                this text

Keys, values, headers, times, partitions and order are kept. Schemas are registered in the target's registry, and the ids in the records
rewritten where they differ. The target must be empty, or hold the beginning of the same log: an interrupted copy goes on when the same
command is run again.

Stop the service first, so that the copy is complete. A source whose service runs is read through the service; run the command again
after stopping it, and it copies only the rest. Then start the service with the other broker: it goes on where it was.

KAFKA_TLS, KAFKA_SASL_…, SCHEMA_REGISTRY_USER and the like, KAFKA_REPLICATION_FACTOR and KAFKA_MIN_INSYNC_REPLICAS mean the same as for
deno task start, and apply to every kafka:// side. Between two clusters with different logins, give a prefix.

${exitCodesHelp("the copy is complete and the same", "refused, failed, or not the same")}`;

const OPTIONS = {
  from: { type: "string" },
  to: { type: "string" },
  "skip-unreadable": { type: "boolean", default: false },
  "from-prefix": { type: "string", default: "" },
  "to-prefix": { type: "string", default: "" },
} as const;

type CopyValues = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

function addressOf(option: "from" | "to", text: string | undefined): LogAddress {
  if (text === undefined) throw new UsageError(`--${option} is missing`);
  try {
    return parseLogAddress(text, namedFile);
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    const hint = error.hint === undefined ? "" : ` (${error.hint})`;
    throw new UsageError(`--${option}: ${error.message}${hint}`);
  }
}

async function run({ values, signal }: Asked): Promise<number> {
  const options = values as CopyValues;
  const from = addressOf("from", options.from);
  const to = addressOf("to", options.to);
  const environment = readCommandEnvironment();
  const observer = createObserver();
  observer.listen(await createLogListener({ level: "warning", format: "human" }));
  const { observe } = observer;
  process.stderr.write(`from ${logAddressText(from)} to ${logAddressText(to)}\n`);
  await using opened = new AsyncDisposableStack();
  const open = async (address: LogAddress, role: "source" | "target", prefix: string) => {
    const side = await openLogSide(address, { role, environment, prefix, observe, signal });
    opened.defer(() => side.close());
    return side;
  };
  const source = await open(from, "source", options["from-prefix"] ?? "");
  const target = await open(to, "target", options["to-prefix"] ?? "");
  const bar = new ProgressBar();
  const copy = await copyLog({
    source,
    target,
    replication: target.replication,
    isUnreadableSkipped: options["skip-unreadable"] === true,
    observe,
    signal,
    onProgress: (progress) => draw(bar, progress),
  });
  bar.clear();
  await target.claimFolder();
  tellResult(copy, bar.elapsed_s);
  tellNext(copy, to, source.isLive);
  return EXIT.DONE;
}

function draw(bar: ProgressBar, { step, done, total }: CopyProgress): void {
  const detail = `${count(done)} of ${count(total)} records`;
  bar.update({ label: step, done, total, detail });
}

function tellResult(copy: LogCopy, took_s: number): void {
  const { partitions, schemas, unknownSchemaIds, skipped, fromLogId, logId } = copy;
  const sum = (of: "records" | "copiedNow") => partitions.reduce((all, one) => all + one[of], 0);
  const lines = [
    `${count(sum("copiedNow"))} record(s) copied; all ${
      count(sum("records"))
    } are the same in both logs (${took_s.toFixed(1)} s)`,
    ...partitions.map((one) =>
      `  ${one.topic}-${one.partition}: ${count(one.records)} record(s)` +
      (isShifted(one)
        ? `, offsets ${one.sourceLow} to ${one.sourceEnd} are ${one.targetLow} to ${one.targetEnd} there`
        : "")
    ),
    ...schemas.map(({ subject, from, to }) => `schema ${from} of ${subject} has id ${to} there`),
    ...unknownSchemaIds.length === 0 ? [] : [
      `ids that the source's registry does not know: ${
        unknownSchemaIds.join(", ")
      }; their records are unreadable there, too`,
    ],
    ...skipped.map(({ topic, partition, first, last }) =>
      `left out: ${topic}-${partition}, offsets ${first} to ${last}`
    ),
    ...fromLogId === null || logId === null ? [] : [`log ${fromLogId} was copied to log ${logId}`],
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** The one step that is left. */
function tellNext(copy: LogCopy, to: LogAddress, isLive: boolean): void {
  const start = to.kind === "kafka"
    ? `KAFKA_BROKERS=${to.brokers.join()} SCHEMA_REGISTRY_URL=${to.schemaRegistryUrl} deno task start`
    : `DATA_DIR=${to.directory} BROKER=${to.kind} deno task start   (without KAFKA_BROKERS)`;
  const hasOtherOffsets = copy.partitions.some(isShifted);
  process.stdout.write(
    isLive
      ? `the source's service runs, and appends to its log: stop it, run this again, and then start it with\n  ${start}\n`
      : `now start the service with\n  ${start}\n` +
        (hasOtherOffsets
          ? "records have other offsets there: the service must have loaded everything before it was stopped\n"
          : ""),
  );
}

export const COMMAND: Command = {
  name: "log copy",
  help: HELP,
  options: OPTIONS,
  operand: null,
  interrupted: "run the same command again, and it goes on",
  run,
};
