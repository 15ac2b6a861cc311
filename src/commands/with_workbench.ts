/** Opens the settings, the log and the workbench for a command that works on the log itself: `ingest`, `replay`. */
import process from "node:process";
import type { ServiceEvent } from "../observe/observe.ts";
import { DEMO_DATA_DIRECTORY, readConfig } from "../config.ts";
import { openWorkbench, type Workbench } from "../service/attach.ts";
import { readCommandEnvironment } from "../service/environment.ts";
import { findRunningService } from "../service/running_service.ts";
import { createLoggingObserver } from "../service/run_until_stopped.ts";
import { tellDemo } from "./find_service.ts";

/** Help on which service or data directory such a command uses. */
export const WORKBENCH_HELP = `Uses the service that runs on DATA_DIR (or else the demo, while
DATA_DIR has no log of its own). Without a service it starts a broker and PostgreSQL itself, and stops them at the end. The settings are
those of deno task start.`;

/**
 * Opens the workbench, runs `work` with it, and closes it again in every case.
 * @param unlogged events that the command reports in words of its own
 * @throws PermanentError, TransientError when no service is running and the command's own engines do not start
 */
export async function withWorkbench<Result>(
  signal: AbortSignal,
  work: (workbench: Workbench) => Promise<Result>,
  unlogged: readonly ServiceEvent["name"][] = [],
): Promise<Result> {
  const environment = readCommandEnvironment();
  const config = readConfig(environment);
  // The command itself reports the result of its run.
  const observer = await createLoggingObserver(config, ["file.failed", "run.failed", ...unlogged]);
  const found = await findRunningService(environment, { writes: true });
  if (found.isDemoByDefault) tellDemo(found.dataDirectory);
  if (found.otherDemo !== null) {
    process.stderr.write(`the demo runs too; set DATA_DIR=${DEMO_DATA_DIRECTORY} to use it\n`);
  }
  const { dataDirectory } = found;
  const workbench = await openWorkbench({ ...config, dataDirectory }, observer, signal);
  try {
    return await work(workbench);
  } finally {
    await workbench.close();
  }
}
