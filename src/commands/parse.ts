/**
 * `parse FILE …`: prints summary files as JSON lines, to show what the service reads from them.
 *
 * Rows are written as they are read; a slow reader slows down the reading, and a reader that ends (`| head`) ends it.
 */
import process from "node:process";
import { explainWithHint } from "@gmn/failures";
import {
  type ReadBatch,
  readSummaryFile,
  type SummaryHeader,
} from "../trajectory/read_summary_file.ts";
import type { TrajectorySummary } from "../trajectory/summary.ts";
import { type Command, EXIT, InterruptedError, namedFile, runCommand } from "./command.ts";

const HELP = `Reads trajectory summary files and prints each row as a line of JSON.

usage: deno task parse FILE …     ("-" is standard input)

To standard output: one JSON object per row, with the fields of schemas/trajectory_summary.avsc in their order; null where
the file has no value, beginning_utc_time in microseconds since 1970-01-01T00:00:00Z. A sporadic meteor has iau_no -1 and iau_code
null, as in the events; the data store has null for both.
To standard error: rejected lines as FILE:LINE: reason, columns that are missing or unknown, and at the end the counts.

exit code  0  every line was read
           1  some lines were rejected, or the last one is cut off
           2  wrong options, or a file could not be read at all: missing, not a summary file, empty
         130  interrupted by a signal
`;

const ALL_READ = EXIT.DONE, SOME_NOT = EXIT.FAILED, REFUSED = EXIT.USAGE;

const encoder = new TextEncoder();

/** Writes all of `text` and waits until it is accepted. @throws Deno.errors.BrokenPipe if the reader has ended */
async function write(stream: typeof Deno.stdout, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

const COMMAND: Command = {
  name: "parse",
  help: HELP,
  options: {},
  operand: "file",
  interrupted: "the input was not read to its end",
  // The reader of our output has seen enough (`parse FILE | head`).
  isEnough: (error) => error instanceof Deno.errors.BrokenPipe,
  async run({ operands, signal }) {
    let code: number = ALL_READ;
    for (const file of operands) code = Math.max(code, await parseFile(file, signal));
    return code;
  },
};

async function parseFile(file: string, signal: AbortSignal): Promise<number> {
  try {
    const chunks = file === "-" ? Deno.stdin.readable : (await Deno.open(namedFile(file))).readable;
    return await printRows(file, readSummaryFile(until(signal, chunks)));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe || error instanceof InterruptedError) throw error;
    await write(Deno.stderr, `${file}: ${explainWithHint(error)}\n`);
    return REFUSED;
  }
}

/** The chunks until the signal aborts. @throws the signal's reason in that case */
async function* until(
  signal: AbortSignal,
  chunks: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const reader = chunks.getReader();
  // A terminal or a pipe may never send anything: `cancel` ends the pending read. (Racing each read against one long-lived promise
  // would keep every chunk in memory for as long as the file is read.)
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    await reader.cancel().catch(() => {});
  }
}

async function printRows(file: string, reading: ReturnType<typeof readSummaryFile>) {
  let header: SummaryHeader | null = null;
  for (;;) {
    const step = await reading.next();
    if (step.done === true) {
      const { rows, rejected, cut, generatedAt } = step.value;
      await write(
        Deno.stderr,
        `${file}: ${rows} rows, ${rejected} lines rejected` +
          (cut ? ", the last line is cut" : "") +
          (generatedAt === null ? "\n" : `; generated ${generatedAt.toISOString()}\n`),
      );
      return rejected > 0 || cut ? SOME_NOT : ALL_READ;
    }
    if (step.value.header !== header) {
      header = step.value.header;
      await write(Deno.stderr, notesOn(file, header));
    }
    await printBatch(file, step.value);
  }
}

async function printBatch(file: string, { rows, rejected }: ReadBatch): Promise<void> {
  await write(Deno.stderr, rejected.map((r) => `${file}:${r.line}: ${r.reason}\n`).join(""));
  await write(Deno.stdout, rows.map((row) => `${jsonOf(row.summary)}\n`).join(""));
}

/** The row as JSON. `JSON.stringify` turns minus zero, which the files have (`-0.0000`), into 0; here it is kept. */
function jsonOf(summary: TrajectorySummary): string {
  if (!Object.values(summary).some((value) => Object.is(value, -0))) return JSON.stringify(summary);
  const members = Object.entries(summary).map(([name, value]) =>
    `${JSON.stringify(name)}:${Object.is(value, -0) ? "-0.0" : JSON.stringify(value)}`
  );
  return `{${members.join(",")}}`;
}

function notesOn(file: string, header: SummaryHeader): string {
  const { unknownColumns, missingColumns } = header;
  return (unknownColumns.length === 0
    ? ""
    : `${file}: columns not known, ignored: ${unknownColumns.join(", ")}\n`) +
    (missingColumns.length === 0
      ? ""
      : `${file}: columns missing, null in every row: ${missingColumns.join(", ")}\n`);
}

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
