/**
 * `deno task ingest FILE …`: publishes local summary files and waits until their rows are in the data store.
 *
 * It joins the service that runs on `DATA_DIR`, or starts the engines for itself. Unreadable lines become dead letters, as
 * in any run.
 */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { explain } from "@gmn/failures";
import type { OpenedFile } from "../producer/source/data_directory.ts";
import { openLocalFile } from "../producer/source/local_directory.ts";
import { countRows, type RunState } from "../runs/run.ts";
import type { Workbench } from "../service/attach.ts";
import { sayLoaded } from "../runs/rows_text.ts";
import { loadedRows } from "../service/run_access.ts";
import { type Command, EXIT, exitCodesHelp, namedFile, runCommand } from "./command.ts";
import { count, ProgressBar } from "./progress_bar.ts";
import { withWorkbench, WORKBENCH_HELP } from "./with_workbench.ts";

const HELP = `Publishes trajectory summary files and waits until their rows are in the data store.

usage: deno task ingest FILE …

Any kind of summary file: daily, monthly, yearly, all. ${WORKBENCH_HELP}

${
  exitCodesHelp(
    "every file is loaded (lines that can't be read are in the dead letters, and counted)",
    "a file could not be read or loaded",
  )
}`;

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
    }
    return await report(name, state, { workbench, bar, signal });
  } finally {
    unwatch();
  }
}

async function report(
  name: string,
  state: RunState,
  { workbench: { store }, bar, signal }: {
    readonly workbench: Workbench;
    readonly bar: ProgressBar;
    readonly signal: AbortSignal;
  },
): Promise<boolean> {
  if (state.status !== "completed") {
    bar.clear();
    process.stderr.write(`${name}: ${state.reason ?? state.status}\n`);
    return false;
  }
  const { read, published, unchanged, rejected } = countRows(state);
  const { dead, ...loaded } = await loadedRows(store.sql, state, signal);
  bar.clear();
  process.stderr.write(
    `${name}: ${count(read)} rows read, ${count(published)} published, ${
      count(unchanged)
    } unchanged, ${count(rejected)} rejected, ` +
      `${sayLoaded(loaded)} in ${bar.elapsed_s.toFixed(1)} s (run ${state.runId})\n`,
  );
  for (const { stampAhead } of state.files?.values() ?? []) {
    if (stampAhead === null) continue;
    process.stderr.write(
      `${name}: warning: its stamp ${stampAhead.toISOString()} lies ahead of the clock and is ignored; any later file may change its rows\n`,
    );
  }
  if (rejected + dead > 0) {
    process.stderr.write(
      `${name}: ${count(rejected + dead)} dead letter(s), see table dead_letter\n`,
    );
  }
  return true;
}

/** The same file, counting its bytes as they are read. */
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

/** Returns the files that can be opened. The others are reported at once, before any engine is started for them. */
async function readable(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const problem = await stat(namedFile(path)).then(
      (file) => file.isFile() ? null : "not a file; name the files in it one by one",
      (error) => error.code === "ENOENT" ? "there is no such file" : explain(error),
    );
    if (problem === null) found.push(namedFile(path));
    else process.stderr.write(`${path}: ${problem}\n`);
  }
  return found;
}

const COMMAND: Command = {
  name: "ingest",
  help: HELP,
  options: {},
  operand: "file",
  interrupted: "published rows stay published; run the same command again to continue",
  async run({ operands, signal }) {
    const paths = await readable(operands);
    if (paths.length === 0) return EXIT.FAILED;
    return await withWorkbench(signal, async (workbench) => {
      process.stderr.write(`loaded by ${workbench.describe}\n`);
      let isAllDone = paths.length === operands.length;
      for (const path of paths) isAllDone = await ingest(path, workbench, signal) && isAllDone;
      return isAllDone ? EXIT.DONE : EXIT.FAILED;
    });
  },
};

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
