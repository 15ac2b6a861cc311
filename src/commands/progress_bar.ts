/** Progress display: one line that is rewritten on a terminal, a plain line now and then elsewhere. */
import process from "node:process";

/** How far something is. */
export interface ProgressState {
  /** What is in progress, in a word or two. */
  readonly label: string;
  readonly done: number;
  /** null when unknown. */
  readonly total: number | null;
  /** More details: rows, rate. */
  readonly detail: string;
  /** Nothing goes on: the time left can't be estimated, and the same line is not repeated. */
  readonly waits?: boolean;
}

/** Milliseconds between two drawings on a terminal, and between two plain lines elsewhere. */
const DRAW_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 5_000;
const BAR_CHARACTERS = 24;

/** `[######----]  42 %`, or nothing when the total is unknown. */
export function drawBar({ done, total }: Pick<ProgressState, "done" | "total">): string {
  if (total === null || total === 0) return "";
  const part = Math.min(1, done / total);
  const filled = Math.round(part * BAR_CHARACTERS);
  return `[${"#".repeat(filled)}${"-".repeat(BAR_CHARACTERS - filled)}] ${
    String(Math.floor(part * 100)).padStart(3)
  } %`;
}

/** A number with separators: `1,234`. */
export const count = (n: number): string => n.toLocaleString("en-US");

/** Seconds as `1:05` or `2:03:04`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  const two = (n: number) => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** The line without its end. */
export function lineOf(state: ProgressState, elapsed_s: number): string {
  const { label, done, total, detail, waits = false } = state;
  const left = waits || total === null || done === 0 || done >= total
    ? ""
    : `, ${clock(elapsed_s * (total - done) / done)} left`;
  return [label, drawBar(state), `${detail}${left}`].filter((part) => part !== "").join("  ");
}

/** A line that is longer than the terminal is wide would not be rewritten but left behind: its end is left out. */
export function fitted(line: string, columns: number | undefined): string {
  return columns === undefined || columns === 0 || line.length < columns
    ? line
    : `${line.slice(0, Math.max(0, columns - 2))}…`;
}

/** Draws progress on standard error, no more often than a person can read. */
export class ProgressBar {
  readonly #isTerminal = process.stderr.isTTY === true;
  readonly #began = performance.now();
  #drawnAt = -Infinity;
  #drawn: ProgressState | null = null;

  /** Seconds since the bar was made. */
  get elapsed_s(): number {
    return (performance.now() - this.#began) / 1000;
  }

  update(state: ProgressState, isLast = false): void {
    const now = performance.now();
    const interval = this.#isTerminal ? DRAW_INTERVAL_MS : LINE_INTERVAL_MS;
    const isNew = state.label !== this.#drawn?.label;
    if (!isLast && !isNew && now - this.#drawnAt < interval) return;
    const line = lineOf(state, this.elapsed_s);
    const isRepeated = state.waits === true && this.#drawn !== null &&
      line === lineOf(this.#drawn, this.elapsed_s);
    this.#drawnAt = now;
    this.#drawn = state;
    if (this.#isTerminal) {
      process.stderr.write(`\r\x1b[K${fitted(line, process.stderr.columns)}${isLast ? "\n" : ""}`);
    } else if (!isRepeated) process.stderr.write(`${line}\n`);
  }

  /** Clears the line on a terminal, to make way for other output. */
  clear(): void {
    if (this.#isTerminal) process.stderr.write("\r\x1b[K");
  }
}
