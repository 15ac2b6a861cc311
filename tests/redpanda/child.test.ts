/**
 * Redpanda as a child process, with a stand-in that refuses what Redpanda does not document (`stand_in/`).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test as anyTest } from "vitest";
import { parse } from "@std/yaml/parse.js";
import { hintOf, PermanentError } from "@gmn/failures";
import type { RunningBroker } from "../../src/broker/broker.ts";
import { type RedpandaBrokerOptions, startRedpandaBroker } from "../../src/broker/redpanda.ts";
import { createKafka } from "../../src/events/kafka_client.ts";
import { proveRoundTrip } from "../../src/events/log_round_trip.ts";
import { createObserver, type ServiceEvent, unobserved } from "../../src/observe/observe.ts";
import { until } from "../support/poll.ts";
import { processesBelow } from "../support/process_list.ts";
import { type Behaviour, installStandIn, type StandIn } from "./stand_in/behaviour.ts";

/** Redpanda is for Linux, and these tests look into /proc. */
const test = anyTest.skipIf(process.platform !== "linux");

/** Back-off that a test has time for. */
const QUICK = { base_ms: 10, cap_ms: 20, attempts: 3 };

const OWNER = fileURLToPath(new URL("./owner_process.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

let folder: string;
let directory: string;
let events: ServiceEvent[];
const running: RunningBroker[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-redpanda-"));
  directory = join(folder, "data with a space", "redpanda");
  events = [];
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function start(
  standIn: StandIn,
  options: Partial<RedpandaBrokerOptions> = {},
): Promise<RunningBroker> {
  const observer = createObserver();
  observer.listen((event) => events.push(event));
  const broker = await startRedpandaBroker({
    program: standIn.program,
    directory,
    kafkaPort: 0,
    schemaRegistryPort: 0,
    memory: "1200M",
    observe: observer.observe,
    proveLog: (brokers, signal) =>
      proveRoundTrip(createKafka({ brokers, clientId: "test" }, unobserved), signal),
    ...options,
    patience: { restarts: QUICK, ...options.patience },
  });
  running.push(broker);
  return broker;
}

const failureOf = (starting: Promise<unknown>) =>
  starting.then(() => expect.unreachable("it started"), (error: unknown) => error);
const named = <Name extends ServiceEvent["name"]>(name: Name) =>
  events.filter((one) => one.name === name) as Extract<ServiceEvent, { name: Name }>[];
const pidOf = async (): Promise<number> =>
  JSON.parse(await readFile(join(directory, "process.json"), "utf8")).pid;
const roundTrip = (broker: RunningBroker) =>
  proveRoundTrip(
    createKafka({ brokers: broker.brokers, clientId: "test" }, unobserved),
    AbortSignal.timeout(10_000),
  );
/** A zombie, which nobody has waited for, is dead: it has no command line. */
const isAlive = async (pid: number) =>
  (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")) !== "";

test.each(["redpanda", "rpk"] as const)(
  "%s: started with documented flags, ready, its log is ours, stopped in order",
  async (form) => {
    const standIn = await installStandIn(folder, {}, form);
    const broker = await start(standIn);
    const pid = await pidOf();
    // It leads a group and a session of its own: a Ctrl-C in the terminal is not for it.
    const [, , group, session] = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!
      .split(" ").map(Number);
    expect([group, session]).toEqual([pid, pid]);
    await roundTrip(broker);
    expect(await (await fetch(`${broker.schemaRegistryUrl}/subjects`)).json()).toEqual([]);
    expect(named("broker.log").map(({ detail }) => detail.line).join("\n")).toMatch(
      /Started Kafka API server[\s\S]*Successfully started Redpanda!/,
    );

    await Promise.all([broker.stop(), broker.stop()]);
    expect(await isAlive(pid)).toBe(false);
    expect(named("broker.log").at(-1)?.detail.line).toContain("Shutdown complete.");
    expect(events.at(-1)?.name).toBe("broker.stopped");
    await expect(pidOf()).rejects.toThrow(/ENOENT/);
  },
);

test("it is durable, and sees none of our secrets", async () => {
  process.env.API_TOKEN = "a secret of sixteen characters";
  const standIn = await installStandIn(folder);
  await start(standIn);
  delete process.env.API_TOKEN;
  const [{ args, environment }] = await standIn.starts();
  expect(args.join(" ")).toContain("--smp 1 --memory 1200M");
  expect(args).toContain("--unsafe-bypass-fsync=false");
  expect(environment).not.toContain("API_TOKEN");
  const configuration = parse(await readFile(join(directory, "conf/redpanda.yaml"), "utf8"));
  expect(configuration).toMatchObject({
    redpanda: { developer_mode: false, data_directory: join(directory, "data") },
  });
  const cluster = parse(await readFile(join(directory, "conf/.bootstrap.yaml"), "utf8"));
  expect(cluster).toMatchObject({ write_caching_default: "false", enable_metrics_reporter: false });
});

test("a slow start is waited for; giving it up leaves no process", async () => {
  const holdFile = join(folder, "hold");
  await writeFile(holdFile, "");
  const standIn = await installStandIn(folder, { holdFile });
  const interrupted = new AbortController();
  const given = failureOf(start(standIn, { signal: interrupted.signal }));
  const pid = await until("a process", () => pidOf().catch(() => null));
  interrupted.abort(new Error("SIGINT"));
  expect(await given).toMatchObject({ message: "SIGINT" });
  expect(await isAlive(pid)).toBe(false);

  const starting = start(standIn);
  await until("a second process", () => pidOf().catch(() => null));
  await rm(holdFile);
  await roundTrip(await starting);
});

test("a start that never gets ready ends, and says what was missing", async () => {
  const holdFile = join(folder, "hold");
  await writeFile(holdFile, "");
  const standIn = await installStandIn(folder, { holdFile });
  const error = await failureOf(start(standIn, { patience: { start_ms: 1_500 } }));
  expect(error).toBeInstanceOf(PermanentError);
  expect((error as Error).message).toMatch(/not ready after 2 s: .*("booting"|connect)/);
});

test.each<[string, Omit<Behaviour, "journal">, Partial<RedpandaBrokerOptions>, RegExp, RegExp]>([
  [
    "a death at the start",
    { diesFromStart: 0 },
    {},
    /ended before it was ready: it exited with 1: .*made up/,
    /LOG_LEVEL=debug/,
  ],
  [
    "less memory than a node must have",
    {},
    { memory: "512M" },
    /Memory: '536870912' below recommended: '1073741824'/,
    /REDPANDA_MEMORY/,
  ],
  [
    "a machine that has too little",
    { availableMemory: 1_027_604_480 },
    {},
    /insufficient physical memory: needed 1258291200 available 1027604480/,
    /2 GB.*REDPANDA_MEMORY/,
  ],
])("%s is reported with its reason", async (_, behaviour, options, message, hint) => {
  const standIn = await installStandIn(folder, behaviour);
  const error = await failureOf(start(standIn, options));
  expect(error).toBeInstanceOf(PermanentError);
  expect((error as Error).message).toMatch(message);
  expect(hintOf(error)).toMatch(hint);
  expect(await standIn.starts()).toHaveLength(1);
});

test.each([["kafkaPort", "KAFKA_PORT"], ["schemaRegistryPort", "SCHEMA_REGISTRY_PORT"]])(
  "a %s in use is reported before anything is started",
  async (option, setting) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const standIn = await installStandIn(folder);
    const error = await failureOf(start(standIn, { [option]: port }));
    expect((error as Error).message).toContain(`port ${port} on 127.0.0.1`);
    expect(hintOf(error)).toContain(setting);
    expect(await standIn.starts()).toEqual([]);
    other.close();
  },
);

test("a port that another program takes in between is chosen anew", async () => {
  const standIn = await installStandIn(folder, { findsPortTaken: true });
  const broker = await start(standIn);
  expect(await standIn.starts()).toHaveLength(2);
  expect(broker.brokers).toHaveLength(1);
  expect(named("broker.log").map(({ detail }) => detail.line)).toContainEqual(
    expect.stringMatching(/Address already in use.*; trying other ports/),
  );
});

test("a program that can't be executed is reported", async () => {
  const standIn = await installStandIn(folder);
  const program = { ...standIn.program, path: join(folder, "nothing") };
  expect(await failureOf(start({ ...standIn, program }))).toMatchObject({
    message: expect.stringMatching(/could not be executed.*ENOENT/),
  });
});

test("killed under load, it is started again; what was acknowledged is there", async () => {
  const standIn = await installStandIn(folder);
  const broker = await start(standIn);
  const kafka = createKafka({ brokers: broker.brokers, clientId: "test" }, unobserved);
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "load", numPartitions: 1 }] });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  let acknowledged = 0;
  let stop = false;
  const load = (async () => {
    while (!stop) {
      await producer.send({ topic: "load", acks: -1, messages: [{ value: "x" }] })
        .then(() => acknowledged++, () => {});
    }
  })();
  await until("some load", () => acknowledged > 20);
  process.kill(await pidOf(), "SIGKILL");
  await until("a restart", () => named("broker.ready").length === 2);
  const before = acknowledged;
  await until("load on the new one", () => acknowledged > before + 20);
  stop = true;
  await load;
  const [{ high }] = await admin.fetchTopicOffsets("load");
  expect(Number(high)).toBeGreaterThanOrEqual(acknowledged);
  expect(named("broker.restarting")[0]?.detail).toMatchObject({
    kind: "redpanda",
    attempt: 1,
    reason: expect.stringContaining("ended by SIGKILL"),
  });
  await producer.disconnect();
  await admin.disconnect();
});

