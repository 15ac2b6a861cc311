/** `deno task rebuild`: makes the tables again from the log, beside the live ones, and replaces them when nothing is lost by it. */
import process from "node:process";
import type { parseArgs } from "node:util";
import { readConfig } from "../config.ts";
import type { RebuildProgress } from "../recovery/rebuild.ts";
import type { Rebuilt } from "../recovery/rebuild_report.ts";
import { readCommandEnvironment } from "../service/environment.ts";
import { rebuildDatabase } from "../service/rebuild.ts";
import { createLoggingObserver } from "../service/run_until_stopped.ts";
import { type Asked, type Command, EXIT, exitCodesHelp, runCommand } from "./command.ts";
import { count, ProgressBar } from "./progress_bar.ts";

const HELP =
  `Makes the tables again from the log, and replaces the live ones when nothing is lost by it.

usage: deno task rebuild [--topic NAME …] [--verify] [--accept-loss]

  --topic NAME    only the tables of this topic (trajectory_summary_raw with iau_shower, trajectory_summary_dead_letter, ingestion_run,
                  iau_shower)
  --verify        only compare the tables with what the log gives; nothing is changed
  --accept-loss   replace the tables even if the log no longer has everything that was loaded from it; what only the data store has
                  is lost then. It decides nothing about the log: an undecided one (deno task log status) needs log refill, reread
                  or adopt first

The log is read and checked first. The tables are built beside the live ones, in the schema gmn_rebuild of the same database: this needs
as much disk space again. Then the differences are applied in one transaction. The service may run, and answers, all the while. An
interrupted rebuild changes nothing. Without a service the command starts a broker and PostgreSQL itself. The settings are those of
deno task start.

${
    exitCodesHelp(
      "the tables are what the log gives",
      "refused, failed, or (with --verify) the tables are not what the log gives",
    )
  }`;

const OPTIONS = {
  topic: { type: "string", multiple: true },
  verify: { type: "boolean", default: false },
  "accept-loss": { type: "boolean", default: false },
} as const;

type RebuildValues = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

async function run({ values, signal }: Asked): Promise<number> {
  const { topic, verify, "accept-loss": acceptLoss } = values as RebuildValues;
  const config = readConfig(readCommandEnvironment());
  process.stderr.write(`from the log of ${config.dataDirectory}\n`);
  const bar = new ProgressBar();
  // A refusal says itself that the log is undecided.
  const observer = await createLoggingObserver(config, verify === true ? [] : ["log.undecided"]);
  const report = await rebuildDatabase(config, observer, {
    topics: topic,
    isLossAccepted: acceptLoss === true,
    isOnlyVerified: verify === true,
    signal,
    onProgress: (progress) => show(bar, progress),
  });
  bar.clear();
  process.stderr.write(`${count(report.records)} records in ${bar.elapsed_s.toFixed(1)} s\n`);
  process.stderr.write(describe(report));
  const isSame = report.differences.length === 0 && report.losses.length === 0;
  return report.isApplied || isSame ? EXIT.DONE : EXIT.FAILED;
}

function show(bar: ProgressBar, { phase, done, total }: RebuildProgress): void {
  const detail = `${count(done)} of ${count(total)} records`;
  bar.update({ label: phase, done, total, detail });
}

function describe({ isApplied, differences, losses, newDeadLetters }: Rebuilt): string {
  const listed = (lines: readonly string[]) => lines.map((line) => `  ${line}\n`).join("");
  const parts: string[] = [];
  if (losses.length > 0) {
    parts.push(
      `the log does not have everything${isApplied ? "; accepted" : ""}:\n${listed(losses)}`,
    );
  }
  if (newDeadLetters > 0) {
    parts.push(`${count(newDeadLetters)} records could not be loaded and were given up\n`);
  }
  if (differences.length === 0) parts.push("the tables are what the log gives: no row differs\n");
  else {
    parts.push(
      `${isApplied ? "changed" : "not what the log gives"}:\n${listed(differences)}`,
    );
  }
  return parts.join("");
}

const COMMAND: Command = {
  name: "rebuild",
  help: HELP,
  options: OPTIONS,
  operand: null,
  interrupted: "the tables are as they were, or already replaced",
  run,
};

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
