/**
 * `deno task extract`: asks a running service for the daily extraction, now, and follows the run.
 */
import process from "node:process";
import { COMMON_HELP, type RunCommand, runCommand, UsageError } from "./run_command.ts";

const HELP =
  `Reads the latest files: asks a running service for the daily extraction and waits until its rows are loaded.

usage: deno task extract [-- --days 10]

  --days N       how many days to look back (the service's EXTRACT_DAYS)
${COMMON_HELP}`;

/** The command, for its tests. */
export const EXTRACT: RunCommand = {
  name: "extract",
  help: HELP,
  options: { days: { type: "string" } },
  selection({ days, "dry-run": dryRun }) {
    if (dryRun === true) throw new UsageError("--dry-run is backfill's");
    if (days === undefined) return undefined;
    if (!/^\d+$/.test(String(days))) throw new UsageError(`--days ${days} is not a whole number`);
    return { days: Number(days) };
  },
};

if (import.meta.main) process.exit(await runCommand(EXTRACT, process.argv.slice(2)));
