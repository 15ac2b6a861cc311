/** Opens the settings, the log and the data store for a command about the log itself. */
import { readConfig } from "../config.ts";
import { readCommandEnvironment } from "../service/environment.ts";
import { type LogBench, openLogBench } from "../service/log_bench.ts";
import { findRunningService } from "../service/running_service.ts";
import { createLoggingObserver } from "../service/run_until_stopped.ts";
import { tellDemo } from "./find_service.ts";

/** Help on which log such a command uses. */
export const LOG_BENCH_HELP =
  `Uses the log and the data store of the service that runs on DATA_DIR (or else the demo, while DATA_DIR has no log of its own).
Without a service it starts a broker and PostgreSQL itself, and stops them at the end. The settings are those of deno task start.`;

/**
 * Runs `work` with the log, and closes it again in every case.
 * @throws PermanentError, TransientError when the log can't be opened
 */
export async function withLogBench<Result>(
  signal: AbortSignal,
  work: (bench: LogBench) => Promise<Result>,
): Promise<Result> {
  const environment = readCommandEnvironment();
  const config = readConfig(environment);
  // The command says itself what the log is.
  const observer = await createLoggingObserver(config, ["log.undecided", "log.decided"]);
  const found = await findRunningService(environment, { writes: true });
  if (found.isDemoByDefault) tellDemo(found.dataDirectory);
  const { dataDirectory } = found;
  const bench = await openLogBench({ ...config, dataDirectory }, observer, signal);
  try {
    return await work(bench);
  } finally {
    await bench.close();
  }
}