test("one that keeps dying is given up after a bounded number of restarts", async () => {
  const standIn = await installStandIn(folder, { diesFromStart: 1 });
  const broker = await start(standIn);
  process.kill(await pidOf(), "SIGKILL");
  const reason = await broker.failed;
  expect(reason?.message).toMatch(/died 4 times in a row; the last time: .*made up/);
  expect(named("broker.failed")).toHaveLength(1);
  expect(await standIn.starts()).toHaveLength(1 + QUICK.attempts);
  await broker.stop();
});

test("stopping while it waits to be started again ends the waiting", async () => {
  const standIn = await installStandIn(folder, { diesFromStart: 1 });
  const broker = await start(standIn, {
    patience: { restarts: { base_ms: 600_000, cap_ms: 600_000, attempts: 3 } },
  });
  process.kill(await pidOf(), "SIGKILL");
  await until("the wait", () => named("broker.restarting").length === 1);
  await broker.stop();
  expect(named("broker.failed")).toEqual([]);
});

test("one that refuses to stop is killed, and the next start finds the data", async () => {
  const standIn = await installStandIn(folder, { refusesToStop: true });
  const broker = await start(standIn, { patience: { stop_ms: 300 } });
  const pid = await pidOf();
  await broker.stop();
  expect(await isAlive(pid)).toBe(false);
  expect(named("broker.log").at(-1)?.detail.line).toMatch(/did not stop within 0.3 s/);
  await standIn.behave({});
  await roundTrip(await start(standIn));
});

