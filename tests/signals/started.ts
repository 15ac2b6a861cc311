/**
 * `npx … deno task start` of a project copy, as its user: what it says, its processes, its ports, its end.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { ServiceAddresses } from "../../src/service/address_file.ts";
import { until } from "../support/poll.ts";
import { processesBelow } from "../support/process_list.ts";
import { NPX_TASK, type ProjectCopy } from "./project_copy.ts";

/** A boot on a busy machine. */
const BOOT_MS = 60_000;
/** The longest end of all rows: a hurried one with a Redpanda that refuses. */
const END_MS = 20_000;

export interface StartOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly task?: string;
  /** Wraps the words of the command into another command. */
  readonly wrap?: (words: readonly string[]) => readonly string[];
  /** Where the log goes when it does not come on standard error. */
  readonly logFile?: string;
}

/** One entry of the log. */
export interface LogEntry {
  readonly event: string;
  readonly level: string;
  readonly detail: Record<string, unknown>;
}

export class Started {
  #out = "";
  #err = "";
  readonly child: ChildProcess;
  /** Resolves when all that it and its children have said is here. */
  readonly #heard: Promise<void>;
  /** The exit code of what was started (npx), as a shell tells it: 128 and the signal's number when one ended it. */
  readonly exited: Promise<number>;

  private constructor(
    readonly copy: ProjectCopy,
    readonly dataDirectory: string,
    private readonly logFile: string | undefined,
    words: readonly string[],
    settings: Readonly<Record<string, string>>,
  ) {
    const { user, project, environment } = copy;
    const [program = "", ...args] = words;
    // Never `child.kill`: Deno then tells of a death by the signal, whatever the exit code was.
    const child = this.child = spawn(program, args, {
      cwd: project,
      // A group and a session of its own, as a job of an interactive shell has a group.
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...environment, ...settings },
      ...(user.uid === process.getuid?.() ? {} : { uid: user.uid, gid: user.gid }),
    });
    this.#heard = new Promise((resolve) => child.once("close", () => resolve()));
    child.stdout?.on("data", (chunk) => this.#out += String(chunk));
    child.stderr?.on("data", (chunk) => this.#err += String(chunk));
    child.stdin?.on("error", () => {});
    this.exited = new Promise((resolve) =>
      child.once(
        "exit",
        (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      )
    );
  }

  /** Starts it; all ports are free ones, and nothing outside this machine is asked. */
  static start(copy: ProjectCopy, options: StartOptions = {}): Started {
    const settings = {
      DATA_DIR: join(copy.base, "data"),
      GMN_DATA_URL: copy.source,
      IAU_SHOWER_URL: "off",
      HTTP_PORT: "0",
      KAFKA_PORT: "0",
      SCHEMA_REGISTRY_PORT: "0",
      POSTGRES_PORT: "0",
      BROKER: "embedded",
      LOG_FORMAT: "json",
      ...options.settings,
    };
    const words = [...NPX_TASK, options.task ?? "start"];
    const { wrap = (same) => same, logFile } = options;
    return new Started(copy, settings.DATA_DIR, logFile, wrap(words), settings);
  }

  /** Standard output so far. */
  get out(): string {
    return this.#out;
  }

  /** Standard error so far. */
  get err(): string {
    return this.#err;
  }

  async log(): Promise<LogEntry[]> {
    const text = this.logFile === undefined
      ? this.#err
      : await readFile(this.logFile, "utf8").catch(() => "");
    return text.split("\n").filter((line) => line.startsWith('{"at"')).map((line) =>
      JSON.parse(line)
    );
  }

  /** The entries of one name. */
  async events(name: string): Promise<LogEntry[]> {
    return (await this.log()).filter(({ event }) => event === name);
  }

  /** Waits until the log has an event of this name. */
  async says(name: string): Promise<LogEntry> {
    return await until(`${name} in the log`, async () => (await this.events(name))[0], BOOT_MS);
  }

  /** Where it listens, as soon as it is ready. @throws Error with its output when it ends instead */
  async ready(): Promise<ServiceAddresses> {
    const file = join(this.dataDirectory, "service.json");
    let ended = false;
    void this.exited.then(() => ended = true);
    return await until("the service is ready", async () => {
      if (ended) throw new Error(`it ended:\n${this.#out}\n${this.#err}`);
      const text = await readFile(file, "utf8").catch(() => null);
      if (text === null) return null;
      const addresses = JSON.parse(text) as ServiceAddresses;
      // A killed service leaves its file behind.
      return (await this.processes()).some(({ pid }) => pid === addresses.pid) && addresses;
    }, BOOT_MS);
  }

  processes() {
    return processesBelow(this.copy.base);
  }

  /** The service's own process, below npx and `deno task`. */
  async servicePid(): Promise<number> {
    return await until(
      "a process of the service",
      async () =>
        (await this.processes()).find(({ command }) =>
          / run .*src\/main\.ts/.test(command) && !/ task |^sh /.test(command)
        )?.pid,
      BOOT_MS,
    );
  }

  /** Waits until not one process is left, and its last words have been read. @throws Error naming those that are left */
  async gone(limit_ms = END_MS): Promise<void> {
    let left: readonly { command: string }[] = [];
    await until("no process is left", async () => {
      left = await this.processes();
      return left.length === 0;
    }, limit_ms).catch((error: Error) => {
      throw new Error(`${error.message}\n${JSON.stringify(left, null, 1)}\n${this.#err}`);
    });
    // npx may end long before the service, and its pipes are the service's, too.
    await this.#heard;
  }
}

/** All ports of a service. */
export function portsOf(addresses: ServiceAddresses): number[] {
  const urls = [addresses.http ?? "", addresses.schemaRegistryUrl, addresses.databaseUrl];
  return [
    ...urls.map((url) => Number(new URL(url).port)),
    ...addresses.brokers.map((broker) => Number(broker.split(":")[1])),
  ];
}

/** Whether somebody listens on this port. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
