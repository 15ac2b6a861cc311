/**
 * The cost of reading: bytes to rows, rows to the wire format, and back; no network, no database.
 *
 *     deno run --allow-read bench/parse.ts [FILE] [--rounds 30]
 *
 * FILE is a summary file of some hundred rows or more; without one, rows are made up. The baseline is the minimum that any
 * JavaScript must do with the text: split each line at its semicolons, `Number` each cell, no checks, no names. Every round
 * measures each case once, and the best round counts: on a busy machine the best is closest to the code's
 * own cost, and all cases meet the same disturbances.
 */
import { parseArgs } from "node:util";
import { createTrajectoryDecoder, encodeTrajectory } from "../src/trajectory/codec.ts";
import { readSummaryFile } from "../src/trajectory/read_summary_file.ts";
import { TRAJECTORY_SCHEMA_TEXT } from "../src/trajectory/schema.ts";
import type { TrajectorySummary } from "../src/trajectory/summary.ts";
import { fileText, row } from "../tests/support/summary_file.ts";

const { values: given, positionals: [file] } = parseArgs({
  options: { rounds: { type: "string", default: "30" } },
  allowPositionals: true,
});
/** About the size of fetch's chunks. */
const CHUNK_BYTES = 64 * 1024;
const MADE_UP_ROWS = 2000;

/** Rows whose digits differ, so that branches are not too predictable. The same in every run. */
function madeUpFile(): string {
  let seed = 1;
  const digit = () => (seed = (seed * 48271) % 2147483647) % 10;
  const rows = Array.from({ length: MADE_UP_ROWS }, (_, i) => {
    const id = `20240812031415_${String(i).padStart(5, "0")}`;
    // Only digits after a decimal point: the values stay valid.
    return row({ id }).replace(/\.\d+/g, (digits) => digits.replace(/\d/g, () => String(digit())));
  });
  return fileText(rows);
}

const bytes = file === undefined
  ? new TextEncoder().encode(madeUpFile())
  : await Deno.readFile(file);

async function* chunks() {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    yield bytes.subarray(at, at + CHUNK_BYTES);
  }
}

async function readRows(): Promise<TrajectorySummary[]> {
  const rows: TrajectorySummary[] = [];
  for await (const batch of readSummaryFile(chunks())) {
    for (const { summary } of batch.rows) rows.push(summary);
  }
  return rows;
}

/** The baseline, with the same chunks. */
async function splitRows(): Promise<number[][]> {
  const rows: number[][] = [];
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks()) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.length > 2 && line[1] !== "#") rows.push(line.split(";").map(Number));
    }
  }
  return rows;
}

const summaries = await readRows();
const values = summaries.map((summary) => encodeTrajectory(summary, 1));
const decode = createTrajectoryDecoder(TRAJECTORY_SCHEMA_TEXT);
const cases: Record<string, () => unknown> = {
  "split + Number (baseline)": splitRows,
  "read: bytes to rows": readRows,
  "encode: row to wire format": () => summaries.map((summary) => encodeTrajectory(summary, 1)),
  "decode: wire format to row": () => values.map((value) => decode(value)),
};

const best_ms: Record<string, number> = {};
for (let round = 0; round < Number(given.rounds); round++) {
  for (const [name, run] of Object.entries(cases)) {
    const start = performance.now();
    await run();
    best_ms[name] = Math.min(best_ms[name] ?? Infinity, performance.now() - start);
  }
}

const [baseline_ms] = Object.values(best_ms);
console.log(`${summaries.length} rows of ${Math.round(bytes.length / summaries.length)} bytes`);
console.log(`${"".padEnd(28)}    rows/s   µs/row   of the baseline's speed`);
for (const [name, ms] of Object.entries(best_ms)) {
  const rowsPerSecond = Math.round(summaries.length / ms * 1000).toLocaleString("en-US");
  const microseconds = (ms * 1000 / summaries.length).toFixed(2);
  const ratio = (baseline_ms / ms).toFixed(2);
  console.log(
    `${name.padEnd(28)} ${rowsPerSecond.padStart(9)} ${microseconds.padStart(8)} ${
      ratio.padStart(6)
    }`,
  );
}
