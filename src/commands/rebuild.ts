/**
 * `deno task rebuild`: empties the tables and replays the log into them.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { readConfig } from "../config.ts";
import { explain } from "../failures/failures.ts";
import { readEnvironment } from "../service/environment.ts";
import { rebuildDatabase } from "../service/rebuild.ts";
import { createLoggingObserver, printFailure } from "../service/run_until_stopped.ts";
import { ProgressBar } from "./progress_bar.ts";

const HELP = `Empties the tables that are made from the log and makes them again from it.

usage: deno task rebuild [--topic NAME …] [--verify] [--force]

  --topic NAME   only the tables of this topic (trajectory_summary_raw, trajectory_summary_dead_letter, ingestion_run)
  --verify       compare the tables before and after, all but the times at which rows were written
  --force        also when the log no longer has what the database was made from: what only the database has is lost

No other process may consume meanwhile; stop them first. Broken off, it loses nothing: the next start goes on. The settings
are those of deno task start.

exit code  0  the tables are made anew (and, with --verify, equal to before)
           1  refused, broken off, or not equal to before
           2  usage
`;

const DONE = 0, FAILED = 1, USAGE = 2;

const count = (n: number): string => n.toLocaleString("en-US");

const OPTIONS = {
  topic: { type: "string", multiple: true },
  verify: { type: "boolean", default: false },
  force: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

async function main(args: readonly string[]): Promise<number> {
  let values;
  try {
    values = parseArgs({ args: args[0] === "--" ? args.slice(1) : [...args], options: OPTIONS })
      .values;
  } catch (error) {
    process.stderr.write(`rebuild: ${explain(error)}\n\n${HELP}`);
    return USAGE;
  }
  if (values.help) {
    process.stdout.write(HELP);
    return DONE;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(
      signal,
      () => interrupted.abort(new Error("interrupted; the next start goes on where this stopped")),
    );
  }
  try {
    const config = readConfig({ LOG_LEVEL: "warning", ...readEnvironment() });
    const bar = new ProgressBar();
    const { records, differences } = await rebuildDatabase(
      config,
      await createLoggingObserver(config),
      {
        ...(values.topic === undefined ? {} : { topics: values.topic }),
        isLossAllowed: values.force,
        isVerified: values.verify,
        signal: interrupted.signal,
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
    if (differences === null) return DONE;
    process.stderr.write(
      differences.length === 0
        ? "the tables are equal to before\n"
        : `not equal to before:\n${differences.map((line) => `  ${line}\n`).join("")}`,
    );
    return differences.length === 0 ? DONE : FAILED;
  } catch (error) {
    printFailure(error);
    return FAILED;
  }
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
