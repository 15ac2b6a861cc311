/** `deno task rebuild`: empties the tables and replays the log into them. */
import process from "node:process";
import type { parseArgs } from "node:util";
import { readConfig } from "../config.ts";
import { readCommandEnvironment } from "../service/environment.ts";
import { rebuildDatabase } from "../service/rebuild.ts";
import { createLoggingObserver } from "../service/run_until_stopped.ts";
import { type Asked, type Command, EXIT, exitCodesHelp, runCommand } from "./command.ts";
import { count, ProgressBar } from "./progress_bar.ts";

const HELP = `Empties the tables that are built from the log and rebuilds them from it.

usage: deno task rebuild [--topic NAME …] [--verify] [--force]

  --topic NAME   only the tables of this topic (trajectory_summary_raw, trajectory_summary_dead_letter, ingestion_run)
  --verify       compare the tables before and after, ignoring the times at which rows were written
  --force        rebuild even if the log no longer has everything the database was built from; what only the database has is lost

Stop all other processes first: none may consume during a rebuild. An interrupted rebuild loses nothing: the next start continues
it. The settings are those of deno task start.

${
  exitCodesHelp(
    "the tables are rebuilt (and, with --verify, the same as before)",
    "refused, or not the same as before",
  )
}`;

const OPTIONS = {
  topic: { type: "string", multiple: true },
  verify: { type: "boolean", default: false },
  force: { type: "boolean", default: false },
} as const;

type RebuildValues = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

async function run({ values, signal }: Asked): Promise<number> {
  const { topic, verify, force } = values as RebuildValues;
  const config = readConfig(readCommandEnvironment());
  process.stderr.write(`from the log of ${config.dataDirectory}\n`);
  const bar = new ProgressBar();
  const { records, differences } = await rebuildDatabase(
    config,
    await createLoggingObserver(config),
    {
      topics: topic,
      isLossAllowed: force === true,
      isVerified: verify === true,
      signal,
      onProgress: ({ done, total }) =>
        bar.update({
          label: "rebuild",
          done,
          total,
          detail: `${count(done)} of ${count(total)} records, ${
            count(Math.round(done / bar.elapsed_s))
          }/s`,
        }),
    },
  );
  bar.clear();
  process.stderr.write(`${count(records)} records in ${bar.elapsed_s.toFixed(1)} s\n`);
  if (differences === null) return EXIT.DONE;
  process.stderr.write(
    differences.length === 0
      ? "the tables are the same as before\n"
      : `not the same as before:\n${differences.map((line) => `  ${line}\n`).join("")}`,
  );
  return differences.length === 0 ? EXIT.DONE : EXIT.FAILED;
}

const COMMAND: Command = {
  name: "rebuild",
  help: HELP,
  options: OPTIONS,
  operand: null,
  interrupted: "the next start continues where this one stopped",
  run,
};

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
