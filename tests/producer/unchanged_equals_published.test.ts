/**
 * The old way publishes every row of every file, the new way only what changed. Whatever happens, the data store ends the same.
 *
 * The old way is the extraction without `unchanged`. Both have a log of their own and a database that the real sink loads.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OutgoingRecord } from "../../src/events/publisher.ts";
import { HEADERS, TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { extractFile } from "../../src/producer/extract_file.ts";
import type { Progress } from "../../src/producer/extraction.ts";
import { encodeTrajectory } from "../../src/trajectory/codec.ts";
import { readHeader, readSummaryFile } from "../../src/trajectory/read_summary_file.ts";
import { TRAJECTORY_FIELDS } from "../../src/trajectory/schema.ts";
import { createLoadedLog, type LoadedLog } from "./loaded_log.ts";
import { rowLines, summaryText } from "./summary_text.ts";

const FILES = [
  "daily/traj_summary_20261121_solrange_239.0-240.0.txt",
  "monthly/traj_summary_monthly_202611.txt",
  "traj_summary_yearly_2026.txt",
];
/** Of other processes only: their records may be anywhere in between. */
const [BASE, FOREIGN] = [rowLines(9).slice(0, 8), rowLines(9)[8]!];
const columnOf = (name: string) => TRAJECTORY_FIELDS.findIndex((field) => field.name === name);
const [QC, STATIONS, CODES] = ["qc_deg", "num_stat", "participating_stations"].map(columnOf);

/** Which row a line is of, its version, and whether it has fewer stations than others of that row. */
interface LineOf {
  readonly row: number;
  readonly version: number;
  readonly isFewer: boolean;
}

function lineOf({ row, version, isFewer }: LineOf): string {
  const cells = BASE[row]!.split(";");
  cells[QC!] = ` ${version}.25`;
  cells[STATIONS!] = isFewer ? "    2" : "    3";
  cells[CODES!] = isFewer ? " UK000A,UK000B" : " UK000A,UK000B,UK000C";
  return cells.join(";");
}

const stampOf = (hour: number) => new Date(Date.UTC(2026, 10, 23, hour));
const textOf = (lines: readonly LineOf[], hour: number) =>
  summaryText(lines.map(lineOf), stampOf(hour).toISOString());

/** A step of both worlds. `crashes`: after how many publishes the process is killed; `loads`: what the consumer does. */
type Step =
  | {
    readonly kind: "file";
    readonly file: string;
    readonly hour: number;
    readonly lines: readonly LineOf[];
    readonly crashes: number | null;
    readonly follows: boolean;
    readonly elsewhere: number | null;
    readonly portionRows: number;
    readonly unchangedRows: number;
  }
  | {
    readonly kind: "withdrawal" | "foreign" | "foreign withdrawal";
    readonly row: number;
    readonly hour: number;
    readonly version: number;
  }
  | { readonly kind: "load"; readonly most: number }
  | { readonly kind: "restart" };

const row = fc.integer({ min: 0, max: BASE.length - 1 });
const hour = fc.integer({ min: 1, max: 9 });
const version = fc.integer({ min: 1, max: 2 });
const line: fc.Arbitrary<LineOf> = fc.record({
  row,
  // Mostly the same, as in the source.
  version: fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: version }),
  isFewer: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, {
    weight: 1,
    arbitrary: fc.boolean(),
  }),
});
const sometimes = fc.option(fc.integer({ min: 0, max: 3 }), { freq: 3, nil: null });
const file: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("file" as const),
  file: fc.constantFrom(...FILES),
  hour,
  lines: fc.array(line, { minLength: 1, maxLength: 12 }),
  crashes: sometimes,
  elsewhere: sometimes,
  follows: fc.boolean(),
  portionRows: fc.integer({ min: 1, max: 6 }),
  unchangedRows: fc.integer({ min: 1, max: 10 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: file },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "withdrawal" as const,
        "foreign" as const,
        "foreign withdrawal" as const,
      ),
      row,
      hour,
      version,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("load" as const),
      most: fc.constantFrom(1, 3, Infinity, Infinity),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "restart" }) },
);

