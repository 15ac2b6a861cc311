/**
 * Splits the output of a program into lines for the log, and keeps the last lines for error messages.
 */
import type { Readable } from "node:stream";

/** A longer line is cut here, so that no program can fill the memory. */
const LINE_CHARACTERS_MAX = 4_000;
/** Enough lines to see why a program ended. */
const KEPT_LINES = 30;

/** Splits chunks of bytes into lines. One instance per stream. */
class Lines {
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(private readonly onLine: (line: string) => void) {}

  /** Adds a chunk; calls back for each complete line. A carriage return ends a line, too, as in the progress of a pull. */
  push(chunk: Uint8Array): void {
    const parts = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r/);
    this.#rest = parts.pop() ?? "";
    if (this.#rest.length > LINE_CHARACTERS_MAX) {
      parts.push(this.#rest);
      this.#rest = "";
    }
    for (const part of parts) this.#give(part);
  }

  /** Ends the stream: the rest is a line, too. */
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
