/** What every test of an undecided log checks: it is visible everywhere, nothing moves, and queries are answered. */
import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { expect } from "vitest";
import { LOG_IDENTITY, TOPICS } from "../../src/events/topics.ts";
import type { ServiceStatus } from "../../src/http/status_schemas.ts";
import { CHECK_INTERVAL_MS } from "../../src/recovery/log_guard.ts";
import { checksumProjections } from "../../src/store/projections.ts";
import { caughtUp } from "../support/foreign_producer.ts";
import { until } from "../support/poll.ts";
import type { TestService } from "../support/service.ts";
import { taskCommand } from "../support/task_command.ts";

/** A check is due within `CHECK_INTERVAL_MS`; the machine may be busy. */
export const NOTICE_MS = CHECK_INTERVAL_MS + 25_000;

export async function statusOf(whole: TestService): Promise<ServiceStatus> {
  return await (await whole.api("/status")).json() as ServiceStatus;
}

/** The database, and how far it is. */
export async function stateOf(whole: TestService) {
  const { sql } = whole.database;
  const offsets = await sql`
    select topic, partition, next_offset, log_start_offset from consumer_offset order by topic, partition`;
  return { tables: await checksumProjections(sql), offsets: offsets.map((row) => ({ ...row })) };
}

/** Waits until the service reads every partition, and everything in the log is loaded. */
export async function settled(whole: TestService): Promise<void> {
  const partitions = TOPICS.reduce((sum, topic) => sum + topic.partitions, 0);
  await until("every partition is read", async () => {
    const [row] = await whole.database.sql`select count(*)::int as n from consumer_offset`;
    return row!.n === partitions;
  });
  await caughtUp(whole);
}

/** The watermarks of all topics of the log, by `topic-partition`. */
export async function endsOf(whole: TestService): Promise<Record<string, string>> {
  const admin = whole.kafka.admin();
  await admin.connect();
  try {
    const ends: Record<string, string> = {};
    for (const { name } of TOPICS) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(name)) {
        ends[`${name}-${partition}`] = `${low}-${high}`;
      }
    }
    return ends;
  } finally {
    await admin.disconnect();
  }
}

/** Waits until the service has this verdict, and checks that everything says so and nothing moves. */
export async function expectUndecided(
  whole: TestService,
  kind: NonNullable<ServiceStatus["log"]>["verdict"],
  before: Awaited<ReturnType<typeof stateOf>>,
): Promise<void> {
  const status = await until(`the verdict is ${kind}`, async () => {
    const now = await statusOf(whole);
    return now.log?.verdict === kind && !now.parts.log.ready && now;
  }, NOTICE_MS);
  const ends = await endsOf(whole);
  expect(status.parts.log.ready).toBe(false);
  expect(status.parts.log.detail).toMatch(/deno task log adopt[\s\S]*docs\/runbook\/log-/);
  expect(status.log!.found.length).toBeGreaterThan(0);
  expect(status.log!.decisions.map(({ command }) => command)).toContain("deno task log reread");
  const event = await whole.next("log.undecided", (detail) => detail.kind === kind);
  expect(event.found).toMatch(/\w/);

  const ready = await whole.api("/readyz");
  expect(ready.status).toBe(503);
  expect((await ready.json()).not_ready).toHaveProperty("log");
  expect(await (await whole.api("/metrics")).text()).toContain(
    `gmn_log_undecided{verdict="${kind}"} 1`,
  );
  expect((await whole.api("/meteors?limit=1")).status).toBe(200);
  expect((await whole.api("/runs")).status).toBe(200);
  expect((await whole.api("/")).status).toBe(200);
  for (const [path, body] of [["/backfill", `{"all":true}`], ["/extract", "{}"]] as const) {
    const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
    const answer = await whole.api(path, { method: "POST", body, headers });
    expect([path, answer.status]).toEqual([path, 503]);
    expect((await answer.json()).detail).toMatch(/deno task log adopt/);
  }
  const upload = await whole.api("/trajectories", { method: "POST", body: "no summary" });
  expect(upload.status).toBe(503);
  expect((await upload.json()).detail).toMatch(/deno task log adopt/);

  expect(await stateOf(whole)).toEqual(before);
  expect(await endsOf(whole)).toEqual(ends);
}

/** Waits until the service goes on by itself: everything in the log is loaded, and all parts are ready. */
export async function expectGoesOn(whole: TestService): Promise<void> {
  await until("the service goes on", async () => {
    const { parts } = await statusOf(whole);
    return Object.values(parts).every(({ ready }) => ready);
  }, NOTICE_MS);
  await caughtUp(whole);
  expect((await whole.api("/readyz")).status).toBe(200);
}

/** The service runs on a new, empty log. */
export async function loseLog(whole: TestService): Promise<void> {
  await whole.whileStopped(() =>
    rm(join(whole.config.dataDirectory, "broker"), { recursive: true })
  );
  expect((await statusOf(whole)).log?.verdict).toBe("emptied");
}

/** How a command ended, and what it said. */
export interface CommandEnd {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `deno task log …` as a process of its own, with the task's permissions, without a terminal. */
export function logCommand(whole: TestService, ...words: string[]): Promise<CommandEnd> {
  return startLogCommand(whole, ...words).ended;
}

/** The same; the process is there to be killed. */
export function startLogCommand(
  whole: TestService,
  ...words: string[]
): { readonly child: ChildProcess; readonly ended: Promise<CommandEnd> } {
  const { args, environment } = taskCommand("log");
  const child = spawn(process.execPath, [...args, ...words], {
    env: {
      ...process.env,
      ...environment,
      NO_COLOR: "1",
      DATA_DIR: whole.config.dataDirectory,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<CommandEnd>((resolve, reject) => {
    let out = "", err = "";
    child.stdout.on("data", (chunk) => out += chunk);
    child.stderr.on("data", (chunk) => err += chunk);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
  return { child, ended };
}

/** Deletes records at the beginning of a partition: all before `offset`, or all with "-1". */
export async function deleteRecords(
  whole: TestService,
  topic: string,
  partitions: readonly { readonly partition: number; readonly offset: string }[],
): Promise<void> {
  const admin = whole.kafka.admin();
  await admin.connect();
  try {
    // kafkajs deletes records only from a topic whose metadata it has fetched.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [...partitions] });
  } finally {
    await admin.disconnect();
  }
}

/** Makes the topic's partitions new and empty. */
export async function recreateTopic(
  whole: TestService,
  topic: string,
  numPartitions: number,
): Promise<void> {
  const admin = whole.kafka.admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: [topic] });
    await until("the topic is gone", async () => !(await admin.listTopics()).includes(topic));
    await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true });
  } finally {
    await admin.disconnect();
  }
}

export const IDENTITY_TOPIC = LOG_IDENTITY.name;
