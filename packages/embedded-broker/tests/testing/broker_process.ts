/**
 * Runs the broker in its own process (`broker_program.ts`), for tests that kill it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./broker_program.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../../deno.json", import.meta.url));

export class BrokerProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** Resolves with the exit code when the process has exited. */
    private readonly exited: Promise<number | null>,
    readonly kafka: string,
    readonly schemaRegistryUrl: string,
  ) {}

  /**
   * Starts it; resolves when it has printed its addresses.
   * @param largestFile_kb size limit of each file that it writes, which simulates a full disk
   */
  static async start(directory: string, largestFile_kb?: number): Promise<BrokerProcess> {
    const command = [
      process.execPath,
      ...["run", "-A", "--config", CONFIG, PROGRAM, directory],
    ];
    // The signal is ignored, because otherwise a write beyond the limit would kill the process instead of failing.
    const limit = `ulimit -f ${largestFile_kb}; trap '' XFSZ; exec "$0" "$@"`;
    const [program, ...args] = largestFile_kb === undefined
      ? command
      : ["bash", "-c", limit, ...command];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
    let output = "";
    const ready = new Promise<[string, string]>((resolve) => {
      const look = (chunk: unknown) => {
        output += chunk;
        const found = /kafka\s+(\S+)\nschema registry\s+(\S+)\n/.exec(output);
        if (found !== null) resolve([found[1], found[2]]);
      };
      child.stdout?.on("data", look);
      child.stderr?.on("data", look);
    });
    const failed = exited.then(() => {
      throw new Error(`the broker did not start:\n${output}`);
    });
    failed.catch(() => {});
    const [kafka, url] = await Promise.race([ready, failed]);
    return new BrokerProcess(child, exited, kafka, url);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }

  /** Stops it in order. Returns the exit code. */
  stop(): Promise<number | null> {
    // Not `child.kill`: Deno then reports that the signal ended the process, whatever its exit code.
    process.kill(this.pid, "SIGTERM");
    return this.exited;
  }
}
