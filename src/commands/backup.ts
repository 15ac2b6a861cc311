/** `deno task backup --to DIR`: a copy of the embedded log, while the service runs. */
import process from "node:process";
import { readConfig } from "../config.ts";
import { makeBackup } from "../service/backup.ts";
import { asSize } from "../service/disk_space.ts";
import { readCommandEnvironment } from "../service/environment.ts";
import { findRunningService } from "../service/running_service.ts";
import { createLoggingObserver } from "../service/run_until_stopped.ts";
import {
  type Asked,
  type Command,
  EXIT,
  exitCodesHelp,
  namedFile,
  runCommand,
  UsageError,
} from "./command.ts";
import { tellDemo } from "./find_service.ts";
import { count, ProgressBar } from "./progress_bar.ts";

const HELP =
  `Copies the log of the embedded broker, whole and of one moment, while the service goes on working.

usage: deno task backup --to DIR

  --to DIR   a folder that does not exist yet, best on another disk: the backup, with the log and manifest.json

It has everything that was acknowledged before it began. deno task restore makes a data directory of it, whose start loads the
data store from the log: no other file is needed. Run it as the user who runs the service. Without a service it works as well.

The log of a Redpanda or of an external Kafka is backed up with their tools: docs/operations.md names them.

${
    exitCodesHelp(
      "the backup is whole, and on the disk",
      "refused, or failed; nothing is left in DIR",
    )
  }`;

const LABELS = { copy: "copying", check: "checking", hash: "hashing" } as const;

async function run({ values, signal }: Asked): Promise<number> {
  if (typeof values.to !== "string" || values.to === "") {
    throw new UsageError("no --to DIR is given");
  }
  const to = namedFile(values.to);
  const environment = readCommandEnvironment();
  const config = readConfig(environment);
  const { dataDirectory, addresses, isDemoByDefault } = await findRunningService(environment, {
    writes: true,
  });
  if (isDemoByDefault) tellDemo(dataDirectory);
  const { observe } = await createLoggingObserver(config);
  const bar = new ProgressBar();
  const { log } = await makeBackup({
    config: { ...config, dataDirectory },
    addresses,
    to,
    observe,
    signal,
    onProgress: (step, done, total) =>
      bar.update({
        label: LABELS[step],
        done,
        total,
        detail: `${asSize(done)} of ${asSize(total)}`,
      }),
    onStoreUnavailable: (reason) =>
      process.stderr.write(
        `the data store can't be read (${reason}): the backup will not say whether the schedule is paused\n`,
      ),
  });
  bar.clear();
  const records = log.partitions.reduce((sum, { start, end }) => sum + end - start, 0);
  process.stdout.write(
    `${to}: ${count(records)} records, ${asSize(log.size_bytes)}, in ${
      bar.elapsed_s.toFixed(1)
    } s\n`,
  );
  return EXIT.DONE;
}

const COMMAND: Command = {
  name: "backup",
  help: HELP,
  options: { to: { type: "string" } },
  operand: null,
  interrupted: "nothing is left of the backup; the service is not affected",
  run,
};

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
