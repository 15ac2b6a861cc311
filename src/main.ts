/**
 * `deno task start`: everything in one process, until Ctrl-C. `--help` lists the settings.
 */
import process from "node:process";
import { readConfig, settingsHelp } from "./config.ts";
import { banner } from "./service/banner.ts";
import { readEnvironment } from "./service/environment.ts";
import {
  createLoggingObserver,
  printFailure,
  runUntilStopped,
} from "./service/run_until_stopped.ts";
import { startService } from "./service/service.ts";

const HELP =
  `GMN Data Store ingestion: summary files of the Global Meteor Network, through a Kafka topic, into PostgreSQL.

usage: deno task start [--help]

Settings, by environment or in .env:
${settingsHelp()}
`;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(HELP);
    return 0;
  }
  if (args.length > 0) {
    process.stderr.write(
      `error: unknown argument ${JSON.stringify(args[0])}\nhint: deno task start --help\n`,
    );
    return 2;
  }
  try {
    const config = readConfig(readEnvironment());
    const observer = await createLoggingObserver(config);
    return await runUntilStopped(async (signal) => {
      const service = await startService({ config, observer, signal });
      process.stdout.write(
        `${banner(service, config, { isTerminal: process.stdout.isTTY === true })}\n`,
      );
      return service;
    });
  } catch (error) {
    printFailure(error);
    return 1;
  }
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
