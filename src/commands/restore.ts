/** `deno task restore --from DIR`: a backup becomes the log of a new data directory. */
import process from "node:process";
import { readConfig } from "../config.ts";
import { asSize } from "../service/disk_space.ts";
import { readCommandEnvironment } from "../service/environment.ts";
import { restoreBackup } from "../service/restore.ts";
import {
  type Asked,
  type Command,
  EXIT,
  exitCodesHelp,
  namedFile,
  runCommand,
  UsageError,
} from "./command.ts";
import { count, ProgressBar } from "./progress_bar.ts";

const HELP = `Puts the log of a backup into DATA_DIR, which must not have a log yet.

usage: DATA_DIR=NEW deno task restore --from DIR

  --from DIR   the folder that deno task backup wrote

The backup is checked before anything is put in place: its manifest, the SHA-256 of its file, SQLite's integrity check. Then
deno task start on the same DATA_DIR loads the data store from the log. A DATA_DIR that still has its database keeps it: where the
database is ahead of the backup, the start says so and waits for a decision.

${
  exitCodesHelp(
    "the log is in place",
    "refused, or failed; DATA_DIR has no log, as before",
  )
}`;

const LABELS = { copy: "copying", check: "checking" } as const;

async function run({ values, signal }: Asked): Promise<number> {
  if (typeof values.from !== "string" || values.from === "") {
    throw new UsageError("no --from DIR is given");
  }
  const from = namedFile(values.from);
  const config = readConfig(readCommandEnvironment());
  const bar = new ProgressBar();
  const { log, began_at } = await restoreBackup({
    config,
    from,
    signal,
    onProgress: (step, done, total) =>
      bar.update({
        label: LABELS[step],
        done,
        total,
        detail: `${asSize(done)} of ${asSize(total)}`,
      }),
  });
  bar.clear();
  const records = log.partitions.reduce((sum, { start, end }) => sum + end - start, 0);
  process.stdout.write(
    `${config.dataDirectory} has the log of ${began_at}: ${count(records)} records, ${
      asSize(log.size_bytes)
    }; deno task start loads the data store from it\n`,
  );
  return EXIT.DONE;
}

const COMMAND: Command = {
  name: "restore",
  help: HELP,
  options: { from: { type: "string" } },
  operand: null,
  interrupted: "nothing of the backup is in DATA_DIR",
  run,
};

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
