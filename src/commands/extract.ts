/** `deno task extract`: requests the daily extraction from a running service, now, and follows the run. */
import process from "node:process";
import { runCommand, UsageError } from "./command.ts";
import { RUN_HELP, runRequestCommand } from "./request_run.ts";

const HELP =
  `Reads the latest files: asks a running service for the daily extraction and waits until its rows are loaded.

usage: deno task extract [-- --days 10]

  --days N       how many days to look back (the service's EXTRACT_DAYS)
${RUN_HELP}`;

const COMMAND = runRequestCommand({
  name: "extract",
  help: HELP,
  options: { days: { type: "string" } },
  selection({ days }) {
    if (days === undefined) return undefined;
    if (!/^\d+$/.test(String(days))) throw new UsageError(`--days ${days} is not a whole number`);
    return { days: Number(days) };
  },
});

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
