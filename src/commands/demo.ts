/**
 * `deno task demo`: the whole service on made-up meteors, with a daily run at once. Works offline.
 *
 * The sample lies under `data/demo`, apart from real data, and is made anew for the present moment at each start: old windows
 * come out equal, so a second start finds most files unchanged.
 */
import { join } from "node:path";
import process from "node:process";
import { generateDemoDirectory } from "../../sample/demo_directory.ts";
import { serveDataDirectory } from "../../sample/server.ts";
import { type Config, DEMO_DATA_DIRECTORY, readConfig } from "../config.ts";
import { banner, runPage } from "../service/banner.ts";
import { readEnvironment } from "../service/environment.ts";
import {
  createLoggingObserver,
  printFailure,
  runUntilStopped,
} from "../service/run_until_stopped.ts";
import { type Service, startService } from "../service/service.ts";
import type { Observer } from "../observe/observe.ts";

async function startDemo(
  config: Config,
  observer: Observer,
  signal: AbortSignal,
): Promise<Service> {
  const directory = join(config.dataDirectory, "sample");
  await generateDemoDirectory(directory, new Date());
  const server = await serveDataDirectory({ directory, port: 0, host: "127.0.0.1" });
  let service: Service;
  try {
    const demoConfig = { ...config, gmnDataUrl: server.url, gmnRequestInterval_ms: 0 };
    service = await startService({ config: demoConfig, observer, signal });
    process.stdout.write(
      `${
        banner(service, demoConfig, {
          isTerminal: process.stdout.isTTY === true,
          extra: [["", "the source is made up; deno task start asks the real one"]],
        })
      }\n`,
    );
  } catch (error) {
    await server.stop();
    throw error;
  }
  const firstRun = tellFirstRun(service, observer, config);
  return {
    ...service,
    async stop(reason) {
      firstRun.cancel();
      await service.stop(reason);
      await server.stop();
    },
  };
}

/** Asks for the daily run and prints one line when its rows are in the data store. */
function tellFirstRun(
  service: Service,
  observer: Observer,
  config: Config,
): { cancel: () => void } {
  let runId: string | null = null;
  const unlisten = observer.listen((happening) => {
    if (happening.name !== "run.loaded" || happening.detail.runId !== runId) return;
    unlisten();
    const { rowsLoaded, took_ms } = happening.detail;
    process.stdout.write(
      `first run ${runId} is loaded: ${rowsLoaded.toLocaleString("en-US")} rows in ${
        (took_ms / 1000).toFixed(1)
      } s\n` +
        (service.addresses.http === null
          ? ""
          : `  see ${runPage(service.addresses.http, runId)}\n`),
    );
  });
  service.parts.running?.runs?.desk.submit({
    kind: "daily",
    selection: { days: config.extractDays },
    requestedBy: "cli",
  })
    .then(({ run }) => runId = run.runId)
    .catch(printFailure);
  return { cancel: unlisten };
}

async function main(): Promise<number> {
  try {
    const environment = readEnvironment();
    const config = readConfig({
      DATA_DIR: DEMO_DATA_DIRECTORY,
      // A demo works offline: names come from the shipped list.
      IAU_SHOWER_URL: "off",
      // Not auto: a demo works offline, and does not begin with pulling an image.
      ...(environment.KAFKA_BROKERS ? {} : { BROKER: "embedded" }),
      ...environment,
    });
    const observer = await createLoggingObserver(config);
    return await runUntilStopped((signal) => startDemo(config, observer, signal));
  } catch (error) {
    printFailure(error);
    return 1;
  }
}

if (import.meta.main) process.exit(await main());
