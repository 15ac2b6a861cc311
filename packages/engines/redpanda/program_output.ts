/**
 * The output of a program that runs beside this process, as lines for the log, with the last ones kept for error messages.
 */
import type { Readable } from "node:stream";

/** A line that does not end is cut here: no program may fill the memory. */
const LINE_CHARACTERS_MAX = 4_000;
/** Enough to see why a program ended. */
const KEPT_LINES = 30;

/** Cuts chunks of bytes into lines. One per stream. */
class Lines {
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(private readonly onLine: (line: string) => void) {}

  /** Takes a chunk; calls back for each line that is whole (a carriage return ends one too, as in the progress of a pull). */
  push(chunk: Uint8Array): void {
    const parts = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r/);
    this.#rest = parts.pop() ?? "";
    if (this.#rest.length > LINE_CHARACTERS_MAX) {
      parts.push(this.#rest);
      this.#rest = "";
    }
    for (const part of parts) this.#give(part);
  }

  /** The stream has ended: what is left is a line too. */
  end(): void {
    this.#give(this.#rest);
    this.#rest = "";
  }

  #give(line: string): void {
    const shown = line.trimEnd().slice(0, LINE_CHARACTERS_MAX);
    if (shown !== "") this.onLine(shown);
  }
}

/** Calls back for each line of a stream. */
export function eachLine(stream: Readable | null, onLine: (line: string) => void): void {
  const lines = new Lines(onLine);
  stream?.on("data", (chunk: Uint8Array) => lines.push(chunk)).on("end", () => lines.end());
}

/** The last lines of a program. */
export class Tail {
  readonly #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }
}
