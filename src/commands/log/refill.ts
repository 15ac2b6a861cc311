/** `deno task log refill`: fills an empty log from the data store. */
import process from "node:process";
import { unobserved } from "../../observe/observe.ts";
import type { Refilled, RefillPhase } from "../../recovery/refill.ts";
import { prepareRefill, refillLog } from "../../service/refill.ts";
import { type Command, EXIT, exitCodesHelp } from "../command.ts";
import { count, ProgressBar } from "../progress_bar.ts";
import { LOG_BENCH_HELP, withLogBench } from "../with_log_bench.ts";
import { confirmed } from "./decide.ts";
import { describeVerdict } from "./status.ts";

const HELP = `Fills an empty log from the data store, and binds the data store to it.

usage: deno task log refill [--yes]

  --yes          do it without asking; required when no terminal is there to ask

Publishes every trajectory with its lineage, withdrawals, file generations, dead letters, runs and showers. Queries are answered all the
while. After an interruption the same command goes on where it stopped.

${LOG_BENCH_HELP} A running service goes on by itself within seconds.

${
  exitCodesHelp(
    "the log has what the data store has, or there was nothing to decide",
    "refused because the log is not empty, not confirmed, or some rows could not be published",
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
  options: { yes: { type: "boolean", default: false } },
  operand: null,
  interrupted: "the same command goes on where this one stopped",
  async run({ values, signal }) {
    return await withLogBench(signal, async (bench) => {
      const prepared = await prepareRefill(bench, signal);
      if (prepared === null) {
        process.stdout.write(
          "the log is the data store's: there is nothing to refill; deno task log repair publishes what it lacks\n",
        );
        return EXIT.DONE;
      }
      process.stdout.write(describeVerdict(prepared.verdict));
      const question = "Publish everything that the data store has into this log?";
      if (values.yes !== true && !await confirmed("refill", question, signal)) {
        process.stdout.write("nothing was changed\n");
        return EXIT.FAILED;
      }
      const bar = new ProgressBar();
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
    });
  },
};

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