/** All rows in their first version, so that most lines after it are unchanged. */
const WHOLE: Step = {
  kind: "file",
  file: FILES[0]!,
  hour: 2,
  lines: BASE.map((_, row) => ({ row, version: 1, isFewer: false })),
  crashes: null,
  elsewhere: null,
  follows: true,
  portionRows: 100,
  unchangedRows: 100,
};
/** Each takes about half a second. GMN_PROPERTY_RUNS asks for more. */
const RUNS = Number(process.env.GMN_PROPERTY_RUNS ?? 30);

/** What was wrong once: a key was forgotten as soon as it was loaded, although a line was still judged by an older answer. */
const FOUND: [Step[]][] = [[[
  { kind: "foreign", row: 4, hour: 1, version: 1 },
  {
    kind: "file",
    file: FILES[0]!,
    hour: 2,
    lines: ["0", "2", "2", "4", "0'", "7-", "3", "2", "5", "7-", "0", "1"].map((code) => ({
      row: Number(code[0]),
      version: code[1] === "'" ? 2 : 1,
      isFewer: code[1] === "-",
    })),
    crashes: null,
    elsewhere: 2,
    follows: true,
    portionRows: 5,
    unchangedRows: 4,
  },
]]];

/** On a busy machine there are fewer runs. */
const TIME_LIMIT_MS = RUNS * 1_500;

let old: LoadedLog, now: LoadedLog;
beforeAll(async () => {
  [old, now] = await Promise.all([createLoadedLog(), createLoadedLog()]);
});
afterAll(async () => {
  await old[Symbol.asyncDispose]();
  await now[Symbol.asyncDispose]();
});

async function* chunksOf(text: string, from = 0): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = from; at < bytes.length; at += 1500) yield bytes.slice(at, at + 1500);
}

/** The record of a line, as another process publishes it. */
async function recordOf(text: string, hour: number): Promise<OutgoingRecord> {
  const headers = { [HEADERS.sourceGeneratedAt]: stampOf(hour).toISOString() };
  for await (const { rows } of readSummaryFile(chunksOf(summaryText([text])))) {
    const { summary } = rows[0]!;
    const value = Buffer.from(encodeTrajectory(summary, 1));
    return { key: summary.unique_trajectory_identifier, value, headers };
  }
  throw new Error("no row");
}

class Killed extends Error {}

/** Extracts a file; a killed process is started again, and continues at the last checkpoint. Returns whether it was killed. */
async function extract(
  log: LoadedLog,
  it: Extract<Step, { kind: "file" }>,
  runId: string,
  isNew: boolean,
): Promise<{ rows: Progress["rows"]; isKilled: boolean }> {
  const text = textOf(it.lines, it.hour);
  const elsewhere = await recordOf(FOREIGN, it.hour);
  let isAppended = it.elsewhere === null;
  const appendElsewhere = () => {
    if (!isAppended) log.append(elsewhere);
    isAppended = true;
  };
  const progress: Progress[] = [];
  let publishes = 0;
  let isKilled = false;
  log.follows = it.follows;
  log.fault = (when) => {
    if (!isNew) return;
    if (when === "before" && publishes === it.elsewhere) appendElsewhere();
    if (when === "after" && publishes === it.crashes && !isKilled) {
      isKilled = true;
      throw new Killed();
    }
    if (when === "after") publishes++;
  };
  if (!isNew) appendElsewhere();
  for (;;) {
    const header = await readHeader(chunksOf(text));
    const resume = progress.at(-1);
    try {
      const { rows } = await extractFile({
        runId,
        file: it.file,
        chunks: chunksOf(text, resume?.checkpoint.byteOffset),
        resume: resume === undefined ? undefined : {
          point: {
            header: header.header,
            generatedAt: resume.generatedAt,
            byteOffset: resume.checkpoint.byteOffset,
            lineNumber: resume.checkpoint.lineNumber,
          },
          rows: resume.rows,
        },
        portionRows: it.portionRows,
        unchangedRows: it.unchangedRows,
        progressInterval_ms: 0,
        unchanged: isNew ? log.unchanged : undefined,
        onProgress: (reached) => Promise.resolve(void progress.push(reached)),
      }, log.publisher);
      appendElsewhere();
      return { rows, isKilled };
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      log.restart();
    }
  }
}

