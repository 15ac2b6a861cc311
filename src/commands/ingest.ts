/**
 * `deno task ingest FILE …`: publishes local summary files and waits until their rows are in the data store.
 *
 * It joins the service that runs on `DATA_DIR`, or starts the engines for itself. Lines that can't be read go to the dead
 * letters, as in any run.
 */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { readConfig } from "../config.ts";
import { PermanentError } from "../failures/failures.ts";
import type { OpenedFile } from "../producer/source/data_directory.ts";
import { openLocalFile } from "../producer/source/local_directory.ts";
import { countRows, type RunState } from "../runs/run.ts";
import { readRunLoaded } from "../store/run_views.ts";
import { openWorkbench, type Workbench } from "../service/attach.ts";
import { readEnvironment } from "../service/environment.ts";
import { waitForRows } from "../service/run_access.ts";
import { createLoggingObserver, printFailure } from "../service/run_until_stopped.ts";
import { ProgressBar } from "./progress_bar.ts";

const HELP = `Publishes trajectory summary files and waits until their rows are in the data store.

usage: deno task ingest FILE …

Any kind of summary file: daily, monthly, yearly, all. Joins the service that runs on DATA_DIR, or starts what it needs for as
long as it takes. The settings are those of deno task start.

exit code  0  every file is loaded (lines that can't be read are in the dead letters, and counted)
           1  a file could not be read or loaded
           2  usage
`;

const DONE = 0, FAILED = 1, USAGE = 2;

const count = (n: number): string => n.toLocaleString("en-US");

async function ingest(path: string, workbench: Workbench, signal: AbortSignal): Promise<boolean> {
  const name = basename(path);
  const bar = new ProgressBar();
  const size_bytes = (await stat(path).catch(() => null))?.size ?? null;
  let read_bytes = 0;
  let rows = 0;
  const show = () =>
    bar.update({
      label: name,
      done: read_bytes,
      total: size_bytes,
      detail: `${count(rows)} rows, ${count(Math.round(rows / bar.elapsed_s))} rows/s`,
    });
  const unwatch = workbench.engine.watch((_event, state) => {
    rows = countRows(state).read;
    show();
  });
  try {
    const { run } = await workbench.engine.upload({
      name,
      requestedBy: "cli",
      open: async (options) => {
        const opened = await openLocalFile(path, name, options);
        return typeof opened === "string" ? opened : counted(opened, (bytes) => {
          read_bytes += bytes;
          show();
        });
      },
    });
    const state = await workbench.engine.waitFor(run.runId, signal);
    if (state.status === "completed") {
      bar.update({
        label: name,
        done: 1,
        total: null,
        detail: "read and published, waiting until it is loaded",
      });
      await waitForRows(workbench.store.sql, state.nextOffsets, signal);
    }
    return await report(name, state, workbench, bar);
  } finally {
    unwatch();
  }
}

async function report(
  name: string,
  state: RunState,
  { store }: Workbench,
  bar: ProgressBar,
): Promise<boolean> {
  bar.clear();
  if (state.status !== "completed") {
    process.stderr.write(`${name}: ${state.reason ?? state.status}\n`);
    return false;
  }
  const { read, published, rejected } = countRows(state);
  const { loaded, dead } = await readRunLoaded(store.sql, state.runId);
  process.stderr.write(
    `${name}: ${count(read)} rows read, ${count(published)} published, ${
      count(rejected)
    } rejected, ` +
      `${count(loaded)} loaded in ${bar.elapsed_s.toFixed(1)} s (run ${state.runId})\n`,
  );
  if (rejected + dead > 0) {
    process.stderr.write(
      `${name}: ${count(rejected + dead)} dead letter(s), see table dead_letter\n`,
    );
  }
  return true;
}

/** The same file, with its bytes counted as they are read. */
function counted(opened: OpenedFile, onRead: (bytes: number) => void): OpenedFile {
  return {
    ...opened,
    chunks: (async function* () {
      for await (const chunk of opened.chunks) {
        onRead(chunk.length);
        yield chunk;
      }
    })(),
  };
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(HELP);
    return DONE;
  }
  const option = args.find((arg) => arg.startsWith("-"));
  if (option !== undefined || args.length === 0) {
    process.stderr.write(
      `ingest: ${
        option === undefined ? "no file is given" : `there is no option ${option}`
      }\n\n${HELP}`,
    );
    return USAGE;
  }
  const interrupted = new AbortController();
  process.on(
    "SIGINT",
    () => interrupted.abort(new PermanentError("interrupted; what was published stays published")),
  );
  process.on(
    "SIGTERM",
    () => interrupted.abort(new PermanentError("interrupted; what was published stays published")),
  );
  try {
    const environment = readEnvironment();
    const config = readConfig({ LOG_LEVEL: "warning", ...environment });
    const observer = await createLoggingObserver(config);
    const workbench = await openWorkbench(config, observer, interrupted.signal);
    try {
      process.stderr.write(`loaded by ${workbench.describe}\n`);
      let isAllDone = true;
      for (const path of args) {
        isAllDone = await ingest(path, workbench, interrupted.signal) && isAllDone;
      }
      return isAllDone ? DONE : FAILED;
    } finally {
      await workbench.close();
    }
  } catch (error) {
    printFailure(error);
    return FAILED;
  }
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
