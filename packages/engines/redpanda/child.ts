/**
 * Runs Redpanda as a process: starts it, passes its output on line by line, and stops it.
 *
 * It gets its own session, so that a Ctrl-C in the terminal reaches only this process, which stops Redpanda when nobody
 * needs it any longer. It also gets its own environment, because ours contains secrets that it must not see and variables
 * (`REDPANDA_…`, `RPK_…`) that override rpk's configuration.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { RedpandaProgram } from "./find_program.ts";
import { eachLine, Tail } from "./program_output.ts";
import type { LineLevel, OnRedpandaEvent } from "./running.ts";

/** How the process ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Its last lines of output. */
  readonly lines: readonly string[];
}

/** How long a stop may take after a second request to stop. Acknowledged records are on disk; the next start reads them. */
const HURRIED_STOP_MS = 2_000;

/** Environment variables that are passed to the program. */
const PASSED_ON = ["PATH", "HOME", "TMPDIR", "LANG", "TZ"];

/** A started process. */
export class RedpandaChild {
  /** Resolves when the process has exited and its output has been read. Never rejects. */
  readonly ended: Promise<ChildEnd>;
  readonly #child: ChildProcess;
  #isGone = false;

  constructor(program: RedpandaProgram, args: readonly string[], onEvent: OnRedpandaEvent) {
    this.#child = spawn(program.path, args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: Object.fromEntries(
        PASSED_ON.flatMap((name) => {
          const value = process.env[name];
          return value === undefined ? [] : [[name, value]];
        }),
      ),
    });
    const tail = new Tail();
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      eachLine(stream, (line) => {
        tail.add(line);
        onEvent({ kind: "line", level: levelOf(line), line });
      });
    }
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null) => {
        this.#isGone = true;
        resolve({ code, signal, lines: tail.lines });
      };
      this.#child.once("close", end);
      this.#child.once("error", (error) => {
        tail.add(error.message);
        end(null, null);
      });
    });
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Asks it to stop and waits. If it does not stop within `patience_ms`, or within `HURRIED_STOP_MS` after `hurry` aborts, it is
   * killed together with all processes it has started.
   * @returns whether it had to be killed
   */
  async stop(patience_ms: number, hurry?: AbortSignal): Promise<boolean> {
    if (this.#isGone) return false;
    let killed = false;
    const kill = () => {
      killed = true;
      this.#signal("SIGKILL", -1);
    };
    let timer = setTimeout(kill, patience_ms);
    const hurried = () => {
      clearTimeout(timer);
      timer = setTimeout(kill, Math.min(HURRIED_STOP_MS, patience_ms));
    };
    // To the process only: a signal to the group would also reach its children, which it stops in its own order.
    this.#signal("SIGTERM", 1);
    if (hurry?.aborted) hurried();
    hurry?.addEventListener("abort", hurried, { once: true });
    await this.ended;
    hurry?.removeEventListener("abort", hurried);
    clearTimeout(timer);
    return killed;
  }

  /**
   * Sends a signal to the process (1) or to its whole process group (-1). `ChildProcess.kill` is not used: Deno then reports
   * that the signal ended the process, whatever its exit code.
   */
  #signal(signal: "SIGTERM" | "SIGKILL", to: 1 | -1): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(to * pid, signal);
    } catch {
      // It has exited; `ended` reports that.
    }
  }
}

/**
 * The level of a Redpanda log line in our log. Its lines begin with a level. Redpanda reports errors that are harmless to us
 * (a file system it has not been tested on), so each level is lowered by one.
 */
function levelOf(line: string): LineLevel {
  const [level] = /^(?:ERROR|WARN|INFO|DEBUG|TRACE)\b/.exec(line) ?? [];
  return level === "ERROR" ? "warning" : level === "WARN" ? "info" : "debug";
}
