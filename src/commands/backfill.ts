/** `deno task backfill -- --year 2024`: requests history from a running service and follows the run. */
import process from "node:process";
import { runCommand, UsageError } from "./command.ts";
import { RUN_HELP, runRequestCommand } from "./request_run.ts";

const HELP =
  `Reads history: asks a running service for a backfill and waits until its rows are loaded.

usage: deno task backfill -- --all | --year 2024 | --month 2024-08 | --from 2024-08-11 --to 2024-08-13

  --dry-run      only list the files that would be read, with date and size
${RUN_HELP}`;

const COMMAND = runRequestCommand({
  name: "backfill",
  help: HELP,
  options: {
    all: { type: "boolean" },
    year: { type: "string" },
    month: { type: "string" },
    from: { type: "string" },
    to: { type: "string" },
    "dry-run": { type: "boolean" },
  },
  selection({ all, year, month, from, to }) {
    const given = Object.entries({ all, year, month, from, to })
      .filter(([, value]) => value !== undefined);
    if (given.length === 0) {
      throw new UsageError("say what to read: --all, --year, --month, or --from with --to");
    }
    // The service checks the rest.
    return Object.fromEntries(
      given.map(([name, value]) => [name, name === "year" ? numberOf(value) : value]),
    );
  },
});

/** A year as a number; any other text unchanged, so that the service refuses it with its value. */
function numberOf(value: unknown): unknown {
  return /^\d+$/.test(String(value)) ? Number(value) : value;
}

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
