/** `deno task log repair`: publishes again what the data store has of damaged ranges of the log, and of rows that the log lacks. */
import process from "node:process";
import { TRAJECTORY_SUMMARY_RAW } from "../../events/topics.ts";
import {
  needsRepair,
  type Repaired,
  type RepairedRange,
  repairLog,
} from "../../recovery/repair.ts";
import { type Verification, verifyLog } from "../../recovery/verify.ts";
import type { Workbench } from "../../service/attach.ts";
import { waitForTopic } from "../../service/run_access.ts";
import { type Command, EXIT } from "../command.ts";
import {
  askingExitCodesHelp,
  assertCanAsk,
  CONFIRM_HELP,
  CONFIRM_OPTION,
  confirmed,
} from "../confirm.ts";
import { count, ProgressBar } from "../progress_bar.ts";
import { withWorkbench, WORKBENCH_HELP } from "../with_workbench.ts";
import { describeVerification } from "./verification_text.ts";

const HELP =
  `Repairs the log: checks all of it like deno task log verify, says what is wrong, and publishes again what the data store has of it, with its
lineage. Offsets stay as they are; the log records which ranges are covered. What is nowhere else is named as lost.

usage: deno task log repair [--yes]

${CONFIRM_HELP}

May be repeated, and interrupted: the next one does the rest. Let runs end first: a record that another program is publishing at the same
moment, without a file generation, could end up before an older one. An undecided log (deno task log status) is not repaired: decide first.

${WORKBENCH_HELP}

${
    askingExitCodesHelp(
      "repaired, or there was nothing to repair",
      "failed, not confirmed, or some rows could not be published",
    )
  }`;

export const COMMAND: Command = {
  name: "log repair",
  help: HELP,
  options: CONFIRM_OPTION,
  operand: null,
  interrupted: "what was published again stays; the next repair does the rest",
  async run({ values, signal }) {
    // Reading the whole log may take minutes, and then nobody could be asked.
    assertCanAsk(values);
    const question = "The data store's rows are published again.";
    return await withWorkbench(
      signal,
      async (bench) => {
        // It would be published into a log that may be the wrong one, and nobody would load it.
        await bench.log.guard!.check();
        return await repairOn(bench, signal, () => confirmed(values, question, "repair", signal));
      },
      ["log.undecided"],
    );
  },
};

/** Checks the log and publishes what it lacks, if `confirm` agrees; `isRestLost`: see `RepairOptions`. Returns the exit code. */
export async function repairOn(
  bench: Workbench,
  signal: AbortSignal,
  confirm: () => Promise<boolean>,
  isRestLost = false,
): Promise<number> {
  process.stderr.write(`checking the log of ${bench.describe}\n`);
  const found = await withBar(
    "verify",
    "records",
    (onProgress) => verifyLog({ ...partsOf(bench), signal, onProgress }),
  );
  process.stdout.write(describeVerification(found));
  if (!needsRepair(found) && !isRestLost) {
    process.stdout.write("there is nothing to repair\n");
    return EXIT.DONE;
  }
  if (await confirm()) return await repair(bench, found, isRestLost, signal);
  process.stdout.write("nothing was changed\n");
  return EXIT.FAILED;
}

async function repair(
  bench: Workbench,
  found: Verification,
  isRestLost: boolean,
  signal: AbortSignal,
): Promise<number> {
  const { log, store } = bench;
  const repaired = await withBar(
    "repair",
    "rows",
    (onProgress) =>
      repairLog(found, {
        ...partsOf(bench),
        publisher: log.ungated,
        isRestLost,
        signal,
        onProgress,
      }),
  );
  await waitForTopic(store.sql, log.probe, TRAJECTORY_SUMMARY_RAW.name, signal);
  process.stdout.write(describeRepair(repaired));
  return repaired.refused > 0 || repaired.isPartial ? EXIT.FAILED : EXIT.DONE;
}

const partsOf = ({ log, store }: Workbench) => ({
  kafka: log.kafka,
  registry: log.registry,
  sql: store.sql,
});

type Progress = { readonly done: number; readonly total: number };

async function withBar<Result>(
  label: string,
  what: string,
  work: (onProgress: (progress: Progress) => void) => Promise<Result>,
): Promise<Result> {
  const bar = new ProgressBar();
  const result = await work(({ done, total }) =>
    bar.update({ label, done, total, detail: `${count(done)} of ${count(total)} ${what}` })
  );
  bar.clear();
  return result;
}

/** The text that the command prints at the end. */
export function describeRepair(repaired: Repaired): string {
  const { ranges, otherRows, deadLetters, runEvents, showers, refused, firstRefused } = repaired;
  const lines = ranges.map(describeRange);
  const others: [number, string][] = [
    [otherRows, "row(s) that the log lacked or contradicted elsewhere"],
    [deadLetters, "dead letter(s)"],
    [runEvents, "event(s) of runs"],
    [showers, "shower(s) of the IAU's list"],
  ];
  for (const [number, what] of others) {
    if (number > 0) lines.push(`published again: ${count(number)} ${what}`);
  }
  if (refused > 0) {
    lines.push(`could not be published: ${count(refused)} row(s) with values that no record has`);
    lines.push(...firstRefused.map(({ id, reason }) => `  ${id}: ${reason}`));
  }
  if (repaired.isPartial) lines.push("the log lacks more than one repair takes: run it again");
  return lines.map((line) => `${line}\n`).join("");
}

function describeRange({ range, republished, superseded, lost }: RepairedRange): string {
  const { topic, partition, first, last } = range;
  return `repaired ${topic}-${partition}, offsets ${first} to ${last}: ${
    count(republished)
  } record(s) republished; ${
    count(superseded)
  } were older versions or repeats, on which nothing depends; ${count(lost)} lost`;
}