/** A process that owns a Redpanda: its process id, its end, and where the Redpanda listens. */
async function startOwner(standIn: StandIn) {
  const owner = spawn(process.execPath, ["run", "-A", "--config", CONFIG, OWNER, directory], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => owner.once("exit", resolve));
  owner.stdin.end(JSON.stringify(standIn.program));
  const [kafka] = JSON.parse(String((await once(owner.stdout, "data"))[0])) as string[];
  return { owner, ended, kafkaPort: Number(kafka!.split(":")[1]) };
}
const supervisorPids = async () =>
  (await processesBelow(folder)).filter(({ command }) => command.includes("-supervisor "))
    .map(({ pid }) => pid);

test.each([[{}], [{ refusesToStop: true }]])(
  "one whose owner is killed ends by itself within ten seconds (%j)",
  async (behaviour) => {
    const standIn = await installStandIn(folder, behaviour);
    const { owner, ended } = await startOwner(standIn);
    const pid = await pidOf();
    expect(await supervisorPids()).toHaveLength(1);
    owner.kill("SIGKILL");
    await ended;
    await until("its end", async () => !await isAlive(pid), 10_000);
    await until("its supervisor's end", async () => (await supervisorPids()).length === 0);
  },
);

test("its supervisor goes with it, and one that is killed is replaced", async () => {
  const broker = await start(await installStandIn(folder));
  const [first] = await supervisorPids();
  process.kill(first!, "SIGKILL");
  const second = await until(
    "another one",
    async () => (await supervisorPids()).find((pid) => pid !== first),
  );
  expect(second).not.toBe(first);
  process.kill(await pidOf(), "SIGKILL");
  await until("a restart", () => named("broker.ready").length === 2);
  expect(await supervisorPids()).toHaveLength(1);
  expect(await supervisorPids()).not.toContain(second);
  await broker.stop();
  expect(await supervisorPids()).toEqual([]);
});

test("one that was left behind by a killed process without a supervisor is stopped first", async () => {
  const standIn = await installStandIn(folder);
  const { owner, ended, kafkaPort } = await startOwner(standIn);
  const pid = await pidOf();

  // As long as its owner lives it is nobody else's.
  expect(await failureOf(start(standIn))).toMatchObject({
    message: expect.stringContaining(`belongs to process ${owner.pid}`),
  });
  // A frozen one starts no other supervisor. Not `owner.kill`, which Deno takes for its end.
  process.kill(owner.pid!, "SIGSTOP");
  for (const supervisor of await supervisorPids()) process.kill(supervisor, "SIGKILL");
  process.kill(owner.pid!, "SIGKILL");
  await ended;
  expect(await isAlive(pid)).toBe(true);
  const again = await start(standIn, { kafkaPort });
  expect(await isAlive(pid)).toBe(false);
  expect(named("broker.log").map(({ detail }) => detail.line)).toContainEqual(
    expect.stringContaining(`process ${pid}, left behind`),
  );
  await roundTrip(again);
});
