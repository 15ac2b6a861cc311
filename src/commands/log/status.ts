/** `deno task log status`: which log this is, whether it is the data store's, and what can be done when it is not. */
import process from "node:process";
import type { LogState } from "../../recovery/log_guard.ts";
import { LOG_DECISIONS, type LogVerdict, RUNBOOK_PAGES } from "../../recovery/log_verdict.ts";
import { type Command, EXIT, exitCodesHelp } from "../command.ts";
import { LOG_BENCH_HELP, withLogBench } from "../with_log_bench.ts";

const HELP = `Says which log this is, and whether it is the one that the data store was built from.

usage: deno task log status

${LOG_BENCH_HELP}

${
  exitCodesHelp(
    "the log is the data store's",
    "it is not, or lost records: somebody must decide; or it could not be checked",
  )
}`;

export const COMMAND: Command = {
  name: "log status",
  help: HELP,
  options: {},
  operand: null,
  interrupted: "nothing was changed",
  async run({ signal }) {
    const state = await withLogBench(signal, ({ log }) => log.guard!.look());
    process.stdout.write(describeLog(state));
    return state.verdict.kind === "ok" ? EXIT.DONE : EXIT.FAILED;
  },
};

/** The lines, each with its newline. */
export function describeLog({ verdict, dataStoreId, boundLogId }: LogState): string {
  const head = `log         ${verdict.logId ?? "has no identity"}\n` +
    `data store  ${dataStoreId}, built from log ${boundLogId ?? "(none yet)"}\n`;
  return verdict.kind === "ok"
    ? `${head}the log is the data store's: work goes on\n`
    : `${head}${describeVerdict(verdict)}`;
}

/** What is wrong, what was found, and what can be done. */
export function describeVerdict(verdict: Exclude<LogVerdict, { readonly kind: "ok" }>): string {
  const decisions = LOG_DECISIONS;
  const width = Math.max(...decisions.map(({ command }) => command.length));
  return `UNDECIDED   ${verdict.kind}: ${verdict.summary}\n` +
    verdict.found.map((fact) => `  ${fact}\n`).join("") +
    "nothing is published or loaded until somebody decides:\n" +
    decisions.map(({ command, effect }) => `  ${command.padEnd(width)}  ${effect}\n`).join("") +
    `${RUNBOOK_PAGES[verdict.kind]} says which\n`;
}
