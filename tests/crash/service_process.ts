/**
 * The service as a process of its own (`deno task start`), for tests that kill it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { readAddresses, type ServiceAddresses } from "../../src/service/address_file.ts";
import { until } from "../support/poll.ts";
import { taskCommand } from "../support/task_command.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START = taskCommand("start");
/** A boot on a busy machine. */
const BOOT_MS = 60_000;

export class ServiceProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** Resolves with the exit code when the process is gone; null when a signal ended it. */
    readonly exited: Promise<number | null>,
    private readonly dataDirectory: string,
    private readonly output: string[],
  ) {}

  /** Starts it with these settings; the rest of the environment is the test's. `within` is a command that becomes the service. */
  static start(
    settings: Readonly<Record<string, string>>,
    within: readonly string[] = [],
  ): ServiceProcess {
    // The program itself, not `deno task`: a kill must hit the service, not a shell around it.
    const [program, ...args] = [...within, process.execPath, ...START.args];
    const child = spawn(program!, args, {
      cwd: ROOT,
      env: { ...process.env, ...START.environment, ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output: string[] = [];
    child.stdout?.on("data", (chunk) => output.push(String(chunk)));
    child.stderr?.on("data", (chunk) => output.push(String(chunk)));
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
    return new ServiceProcess(child, exited, settings.DATA_DIR!, output);
  }

  /** The API's address, when the service is up. @throws Error with its output when it ends instead */
  ready(): Promise<string> {
    return this.#up((addresses) => addresses.http);
  }

  /** The same for a process that may have no role http. */
  async booted(): Promise<void> {
    await this.#up(() => true);
  }

  #up<Answer>(answer: (addresses: ServiceAddresses) => Answer | null): Promise<Answer> {
    const up = until<Answer>("the service is up", async () => {
      const addresses = await readAddresses(this.dataDirectory);
      return addresses !== null && addresses.pid === this.child.pid ? answer(addresses) : null;
    }, BOOT_MS);
    const ended = this.exited.then((code) => {
      throw new Error(`the service ended with ${code}:\n${this.said}`);
    });
    return Promise.race([up, ended]);
  }

  /** Everything it has said. */
  get said(): string {
    return this.output.join("");
  }

  /** What happened so far, of a process with LOG_FORMAT=json. */
  events(name: string): { at: string; detail: Record<string, unknown> }[] {
    return this.said.split("\n").filter((line) => line.includes(`"event":"${name}"`))
      .map((line) => JSON.parse(line));
  }

  /** Stops it where it stands (SIGSTOP); `thaw` lets it go on. */
  freeze(): void {
    process.kill(this.child.pid!, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.child.pid!, "SIGCONT");
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }

  /** An orderly stop. Gives the exit code. */
  stop(): Promise<number | null> {
    // Not `child.kill`: Deno then tells of a death by the signal, whatever the exit code was.
    if (this.child.pid !== undefined && this.child.exitCode === null) {
      process.kill(this.child.pid, "SIGTERM");
    }
    return this.exited;
  }
}
