/**
 * A real Apache Kafka 4: one KRaft node from Maven Central's jars, on free ports, in a directory that goes with it. It is the
 * truth that the conformance suite and the embedded broker are measured by.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastLine, runCommand } from "../clients/install/command.ts";
import { kafkaJars } from "../clients/install/java.ts";
import { kafkajsClient } from "../clients/reference.ts";

/** From the start of the JVM to the first answer; 5 s on an idle machine of two cores. */
const START_DEADLINE_MS = 90_000;
/** A clean stop writes its state down; after that it is killed. */
const STOP_DEADLINE_MS = 30_000;
const POLL_MS = 200;
const CLUSTER_ID = "Z21uLWNvbmZvcm1hbmNlAA";

/** A running Kafka. */
export interface ApacheKafka {
  /** `host:port`. */
  readonly address: string;
  readonly pid: number;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** A port that was free a moment ago: Kafka must be told its own port before it starts. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        resolve(address !== null && typeof address === "object" ? address.port : 0)
      );
    });
  });
}

function serverProperties(
  directory: string,
  port: number,
  controllerPort: number,
  more: Readonly<Record<string, string>>,
): string {
  const properties = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "listeners": `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "log.dirs": join(directory, "logs"),
    // One node: internal topics can't have the three replicas of the default.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    // As the embedded broker and Redpanda as this project runs it.
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    ...more,
  };
  return Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join("");
}

/** Asks until the broker gives its metadata, or is gone. */
async function answers(address: string, isGone: () => boolean): Promise<boolean> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (!isGone() && performance.now() < deadline) {
    const admin = kafkajsClient(address).admin();
    try {
      await admin.connect();
      if ((await admin.describeCluster()).brokers.length > 0) return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    } finally {
      await admin.disconnect();
    }
  }
  return false;
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  child.kill("SIGTERM");
  await ended;
  clearTimeout(timer);
}

/**
 * Starts it; resolves when it answers.
 * @param more further server properties
 * @throws Error when the jars can't be had or Kafka does not start, with what it said
 */
export async function startApacheKafka(
  more: Readonly<Record<string, string>> = {},
): Promise<ApacheKafka> {
  const classPath = [
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-cp",
    `${await kafkaJars()}/*`,
  ];
  const directory = await mkdtemp(join(tmpdir(), "gmn-kafka-"));
  const properties = join(directory, "server.properties");
  const port = await freePort();
  await writeFile(properties, serverProperties(directory, port, await freePort(), more));
  const formatted = await runCommand("java", [
    ...[...classPath, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties],
  ]);
  if (!formatted.ok) {
    await rm(directory, { recursive: true, force: true });
    throw new Error(`StorageTool format: ${lastLine(formatted.output)}\n${formatted.output}`);
  }
  const child = spawn("java", ["-Xmx512m", ...classPath, "kafka.Kafka", properties], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => output = (output + text).slice(-8000));
  }
  let isGone = false;
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
    child.on("error", () => resolve());
  }).then(() => {
    isGone = true;
  });
  const stop = async (): Promise<void> => {
    await end(child, ended);
    await rm(directory, { recursive: true, force: true });
  };
  const address = `127.0.0.1:${port}`;
  if (!await answers(address, () => isGone)) {
    await stop();
    throw new Error(`Apache Kafka did not start:\n${output}`);
  }
  return { address, pid: child.pid!, stop };
}
