/**
 * The embedded broker in a process of its own, by `deno task broker`'s command, with a directory that goes with it.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { taskCommand } from "../support/task_command.ts";

const START_DEADLINE_MS = 30_000;
/** The broker's own limit for a stop is 10 s. */
const STOP_DEADLINE_MS = 15_000;

/** A running broker. */
export interface BrokerProcess {
  /** `host:port`. */
  readonly address: string;
  readonly schemaRegistryUrl: string;
  readonly pid: number;
  /** Ends it and removes its data. @throws Error when it did not end in good order (exit code 0) */
  stop(): Promise<void>;
}

/** Starts it on free ports; resolves when both listeners answer. @throws Error with what it said */
export async function startBrokerProcess(): Promise<BrokerProcess> {
  const directory = await mkdtemp(join(tmpdir(), "gmn-broker-"));
  const child = spawn(process.execPath, [
    ...taskCommand("broker").args,
    ...["--directory", directory, "--kafka-port", "0", "--schema-registry-port", "0"],
  ], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(`${signal ?? code}`));
  });
  const ready = new Promise<{ address: string; schemaRegistryUrl: string }>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        const kafka = /^kafka +(\S+)$/m.exec(output)?.[1];
        const registry = /^schema registry +(\S+)$/m.exec(output)?.[1];
        if (kafka !== undefined && registry !== undefined) {
          resolve({ address: kafka, schemaRegistryUrl: registry });
        }
      });
    }
  });
  // Whatever ends this process ends the broker too.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const end = async (): Promise<string> => {
    const timer = setTimeout(kill, STOP_DEADLINE_MS);
    // Not child.kill(): after it Deno tells of the signal however the process ended, and exit code 0 is what is looked for.
    if (child.exitCode === null) process.kill(child.pid!, "SIGTERM");
    const how = await ended;
    clearTimeout(timer);
    process.off("exit", kill);
    await rm(directory, { recursive: true, force: true });
    return how;
  };
  const timer = setTimeout(kill, START_DEADLINE_MS);
  const started = await Promise.race([ready, ended]);
  clearTimeout(timer);
  if (typeof started === "string") {
    await end();
    throw new Error(`the embedded broker did not start (${started}):\n${output}`);
  }
  return {
    ...started,
    pid: child.pid!,
    async stop() {
      const how = await end();
      if (how !== "0") throw new Error(`the embedded broker ended with ${how}:\n${output}`);
    },
  };
}
