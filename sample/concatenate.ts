/**
 * Yearly and `all` files, made from monthly ones the way the real writer does it, odd newlines included.
 *
 * It opens each monthly file as text, where Python reads `\n`, `\r` and `\r\n` all as the end of a line. A monthly line
 * ends with `\n\r`, so every line is read as itself and an empty line. They are copied one by one, with `\n`. The
 * stamp of the first file is omitted, and every line of the others that starts with `#`; the empty lines after omitted lines
 * stay. The result has one carriage return, after its own stamp, an empty line after every line, and four more at the
 * turn of each month.
 */
import { createReadStream } from "node:fs";
import { LINE_END, stampLine } from "./format_row.ts";
import type { Stamp } from "./generation_times.ts";
import { createTextFile } from "./text_file.ts";

/** Writes `target` from monthly files, in the order given. */
export async function concatenate(
  target: string,
  monthlyFiles: readonly string[],
  stamp: Stamp,
): Promise<{ rows: number; size_bytes: number }> {
  await using file = await createTextFile(target);
  await file.write(stampLine(stamp) + LINE_END);
  let headerWritten = false;
  let stampSkipped = false;
  let rows = 0;
  for (const monthly of monthlyFiles) {
    for await (const lines of linesOf(monthly)) {
      const kept = lines.filter((line) => {
        if (headerWritten) return !line.startsWith("#");
        const skip = !stampSkipped;
        stampSkipped = true;
        return !skip;
      });
      rows += kept.filter((line) => line !== "" && !line.startsWith("#")).length;
      if (kept.length > 0) await file.write(kept.join("\n") + "\n");
    }
    headerWritten = true;
  }
  return { rows, size_bytes: await file.finish(stamp.at) };
}

/** The lines of a file, split at Python's universal newlines, without line ends, in batches. */
async function* linesOf(path: string): AsyncGenerator<string[]> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "latin1" })) {
    const text: string = rest + chunk;
    // A carriage return at the end may be half of CR LF: it waits for the next chunk.
    const whole = text.endsWith("\r") ? text.length - 1 : text.length;
    const lines = text.slice(0, whole).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "") + text.slice(whole);
    if (lines.length > 0) yield lines;
  }
  const lines = rest.split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  if (lines.length > 0) yield lines;
}
