/**
 * A real Apache Kafka 4: one KRaft node from Maven Central's jars, or a cluster of several, on free ports, in directories that go
 * with them. It is the truth that the conformance suite and the embedded broker are measured by.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { runCommand } from "../clients/install/command.ts";
import { kafkaJars } from "../clients/install/java.ts";
import { kafkajsClient } from "../clients/reference.ts";
import { freePort } from "@gmn/engines";

/** From the start of the JVM to the first answer; 5 s on an idle machine of two cores. */
const START_DEADLINE_MS = 90_000;
/** A clean stop writes its state down; after that it is killed. */
const STOP_DEADLINE_MS = 30_000;
const POLL_MS = 200;
/** Plenty for one node with the suite's few topics. */
const HEAP_MB = 512;
/** How much of what Kafka wrote is kept for the message of its failure. */
const KEPT_OUTPUT_CHARACTERS = 8000;
const CLUSTER_ID = "Z21uLWNvbmZvcm1hbmNlAA";

/** A running Kafka. */
export interface ApacheKafka {
  /** `host:port`. */
  readonly address: string;
  readonly pid: number;
  /** Ends it with this signal; its data stay, for `startAgain`. */
  end(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Starts it on the same data and address. */
  startAgain(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface ApacheKafkaOptions {
  /** Where it listens; a free port by default. */
  readonly port?: number;
  /** Further server properties. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Further listeners: `NAME://host:port`. */
  readonly listeners?: readonly string[];
  /** Memory of the JVM's heap. */
  readonly heap_MB?: number;
  /** Users to log in with SCRAM: `SCRAM-SHA-256=[name=…,password=…]`. */
  readonly scram?: readonly string[];
}

/** Ports that were free a moment ago, all different: Kafka must be told its own before it starts. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** A node's place among the nodes of its cluster. Each is broker and controller. */
interface NodePlace {
  /** From 1. */
  readonly id: number;
  readonly port: number;
  /** Of all nodes, in order of their ids. */
  readonly controllerPorts: readonly number[];
}

function serverProperties(
  directory: string,
  { id, port, controllerPorts }: NodePlace,
  { properties: more = {}, listeners = [] }: ApacheKafkaOptions,
): string {
  const offered = [`PLAINTEXT://127.0.0.1:${port}`, ...listeners].join();
  const controllerPort = controllerPorts[id - 1];
  const voters = controllerPorts.map((each, at) => `${at + 1}@127.0.0.1:${each}`);
  const properties = {
    "process.roles": "broker,controller",
    "node.id": String(id),
    "controller.quorum.voters": voters.join(),
    "listeners": `${offered},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": offered,
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

async function end(
  child: ChildProcess,
  ended: Promise<void>,
  signal: "SIGKILL" | "SIGTERM",
): Promise<void> {
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  child.kill(signal);
  await ended;
  clearTimeout(timer);
}

/** Writes the properties and formats the storage; gives the address and how to start. @throws Error with what Kafka said */
async function prepare(
  directory: string,
  place: NodePlace,
  options: ApacheKafkaOptions,
): Promise<{ address: string; args: string[] }> {
  const jvm = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", `${await kafkaJars()}/*`];
  const properties = join(directory, "server.properties");
  await writeFile(properties, serverProperties(directory, place, options));
  const formatted = await runCommand("java", [
    ...[...jvm, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties],
    ...(options.scram ?? []).flatMap((credentials) => ["--add-scram", credentials]),
  ]);
  if (!formatted.ok) throw new Error(`StorageTool format:\n${formatted.output}`);
  return {
    address: `127.0.0.1:${place.port}`,
    args: [`-Xmx${options.heap_MB ?? HEAP_MB}m`, ...jvm, "kafka.Kafka", properties],
  };
}

/** Kafka's process. */
interface Launched {
  readonly pid: number;
  end(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
}

/** Starts the prepared Kafka. @throws Error with what it said, when it does not start */
async function launch(
  { address, args }: { address: string; args: readonly string[] },
  directory: string,
): Promise<Launched> {
  const child = spawn("java", args, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT_CHARACTERS);
    });
  }
  let isGone = false;
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
    child.on("error", () => resolve());
  }).then(() => {
    isGone = true;
  });
  // Whatever ends this process ends Kafka too.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const launched: Launched = {
    pid: child.pid!,
    async end(signal) {
      await end(child, ended, signal);
      process.off("exit", kill);
    },
  };
  if (!await answers(address, () => isGone)) {
    await launched.end("SIGTERM");
    throw new Error(`Apache Kafka did not start:\n${output}`);
  }
  return launched;
}

/**
 * Starts it; resolves when it answers.
 * @throws Error when the jars can't be had or Kafka does not start, with what it said
 */
export async function startApacheKafka(
  options: ApacheKafkaOptions = {},
): Promise<ApacheKafka> {
  const [free, controllerPort] = await freePorts(2) as [number, number];
  const { port = free } = options;
  return await startNode({ id: 1, port, controllerPorts: [controllerPort] }, options);
}

/**
 * Starts a cluster of `count` nodes; resolves when each answers.
 * @returns the nodes, in order of their ids
 * @throws Error when one of them does not start; none is left then
 */
export async function startKafkaCluster(
  count: number,
  options: ApacheKafkaOptions = {},
): Promise<ApacheKafka[]> {
  const ports = await freePorts(2 * count);
  const controllerPorts = ports.slice(count);
  // All at once: none answers before most of the controllers have found each other.
  const started = await Promise.allSettled(
    ports.slice(0, count).map((port, at) =>
      startNode({ id: at + 1, port, controllerPorts }, options)
    ),
  );
  const nodes = started.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  const failed = started.find((one) => one.status === "rejected");
  if (failed === undefined) return nodes;
  await Promise.all(nodes.map((node) => node.stop()));
  throw failed.reason;
}

async function startNode(place: NodePlace, options: ApacheKafkaOptions): Promise<ApacheKafka> {
  const directory = await mkdtemp(join(tmpdir(), "gmn-kafka-"));
  const clear = () => rm(directory, { recursive: true, force: true });
  try {
    const prepared = await prepare(directory, place, options);
    let launched = await launch(prepared, directory);
    return {
      address: prepared.address,
      get pid() {
        return launched.pid;
      },
      end: (signal) => launched.end(signal),
      async startAgain() {
        launched = await launch(prepared, directory);
      },
      stop: () => launched.end("SIGTERM").finally(clear),
    };
  } catch (error) {
    await clear();
    throw error;
  }
}
