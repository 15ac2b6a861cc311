/** One process of the service (`deno task start` without the task around it), started, watched, and ended in every way. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { until } from "../support/poll.ts";
import { taskCommand } from "../support/task_command.ts";
import type { EventLog } from "./event_log.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CLOCK = fileURLToPath(new URL("./clock.ts", import.meta.url));
const START = taskCommand("start");
/** A start on a busy machine, with PostgreSQL's recovery and a disk that was full. */
const READY_MS = 90_000;
/** A stop takes 80 seconds at most (docs/operations.md). */
export const STOP_MS_MAX = 85_000;

/** What a running service writes into its folder. */
export interface Addresses {
  readonly pid: number;
  readonly http: string | null;
  readonly brokers: readonly string[];
  readonly databaseUrl: string;
}

/** How a process has ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface ServiceProcessOptions {
  readonly name: string;
  readonly dataDirectory: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Its output is appended there. */
  readonly logFile: string;
  readonly clockFile: string;
  readonly events: EventLog;
}

export class ServiceProcess {
  readonly #options: ServiceProcessOptions;
  #child: ChildProcess | null = null;
  #ended: Promise<Ended> = Promise.resolve({ code: null, signal: null });
  /** Whether its end was wanted. */
  #isEnding = true;
  #wasKilled = false;
  #stops = 0;
  /** Ends that nobody wanted, in words. */
  readonly surprises: string[] = [];
  #peak_MB = 0;
  #isGivenUp = false;

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get isUp(): boolean {
    return this.#child !== null;
  }

  /** Whether its last life was to end in this way: by code 0, or by a hurried stop or a kill, if the plan had several. */
  isInOrder({ code, signal }: Ended): boolean {
    // Before the program has begun, a signal has its default effect.
    if (code === 0 || code === 143 || signal === "SIGTERM" || this.#wasKilled) return true;
    return this.#stops > 1 && code === 1;
  }

  /** The most memory that any of its lives had, as far as `look` has seen. */
  get peak_MB(): number {
    return this.#peak_MB;
  }

  /** Its settings, for a command beside it. */
  get settings(): Readonly<Record<string, string>> {
    return { ...this.#options.settings, DATA_DIR: this.#options.dataDirectory };
  }

  /** Starts it, unless it runs. */
  start(): void {
    if (this.#child !== null || this.#isGivenUp) return;
    const { name, clockFile, logFile } = this.#options;
    const [run, ...rest] = START.args;
    const child = spawn(process.execPath, [run!, `--preload=${CLOCK}`, ...rest], {
      cwd: ROOT,
      env: {
        ...process.env,
        ...START.environment,
        ...this.settings,
        LOG_FORMAT: "json",
        CHAOS_CLOCK_FILE: clockFile,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#isEnding = false;
    this.#wasKilled = false;
    this.#stops = 0;
    const log = createWriteStream(logFile, { flags: "a" });
    log.write(`--- ${name} starts, process ${child.pid}\n`);
    this.#listen(child, log);
    this.#ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#child = null;
        log.end(`--- ${name} has ended with ${code ?? signal}\n`);
        if (!this.#isEnding) this.surprises.push(`${name} ended by itself with ${code ?? signal}`);
        resolve({ code, signal });
      });
    });
  }

  #listen(child: ChildProcess, log: WriteStream): void {
    let rest = "";
    child.stdout?.on("data", (chunk) => log.write(chunk));
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      log.write(chunk);
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (!line.startsWith("{")) continue;
        const { event, detail } = JSON.parse(line) as { event: string; detail: object };
        this.#options.events.add({ process: this.name, event, detail: { ...detail } });
      }
    });
  }

  /** Resolves when it is up. @throws Error when it ends instead, or does not come up */
  async ready(): Promise<Addresses> {
    return await until(`${this.name} is up`, async () => {
      if (this.#child === null) throw new Error(`${this.name} ended while it was starting`);
      const addresses = await this.addresses();
      return addresses?.pid === this.#child?.pid ? addresses : null;
    }, READY_MS);
  }

  /** What is in its folder; null while nothing is. */
  async addresses(): Promise<Addresses | null> {
    const text = await readFile(join(this.#options.dataDirectory, "service.json"), "utf8")
      .catch(() => "null");
    return JSON.parse(text) as Addresses | null;
  }

  /** Notes how much memory it has had. */
  async look(): Promise<void> {
    if (this.#child?.pid === undefined) return;
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8").catch(() => "");
    const [, peak_kB = "0"] = /VmHWM:\s+(\d+) kB/.exec(status) ?? [];
    this.#peak_MB = Math.max(this.#peak_MB, Math.round(Number(peak_kB) / 1024));
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#isEnding = true;
    this.#wasKilled = true;
    this.signal("SIGKILL");
    await this.#ended;
  }

  /** kill -9, and no start any more. */
  async giveUp(): Promise<void> {
    this.#isGivenUp = true;
    await this.kill();
  }

  /** SIGTERM. Gives how it ended and how long that took; a stop that takes too long is ended. */
  async stop(): Promise<Ended & { readonly took_ms: number }> {
    this.#isEnding = true;
    this.#stops++;
    const began = performance.now();
    const timer = setTimeout(() => this.signal("SIGKILL"), STOP_MS_MAX);
    this.signal("SIGTERM");
    const ended = await this.#ended;
    clearTimeout(timer);
    return { ...ended, took_ms: performance.now() - began };
  }

  signal(name: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void {
    // Not `child.kill`: Deno then tells of a death by the signal, whatever the exit code was.
    if (this.#child?.pid !== undefined) process.kill(this.#child.pid, name);
  }
}
