/**
 * Redpanda in Docker, with a stand-in for the `docker` client that makes of compose.yaml what an engine would (`stand_in/docker.ts`).
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, expect, test as anyTest } from "vitest";
import { hintOf } from "@gmn/failures";
import type { RunningBroker } from "../../src/broker/broker.ts";
import { type DockerBrokerOptions, startDockerBroker } from "../../src/broker/redpanda.ts";
import { askDockerEngine } from "@gmn/engines";
import { createKafka } from "../../src/events/kafka_client.ts";
import { proveRoundTrip } from "../../src/events/log_round_trip.ts";
import { createObserver, type ServiceEvent, unobserved } from "../../src/observe/observe.ts";
import { until } from "../support/poll.ts";
import {
  type Behaviour,
  installStandIn,
  STAND_IN_FOLDER,
  writeDenoProgram,
} from "./stand_in/behaviour.ts";
import type { Engine } from "./stand_in/docker.ts";

/** Redpanda is for Linux, and these tests look into /proc. */
const test = anyTest.skipIf(process.platform !== "linux");

const DOCKER = `${STAND_IN_FOLDER}/docker.ts`;

let folder: string;
let docker: string;
let events: ServiceEvent[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-docker-"));
  docker = join(folder, "docker");
  events = [];
  await writeDenoProgram(docker, DOCKER, [folder]);
});
afterEach(async () => {
  // Whatever a test leaves running.
  const pid = await containerPid();
  if (pid !== null && existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

async function install(
  engine: Partial<Engine> = {},
  behaviour: Omit<Behaviour, "journal"> = {},
): Promise<void> {
  const { program } = await installStandIn(folder, behaviour);
  await writeFile(
    join(folder, "engine.json"),
    JSON.stringify({ answers: true, redpanda: program.path, ...engine }),
  );
}

function start(options: Partial<DockerBrokerOptions> = {}): Promise<RunningBroker> {
  const observer = createObserver();
  observer.listen((event) => events.push(event));
  return startDockerBroker({
    docker,
    startTimeout_ms: 30_000,
    dataDirectory: join(folder, "data"),
    kafkaPort: 0,
    schemaRegistryPort: 0,
    memory: "1200M",
    observe: observer.observe,
    signal: new AbortController().signal,
    proveLog,
    ...options,
  });
}

const proveLog = (brokers: readonly string[], signal: AbortSignal) =>
  proveRoundTrip(createKafka({ brokers, clientId: "test" }, unobserved), signal);
const asked = async (): Promise<string[][]> =>
  (await readFile(join(folder, "asked.jsonl"), "utf8")).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
const containerPid = async (): Promise<number | null> => {
  const text = await readFile(join(folder, "container.json"), "utf8").catch(() => null);
  return text === null ? null : JSON.parse(text).pid;
};
const said = () => events.flatMap((one) => one.name === "broker.log" ? [one.detail.line] : []);

test("an engine that answers is distinguished from a client without one", async () => {
  await install();
  expect(await askDockerEngine(docker)).toBe("28.2.2");
  await install({ answers: false });
  expect(await askDockerEngine(docker)).toBeNull();
  expect(await askDockerEngine(join(folder, "no docker here"))).toBeNull();
});

test("a client that hangs is not waited for", async () => {
  await writeFile(docker, "#!/bin/sh\nexec sleep 60\n");
  await chmod(docker, 0o755);
  expect(await askDockerEngine(docker)).toBeNull();
});

test("the container is started with the pull's progress shown, used, and stopped", async () => {
  await install();
  const broker = await start();
  await proveLog(broker.brokers, AbortSignal.timeout(10_000));
  expect(await (await fetch(`${broker.schemaRegistryUrl}/subjects`)).json()).toEqual([]);
  expect(said()).toContainEqual(expect.stringContaining("Downloading"));

  await Promise.all([broker.stop(), broker.stop()]);
  expect(await containerPid()).toBeNull();
  expect(events.at(-1)).toMatchObject({ name: "broker.stopped", detail: { kind: "docker" } });
  // Each DATA_DIR has a project, and so a volume, of its own.
  expect((await asked()).at(-1)?.join(" ")).toMatch(
    /--project-name gmn-data-store-[0-9a-f]{8} stop/,
  );
});

test("one that ran before is used as it is, and left running", async () => {
  await install();
  const first = await start();
  const pid = await containerPid();
  const second = await start();
  expect(second.brokers).toEqual(first.brokers);
  await second.stop();
  expect(await containerPid()).toBe(pid);
  await proveLog(first.brokers, AbortSignal.timeout(10_000));
  await first.stop();
  expect(await containerPid()).toBeNull();
});

test("an image that can't be pulled is reported", async () => {
  await install({ pullFails: true });
  const error = await start().catch((thrown: unknown) => thrown);
  expect((error as Error).message).toMatch(/docker compose up failed \(exit 1\).*no such host/);
  expect(hintOf(error)).toContain("BROKER=embedded");
});

test("a container that dies at the start is reported with its last lines, and stopped", async () => {
  await install({}, { diesFromStart: 0 });
  const error = await start({ startTimeout_ms: 3_000 }).catch((thrown: unknown) => thrown);
  expect((error as Error).message).toMatch(/did not start: not ready after .*made up/);
  expect(hintOf(error)).toMatch(/docker compose --project-name gmn-data-store-\w+ logs redpanda/);
});

test("giving up a start stops what was started", async () => {
  const holdFile = join(folder, "hold");
  await writeFile(holdFile, "");
  await install({}, { holdFile });
  const interrupted = new AbortController();
  const given = start({ signal: interrupted.signal }).catch((thrown: unknown) => thrown);
  await until("the container", () => containerPid());
  await rm(holdFile);
  interrupted.abort(new Error("SIGINT"));
  expect(await given).toMatchObject({ message: "SIGINT" });
  expect(await containerPid()).toBeNull();
});
