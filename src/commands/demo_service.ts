/**
 * Implements `deno task demo`: the whole service with generated meteors, and a daily run at once. Works offline.
 *
 * The sample is stored under `data/demo`, apart from real data, and is generated for the current time at each start: old windows
 * stay the same, so a second start finds most files unchanged.
 */
import { join } from "node:path";
import process from "node:process";
import { generateDemoDirectory } from "../../sample/demo_directory.ts";
import { serveDataDirectory } from "../../sample/server.ts";
import { type Config, DEMO_DATA_DIRECTORY, readConfig } from "../config.ts";
import { banner, runPage } from "../service/banner.ts";
import {
  createLoggingObserver,
  runUntilStopped,
  type StopSignals,
} from "../service/run_until_stopped.ts";
import { printFailure, tell } from "../service/print_failure.ts";
import { type Service, startService } from "../service/service.ts";
import type { StopRequests } from "../service/signals.ts";
import type { Observer } from "../observe/observe.ts";
import { runLongCommand, STOPPED_HELP } from "./command.ts";

const HELP =
  `The whole service on made-up meteors: the last two weeks, and the Perseids of 2024. Works offline.

usage: deno task demo [--help]

The settings are those of deno task start, with DATA_DIR=${DEMO_DATA_DIRECTORY}, BROKER=embedded and IAU_SHOWER_URL=off unless
the environment sets them. The file .env is not read: it is for the real service.

${STOPPED_HELP}`;

async function startDemo(
  config: Config,
  observer: Observer,
  signals: StopSignals,
): Promise<Service> {
  const directory = join(config.dataDirectory, "sample");
  await generateDemoDirectory(directory, new Date());
  const server = await serveDataDirectory({ directory, port: 0, host: "127.0.0.1" });
  let service: Service;
  try {
    const demoConfig = { ...config, gmnDataUrl: server.url, gmnRequestInterval_ms: 0 };
    service = await startService({ config: demoConfig, observer, ...signals });
    tell(
      process.stdout,
      `${
        banner(service, demoConfig, {
          isTerminal: process.stdout.isTTY === true,
          extra: [["", "the source is made up; deno task start reads the real one"]],
        })
      }\n`,
    );
  } catch (error) {
    await server.stop();
    throw error;
  }
  const cancelFirstLine = announceFirstRun(service, observer, config);
  return {
    ...service,
    async stop(reason) {
      cancelFirstLine();
      await service.stop(reason);
      await server.stop();
    },
  };
}

/** Requests the daily run and prints one line when its rows are in the data store. The returned function cancels the line. */
function announceFirstRun(service: Service, observer: Observer, config: Config): () => void {
  let runId: string | null = null;
  const unlisten = observer.listen((event) => {
    if (event.name !== "run.loaded" || event.detail.runId !== runId) return;
    unlisten();
    const { rowsLoaded, took_ms } = event.detail;
    tell(
      process.stdout,
      `first run ${runId} is loaded: ${rowsLoaded.toLocaleString("en-US")} rows in ${
        (took_ms / 1000).toFixed(1)
      } s\n` +
        (service.addresses.http === null
          ? ""
          : `  see ${runPage(service.addresses.http, runId)}\n`),
    );
  });
  service.parts.running?.runs?.engine.submit({
    kind: "daily",
    selection: { days: config.extractDays },
    requestedBy: "cli",
  })
    .then(({ run }) => runId = run.runId)
    .catch(printFailure);
  return unlisten;
}

/** Runs the demo until a stop is requested, and returns the exit code. */
export async function demoCommand(
  args: readonly string[],
  stops: StopRequests,
): Promise<number> {
  const command = { name: "demo", help: HELP, options: {}, operand: null };
  return await runLongCommand(command, args, async () => {
    // .env is ignored: it is for the real service, whose log and database must not get generated meteors.
    const environment = { ...process.env };
    const config = readConfig({
      DATA_DIR: DEMO_DATA_DIRECTORY,
      // A demo works offline: shower names come from the shipped list.
      IAU_SHOWER_URL: "off",
      // Not "auto": a demo works offline, and must not start by pulling an image.
      ...(environment.KAFKA_BROKERS ? {} : { BROKER: "embedded" }),
      ...environment,
    });
    const observer = await createLoggingObserver(config);
    return await runUntilStopped(
      stops,
      observer.observe,
      (signals) => startDemo(config, observer, signals),
    );
  });
}
