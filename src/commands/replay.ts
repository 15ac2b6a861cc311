/** `deno task replay`: replays dead letters, once the cause has been fixed, and waits until the sink has processed their records. */
import process from "node:process";
import type { parseArgs } from "node:util";
import { PermanentError } from "@gmn/failures";
import { DEAD_LETTER_STAGES } from "../dead_letters/dead_letter.ts";
import type { DeadLetterFilter } from "../dead_letters/dead_letter_table.ts";
import { ReplayDesk, type ReplayedDeadLetter } from "../dead_letters/replay_desk.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Workbench } from "../service/attach.ts";
import { waitForTopic } from "../service/run_access.ts";
import { deadLetterTable } from "../store/dead_letters.ts";
import {
  type Command,
  EXIT,
  exitCodesHelp,
  runCommand,
  UsageError,
  type Values,
} from "./command.ts";
import { withWorkbench, WORKBENCH_HELP } from "./with_workbench.ts";

const HELP = `Replays dead letters: lines are read again, records are published again as they were.

usage: deno task replay (--id ID … | --all | FILTER …) [--dry-run] [--force]

  --id ID          this dead letter; may be repeated
  --all            all that have not yet been replayed successfully
  --stage STAGE    those of this stage: read, fetch, decode or load
  --reason TEXT    those whose reason contains this text
  --run ID         those of this run
  --file NAME      those of this file, relative to the data directory
  --from TIME      those set aside at this time or later (2026-11-20, 2026-11-20T12:00:00Z)
  --to TIME        those set aside before this time
  --dry-run        say how many there are, and change nothing
  --force          also publish records that would overwrite a later record of their trajectory

${WORKBENCH_HELP}

${
  exitCodesHelp(
    "every dead letter was replayed, and its record is loaded",
    "failed; or some could not be replayed: they keep waiting, with the reason",
  )
}`;

const OPTIONS = {
  id: { type: "string", multiple: true },
  all: { type: "boolean", default: false },
  stage: { type: "string" },
  reason: { type: "string" },
  run: { type: "string" },
  file: { type: "string" },
  from: { type: "string" },
  to: { type: "string" },
  "dry-run": { type: "boolean", default: false },
  force: { type: "boolean", default: false },
} as const;

type ReplayValues = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

/** The request on the command line. */
interface Request {
  readonly ids: readonly string[];
  readonly filter: DeadLetterFilter;
  readonly isDryRun: boolean;
  readonly force: boolean;
}

/** @throws UsageError when it is unclear which dead letters are meant */
function readRequest(given: Values): Request {
  const values = given as ReplayValues;
  const { stage, reason, run: runId, file: sourceFile } = values;
  if (stage !== undefined && !DEAD_LETTER_STAGES.some((known) => known === stage)) {
    throw new UsageError(`--stage ${stage} is not one of ${DEAD_LETTER_STAGES.join(", ")}`);
  }
  const by = { stage, reason, runId, sourceFile, from: time(values.from), to: time(values.to) };
  const isFiltered = Object.values(by).some((value) => value !== undefined);
  const ids = values.id ?? [];
  const filter = ids.length > 0 ? { ids } : by;
  if (Number(ids.length > 0) + Number(values.all) + Number(isFiltered) !== 1) {
    throw new UsageError("say which dead letters: --id, --all, or a filter");
  }
  return { ids, filter, isDryRun: values["dry-run"] === true, force: values.force === true };
}

function time(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) {
    throw new UsageError(`${text} is not a time such as 2026-11-20T12:00:00Z`);
  }
  return at;
}

/** Replays and reports the result. @returns the exit code */
async function replay(request: Request, bench: Workbench, signal: AbortSignal): Promise<number> {
  const { store: { sql }, log, observe } = bench;
  const { publisher, registry } = log;
  const desk = new ReplayDesk({
    table: deadLetterTable((question) => question(sql)),
    publisher,
    registry,
    observe,
  });
  const { ids, filter, force } = request;
  if (request.isDryRun) {
    process.stdout.write(`${await desk.count(filter)} dead letter(s) would be replayed\n`);
    return EXIT.DONE;
  }
  const unpublished: ReplayedDeadLetter[] = [];
  let published = 0;
  if (ids.length > 0) {
    for (const id of ids) {
      const replayed = await desk.replayOne(id, { force });
      if (replayed === null) throw new PermanentError(`there is no dead letter ${id}`);
      if (replayed.outcome === "published") published++;
      else unpublished.push(replayed);
    }
  } else {
    const counts = await desk.replayAll(filter, { force, signal });
    published = counts.published;
    unpublished.push(...counts.unpublished);
  }
  for (const { id, outcome, reason } of unpublished) {
    process.stderr.write(`${id}: ${outcome}: ${reason}\n`);
  }
  await waitForTopic(sql, log.probe, TRAJECTORY_SUMMARY_RAW.name, signal);
  const waiting = await desk.count(filter);
  process.stderr.write(`${published} published again, ${waiting} still waiting\n`);
  return waiting === 0 ? EXIT.DONE : EXIT.FAILED;
}

const COMMAND: Command = {
  name: "replay",
  help: HELP,
  options: OPTIONS,
  operand: null,
  interrupted: "records that were published again will be loaded",
  async run({ values, signal }) {
    const request = readRequest(values);
    return await withWorkbench(signal, (workbench) => replay(request, workbench, signal));
  },
};

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
