/**
 * The broker as a process of its own (`deno task broker`), for tests that kill it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const COMMAND = fileURLToPath(new URL("../../src/commands/broker.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

export class BrokerProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** Resolves when the process is gone. */
    private readonly exited: Promise<void>,
    readonly kafka: string,
    readonly schemaRegistryUrl: string,
  ) {}

  /** Starts it; resolves when it has said its addresses. Ports of 0 take free ones. */
  static async start(directory: string, kafkaPort = 0): Promise<BrokerProcess> {
    const child = spawn(process.execPath, [
      "run",
      "-A",
      "--config",
      CONFIG,
      COMMAND,
      "--directory",
      directory,
      "--kafka-port",
      String(kafkaPort),
      "--schema-registry-port",
      "0",
    ], { stdio: ["ignore", "pipe", "pipe"] });
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
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

  get kafkaPort(): number {
    return Number(this.kafka.split(":")[1]);
  }

  /** kill -9. */
  kill(): Promise<void> {
    this.child.kill("SIGKILL");
    return this.exited;
  }

  /** An orderly stop. */
  stop(): Promise<void> {
    this.child.kill("SIGTERM");
    return this.exited;
  }
}