async function take(log: LoadedLog, it: Step, runId: string, isNew: boolean) {
  switch (it.kind) {
    case "file":
      return await extract(log, it, runId, isNew);
    case "withdrawal":
    case "foreign withdrawal":
    case "foreign": {
      const made = await recordOf(lineOf({ ...it, isFewer: false }), it.hour);
      const record = it.kind === "foreign" ? made : { ...made, value: null };
      log.fault = () => {};
      if (it.kind !== "withdrawal") log.append(record);
      else await log.publisher.publish(TRAJECTORY_SUMMARY_RAW, [record]);
      return null;
    }
    case "load":
      await log.load(it.most);
      return null;
    case "restart":
      log.restart();
      return null;
  }
}

/** What must be equal: everything but where records are in the log, and when rows were written. */
async function stateOf({ database: { sql } }: LoadedLog) {
  const meteors = await sql`
    select to_jsonb(m) - '{topic_partition,topic_offset,value_digest,line_digest,created_at,updated_at,withdrawn_at,run_id,source_line}'::text[]
        as row, withdrawn_at is null as stands
    from meteor m order by id`;
  return {
    meteors,
    generations: await sql`select * from meteor_generation order by 1`,
    stations: await sql`select * from participating_station order by 1, 2`,
    showers: await sql`select number, code from iau_shower order by 1`,
    members: await sql`
      select distinct file, generated_at, id from source_file_member, unnest(ids) as id order by 1, 2, 3`,
  };
}

const countsOf = async ({ database: { sql } }: LoadedLog, runId: string) =>
  (await sql`
    select coalesce(sum(rows_loaded), 0)::integer as published, coalesce(sum(rows_unchanged), 0)::integer as unchanged,
      coalesce(sum(rows_dead), 0)::integer as dead
    from run_loaded where run_id = ${runId}`)[0];

test(
  "whatever is read, withdrawn, published elsewhere, late or killed: the data store ends as if all was published",
  async () => {
    let [unchanged, written, published] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 9 }), async (steps) => {
        await Promise.all([old.empty(), now.empty()]);
        for (const log of [old, now]) {
          await take(log, WHOLE, "run", log === now);
          await log.load();
        }
        const results = new Map<string, Awaited<ReturnType<typeof extract>>>();
        for (const [at, it] of steps.entries()) {
          await take(old, it, `run-${at}`, false);
          const result = await take(now, it, `run-${at}`, true);
          if (result !== null) results.set(`run-${at}`, result);
        }
        await Promise.all([old.load(), now.load()]);
        expect(await stateOf(now)).toEqual(await stateOf(old));
        for (const [runId, { rows, isKilled }] of results) {
          expect(rows.read).toBe(rows.published + rows.unchanged + rows.rejected);
          unchanged += rows.unchanged;
          const { published, unchanged: confirmed } = rows;
          // What was published twice is counted twice, as ever.
          if (!isKilled) {
            expect(await countsOf(now, runId)).toEqual({
              published,
              unchanged: confirmed,
              dead: 0,
            });
          }
        }
        written += now.records.flat().length;
        published += old.records.flat().length;
      }),
      { numRuns: RUNS, examples: FOUND, interruptAfterTimeLimit: TIME_LIMIT_MS },
    );
    expect(unchanged).toBeGreaterThan(0);
    expect(written).toBeLessThan(published);
  },
  2 * TIME_LIMIT_MS,
);
