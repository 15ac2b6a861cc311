/** Implements `deno task start`: reads the settings, starts everything, and stops it on request. */
import process from "node:process";
import { readConfig, settingsHelp } from "../config.ts";
import { banner } from "../service/banner.ts";
import { readEnvironment } from "../service/environment.ts";
import { createLoggingObserver, runUntilStopped } from "../service/run_until_stopped.ts";
import { tell } from "../service/print_failure.ts";
import { startService } from "../service/service.ts";
import type { StopRequests } from "../service/signals.ts";
import { runLongCommand, STOPPED_HELP } from "./command.ts";

const HELP =
  `GMN Data Store ingestion: summary files of the Global Meteor Network, through a Kafka topic, into PostgreSQL.

usage: deno task start [--help]

Settings, by environment or in .env:
${settingsHelp()}

${STOPPED_HELP}`;

/** Runs the service until a stop is requested, and returns the exit code. */
export async function startCommand(
  args: readonly string[],
  stops: StopRequests,
): Promise<number> {
  const command = { name: "start", help: HELP, options: {}, operand: null };
  return await runLongCommand(command, args, async () => {
    const config = readConfig(readEnvironment());
    const observer = await createLoggingObserver(config);
    return await runUntilStopped(stops, observer.observe, async (signals) => {
      const service = await startService({ config, observer, ...signals });
      tell(
        process.stdout,
        `${banner(service, config, { isTerminal: process.stdout.isTTY === true })}\n`,
      );
      return service;
    });
  });
}
