/**
 * What `deno task start` does: reads the settings, starts everything, and stops it when that is asked for.
 */
import process from "node:process";
import { readConfig, settingsHelp } from "../config.ts";
import { banner } from "../service/banner.ts";
import { readEnvironment } from "../service/environment.ts";
import {
  createLoggingObserver,
  printFailure,
  runUntilStopped,
} from "../service/run_until_stopped.ts";
import { startService } from "../service/service.ts";
import type { StopRequests } from "../service/signals.ts";

const HELP =
  `GMN Data Store ingestion: summary files of the Global Meteor Network, through a Kafka topic, into PostgreSQL.

usage: deno task start [--help]

Settings, by environment or in .env:
${settingsHelp()}
`;

/** Runs the service until a stop is asked for, and gives the exit code. */
export async function startCommand(
  args: readonly string[],
  stops: StopRequests,
): Promise<number> {
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
    return await runUntilStopped(stops, observer.observe, async (signals) => {
      const service = await startService({ config, observer, ...signals });
      process.stdout.write(`${banner(service, config)}\n`);
      return service;
    });
  } catch (error) {
    printFailure(error);
    return 1;
  }
}
