/**
 * A child process that answers requests, one line of JSON each way, in order: how the suite talks to clients in other
 * languages.
 *
 *     → {"do":"create_topic","topic":"t","partitions":3}
 *     ← {"ok":{}}                        or {"error":"what the client said"}
 *
 * It ends when its standard input does.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A driver that does not answer for so long hangs; single requests wait less by themselves. */
const ANSWER_DEADLINE_MS = 60_000;
/** Time to leave groups and close connections after the end of input. */
const EXIT_DEADLINE_MS = 10_000;
/** How much of what a driver wrote to stderr is kept for the message of its failure. */
const KEPT_STDERR_CHARACTERS = 4000;

/** How to start a driver. */
export interface DriverCommand {
  readonly command: string;
  readonly args: readonly string[];
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** One running driver. */
export class DriverProcess {
  private readonly child: ChildProcess;
  private readonly exited: Promise<void>;
  private readonly waiting: Waiting[] = [];
  private stderr = "";
  private ended: string | null = null;

  constructor(private readonly driver: DriverCommand, broker: string) {
    this.child = spawn(driver.command, [...driver.args, broker], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-KEPT_STDERR_CHARACTERS);
    });
    createInterface({ input: this.child.stdout! }).on("line", (line) => this.onLine(line));
    // A driver that died is reported to the request that waits for it, not as an error of the pipe.
    this.child.stdin!.on("error", () => {});
    this.exited = new Promise((resolve) => {
      this.child.on("error", (error) => this.end(`could not be started: ${error.message}`));
      this.child.on("close", (code, signal) => {
        this.end(`ended with ${signal ?? code}`);
        resolve();
      });
      this.child.on("error", () => resolve());
    });
  }

  /** Sends a request; gives what came with "ok". @throws Error with what the client said, or with how the driver ended */
  async request<Answer = unknown>(what: string, fields: object = {}): Promise<Answer> {
    if (this.ended !== null) throw this.failure(what);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.waiting.push({ resolve, reject: () => reject(this.failure(what)) });
    const timer = setTimeout(() => {
      this.ended = `gave no answer within ${ANSWER_DEADLINE_MS} ms`;
      this.child.kill("SIGKILL");
      reject(this.failure(what));
    }, ANSWER_DEADLINE_MS);
    this.child.stdin!.write(JSON.stringify({ do: what, ...fields }) + "\n");
    try {
      const answer = await promise as { ok?: Answer; error?: string };
      if (answer.ok === undefined) throw new Error(`${what}: ${answer.error}`);
      return answer.ok;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends its input and waits for its end; one that does not end is killed. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), EXIT_DEADLINE_MS);
    this.child.stdin!.end();
    await this.exited;
    clearTimeout(timer);
  }

  private failure(what: string): Error {
    const { command, args } = this.driver;
    return new Error(`${what}: ${command} ${args.at(-1)} ${this.ended}\n${this.stderr}`);
  }

  private end(how: string): void {
    this.ended ??= how;
    for (const { reject } of this.waiting.splice(0)) reject(new Error(how));
  }

  private onLine(line: string): void {
    const next = this.waiting.shift();
    if (next === undefined) return;
    try {
      next.resolve(JSON.parse(line));
    } catch {
      this.ended ??= `wrote something else than JSON: ${line}`;
      next.reject(new Error(line));
    }
  }
}
