/** `deno task log refill`: fills an empty log from the data store. */
import process from "node:process";
import { unobserved } from "../../observe/observe.ts";
import { TOPICS } from "../../events/topics.ts";
import type { PreparedDecision } from "../../recovery/decide_log.ts";
import { LogNotEmptyError, type Refilled, type RefillPhase } from "../../recovery/refill.ts";
import type { Workbench } from "../../service/attach.ts";
import type { LogBench } from "../../service/log_bench.ts";
import {
  acceptForRefill,
  prepareRefill,
  refillLog,
  unfinishedRefill,
} from "../../service/refill.ts";
import { waitForTopic } from "../../service/run_access.ts";
import { forgetRefill } from "../../store/log_refills.ts";
import { type Command, EXIT } from "../command.ts";
import { askingExitCodesHelp, CONFIRM_HELP, CONFIRM_OPTION, confirmed } from "../confirm.ts";
import { count, ProgressBar } from "../progress_bar.ts";
import { LOG_BENCH_HELP, withLogBench } from "../with_log_bench.ts";
import { withWorkbench } from "../with_workbench.ts";
import { repairOn } from "./repair.ts";
import { describeVerdict } from "./status.ts";

const HELP =
  `Publishes into an undecided log what the data store has and the log lacks, and binds the data store to it.

usage: deno task log refill [--yes]

${CONFIRM_HELP}

An empty log gets every trajectory with its lineage, withdrawals, file generations, dead letters, runs and showers. A log that still has
records is accepted as deno task log adopt does, loaded, and then gets what it lacks as deno task log repair does. Queries are answered
all the while. After an interruption the same command goes on where it stopped.

${LOG_BENCH_HELP} A running service goes on by itself within seconds.

${
    askingExitCodesHelp(
      "the log has what the data store has, or there was nothing to decide",
      "failed, not confirmed, or some rows could not be published",
    )
  }`;

const LABELS: Readonly<Record<RefillPhase, string>> = {
  log: "reading the log",
  rows: "trajectories",
  generations: "file generations",
  "dead letters": "dead letters and showers",
  runs: "runs",
};

export const COMMAND: Command = {
  name: "log refill",
  help: HELP,
  options: CONFIRM_OPTION,
  operand: null,
  interrupted:
    "the same command goes on where this one stopped; when it says that there is nothing to refill, deno task log repair does",
  async run({ values, signal }) {
    let accepted: string | null = null;
    const code = await withLogBench(signal, async (bench) => {
      const prepared = await prepareRefill(bench, signal);
      if (prepared === null) {
        accepted = await unfinishedRefill(bench);
        if (accepted !== null) return null;
        process.stdout.write(
          "the log is the data store's: there is nothing to refill; deno task log repair publishes what it lacks\n",
        );
        return EXIT.DONE;
      }
      process.stdout.write(describeVerdict(prepared.verdict));
      const question = "Publish into this log what the data store has and the log lacks?";
      if (!await confirmed(values, question, "refill", signal)) {
        process.stdout.write("nothing was changed\n");
        return EXIT.FAILED;
      }
      accepted = prepared.logId;
      return await refill(bench, prepared, signal);
    });
    if (code !== null || accepted === null) return code ?? EXIT.DONE;
    const logId = accepted;
    return await withWorkbench(signal, (bench) => complete(bench, logId, signal));
  },
};

/** Refills an empty log and returns the exit code; a log with records is accepted as it is, and null says that it must be completed. */
async function refill(
  bench: LogBench,
  prepared: PreparedDecision,
  signal: AbortSignal,
): Promise<number | null> {
  const bar = new ProgressBar();
  try {
    const refilled = await refillLog(bench, prepared, {
      observe: unobserved,
      signal,
      onProgress: ({ phase, done, total }) =>
        bar.update({
          label: LABELS[phase],
          done,
          total: total === 0 ? null : total,
          detail: phase === "rows" ? `${count(done)} of ${count(total)} rows` : "",
        }),
    });
    bar.clear();
    process.stdout.write(describeRefilled(refilled, prepared.logId));
    return refilled.rows.refused === 0 ? EXIT.DONE : EXIT.FAILED;
  } catch (error) {
    if (!(error instanceof LogNotEmptyError)) throw error;
    bar.clear();
  }
  await acceptForRefill(bench, prepared, signal);
  process.stdout.write(
    `the data store is bound to log ${prepared.logId}, which has records of its own; once they are loaded, it gets what it lacks\n`,
  );
  return null;
}

/** Publishes what the log lacks, once everything that it has is loaded. Returns the exit code. */
async function complete(bench: Workbench, logId: string, signal: AbortSignal): Promise<number> {
  const { store, log } = bench;
  for (const { name } of TOPICS) await waitForTopic(store.sql, log.probe, name, signal);
  // Rows that are there with their records do not show which confirm records were lost behind them.
  const code = await repairOn(bench, signal, () => Promise.resolve(true), true);
  if (code === EXIT.DONE) await forgetRefill(store.sql, logId);
  return code;
}

/** What the log was told, in lines. */
function describeRefilled(refilled: Refilled, logId: string): string {
  const { rows, rest, runs, foreign } = refilled;
  const lines = [
    `the data store is bound to log ${logId}, which has ${count(refilled.records)} record(s) now:`,
    `  trajectories  ${count(rows.rows)}, ${count(rows.withdrawn)} of them withdrawn`,
    ...(rest === null
      ? []
      : [`  generations   ${count(rest.generations + rest.members)} record(s)`]),
    `  dead letters  ${count(refilled.deadLetters)}`,
    `  runs          ${count(runs.runs)}, in ${count(runs.events)} event(s)`,
    `  showers       ${count(refilled.showers)}`,
  ];
  if (runs.lostFiles > 0) {
    lines.push(
      `${
        count(runs.lostFiles)
      } file(s) count as failed: their records were lost before they were loaded; ` +
        "retry their runs, or wait for the next one",
    );
  }
  if (foreign > 0) {
    lines.push(`${count(foreign)} record(s) of other programs came meanwhile; they are loaded now`);
  }
  if (rows.refused > 0) {
    lines.push(`${count(rows.refused)} row(s) have values that no record can have, the first are:`);
    for (const { id, reason } of rows.firstRefused) lines.push(`  ${id}: ${reason}`);
  }
  return `${lines.join("\n")}\n`;
}
