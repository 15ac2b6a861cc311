/**
 * `deno task replay`: tries dead letters again, after what was wrong has been mended, and waits until the sink has passed them.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { readConfig } from "../config.ts";
import { TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import { explain, PermanentError } from "../failures/failures.ts";
import type { ReplayedLetter } from "../producer/replay.ts";
import { openWorkbench, type Workbench } from "../service/attach.ts";
import { readEnvironment } from "../service/environment.ts";
import { createReplayDesk } from "../service/replays.ts";
import { waitForOffsets } from "../service/run_access.ts";
import { createLoggingObserver, printFailure } from "../service/run_until_stopped.ts";
import { LETTER_STAGES, type LetterFilter } from "../store/dead_letters.ts";

const HELP =
  `Tries dead letters again: lines are read again, records are put on the topic again as they were.

usage: deno task replay (--id ID … | --all | FILTER …) [--dry-run] [--force]

  --id ID          this letter
  --all            every letter that was not replayed with success
  --stage STAGE    those given up here: read, fetch, decode or load
  --reason TEXT    those whose reason has this text in it
  --run ID         those of this run
  --file NAME      those of this file, relative to the data directory
  --from TIME      those given up at this time or later, and
  --to TIME        before this one (2026-11-20, 2026-11-20T12:00:00Z)
  --dry-run        say how many there are, and change nothing
  --force          also records that would overwrite a later one of their trajectory

Joins the service that runs on DATA_DIR, or starts what it needs for as long as it takes. The settings are those of deno task start.

exit code  0  every letter was replayed, and is loaded
           1  some were not: they wait with their reason
           2  usage
`;

const DONE = 0, FAILED = 1, USAGE = 2;

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
  help: { type: "boolean", short: "h", default: false },
} as const;

/** What the command line asks for. */
interface Request {
  readonly ids: readonly string[];
  readonly filter: LetterFilter;
  readonly isDryRun: boolean;
  readonly force: boolean;
}

function readRequest(args: readonly string[]): Request | "help" {
  const { values } = parseArgs({
    args: args[0] === "--" ? args.slice(1) : [...args],
    options: OPTIONS,
  });
  if (values.help) return "help";
  const { stage, reason, run: runId, file: sourceFile } = values;
  if (stage !== undefined && !LETTER_STAGES.some((known) => known === stage)) {
    throw new PermanentError(`--stage ${stage} is none of ${LETTER_STAGES.join(", ")}`);
  }
  const by = { stage, reason, runId, sourceFile, from: time(values.from), to: time(values.to) };
  const isFiltered = Object.values(by).some((value) => value !== undefined);
  const ids = values.id ?? [];
  const filter = ids.length > 0 ? { ids } : by;
  if (Number(ids.length > 0) + Number(values.all) + Number(isFiltered) !== 1) {
    throw new PermanentError("say which letters: --id, --all, or a filter");
  }
  return { ids, filter, isDryRun: values["dry-run"], force: values.force };
}

function time(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) {
    throw new PermanentError(`${text} is no time such as 2026-11-20T12:00:00Z`);
  }
  return at;
}

/** Replays and says what became of it. @returns the exit code */
async function replay(request: Request, bench: Workbench, signal: AbortSignal): Promise<number> {
  const { store: { sql }, log, observe } = bench;
  const desk = createReplayDesk({ sql, log, observe });
  const { ids, filter, force } = request;
  if (request.isDryRun) {
    process.stdout.write(`${await desk.count(filter)} dead letter(s) would be replayed\n`);
    return DONE;
  }
  const unpublished: ReplayedLetter[] = [];
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
  await untilPassed(bench, signal);
  const waiting = await desk.count(filter);
  process.stderr.write(`${published} published again, ${waiting} still wait\n`);
  return waiting === 0 ? DONE : FAILED;
}

/** Waits until the sink has passed what is in the log now. */
async function untilPassed({ store, log }: Workbench, signal: AbortSignal): Promise<void> {
  const topic = TRAJECTORY_SUMMARY_RAW.name;
  const marks = (await log.probe.watermarks([topic])).get(topic) ?? new Map();
  const ends = new Map([...marks].map(([partition, { high }]) => [partition, high]));
  await waitForOffsets(store.sql, topic, ends, signal);
}

async function main(args: readonly string[]): Promise<number> {
  let request: Request | "help";
  try {
    request = readRequest(args);
  } catch (error) {
    process.stderr.write(`replay: ${explain(error)}\n\n${HELP}`);
    return USAGE;
  }
  if (request === "help") {
    process.stdout.write(HELP);
    return DONE;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(
      signal,
      () => interrupted.abort(new PermanentError("interrupted; what was published is loaded")),
    );
  }
  try {
    const config = readConfig({ LOG_LEVEL: "warning", ...readEnvironment() });
    const observer = await createLoggingObserver(config);
    const bench = await openWorkbench(config, observer, interrupted.signal);
    try {
      return await replay(request, bench, interrupted.signal);
    } finally {
      await bench.close();
    }
  } catch (error) {
    printFailure(error);
    return FAILED;
  }
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
