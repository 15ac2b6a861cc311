/** `deno task log adopt` and `deno task log reread`: what both print, ask and do. */
import process from "node:process";
import {
  countLosses,
  decideLog,
  type DecisionSources,
  type OnlyInDataStore,
  prepareDecision,
} from "../../recovery/decide_log.ts";
import { type Command, EXIT } from "../command.ts";
import { askingExitCodesHelp, CONFIRM_HELP, CONFIRM_OPTION, confirmed } from "../confirm.ts";
import { count } from "../progress_bar.ts";
import { LOG_BENCH_HELP, withLogBench } from "../with_log_bench.ts";
import { describeVerdict } from "./status.ts";

interface Decision {
  readonly name: "adopt" | "reread";
  /** The first paragraph of the help. */
  readonly about: string;
  readonly question: string;
  /** Printed at the end: what follows. */
  readonly next: string;
}

/** The command of a decision. */
export function decisionCommand({ name, about, question, next }: Decision): Command {
  return {
    name: `log ${name}`,
    help: `${about}

usage: deno task log ${name} [--yes]

${CONFIRM_HELP}

${LOG_BENCH_HELP} A running service goes on by itself within seconds.

${
      askingExitCodesHelp(
        "it is decided, or there was nothing to decide",
        "failed, or not confirmed",
      )
    }`,
    options: CONFIRM_OPTION,
    operand: null,
    interrupted: "nothing was changed, unless the command said so",
    async run({ values, signal }) {
      return await withLogBench(signal, async ({ log, sql }) => {
        const { kafka, registry, ungated: publisher } = log;
        const sources: DecisionSources = { kafka, registry, sql, publisher, signal };
        const prepared = await prepareDecision(sources);
        if (prepared === null) {
          process.stdout.write("the log is the data store's: there is nothing to decide\n");
          return EXIT.DONE;
        }
        process.stdout.write(describeVerdict(prepared.verdict));
        process.stdout.write(describeLosses(await countLosses(sources, prepared)));
        if (!await confirmed(values, question, name, signal)) {
          process.stdout.write("nothing was changed\n");
          return EXIT.FAILED;
        }
        const { rowsMarked, filesForgotten } = await decideLog(sources, prepared, name);
        process.stdout.write(
          `the data store is bound to log ${prepared.logId}; ` +
            (prepared.startsOver
              ? "everything in it is loaded, from its beginning"
              : "loading continues where the log and the data store agree") +
            `; ${count(rowsMarked)} row(s) are marked as not in the log, ` +
            `${count(filesForgotten)} file(s) count as not ingested\n${next}\n`,
        );
        return EXIT.DONE;
      });
    },
  };
}

/** What only the data store has, in lines; kinds of which it has none are left out. */
export function describeLosses({ trajectories, runs, deadLetters }: OnlyInDataStore): string {
  const counts = ([
    ["trajectories", trajectories],
    ["runs", runs],
    ["dead letters", deadLetters],
  ] as const).filter(([, { all }]) => all > 0);
  if (counts.length === 0) return "the data store is empty: nothing is lost\n";
  const lines = counts.map(([name, { all, onlyInStore }]) =>
    `  ${name.padEnd(12)}  ${count(onlyInStore)} of ${count(all)}\n`
  );
  return `only the data store has (a rebuild from this log would lose them):\n${lines.join("")}`;
}
