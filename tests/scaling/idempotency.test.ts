/**
 * The same request, sent to two processes at the same moment with one Idempotency-Key, is one run.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKeyLock } from "../../src/store/key_lock.ts";
import { unobserved } from "../../src/observe/observe.ts";
import { passed } from "../support/foreign_producer.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { startProcess } from "./consumer_process.ts";

const TEST_MS = 120_000;
const KEYS = 12;

let hub: TestService;
beforeEach(async () => {
  hub = await startTestService({ sample: null });
}, TEST_MS);
afterEach(() => hub[Symbol.asyncDispose](), TEST_MS);

interface Answer {
  readonly status: number;
  readonly body: { run_id: string; is_new: boolean; detail?: string };
}

async function ask(api: string, key: string, month = "2024-08"): Promise<Answer> {
  const response = await fetch(`${api}/backfill`, {
    method: "POST",
    body: JSON.stringify({ month }),
    headers: { "content-type": "application/json", "idempotency-key": key },
  });
  return { status: response.status, body: await response.json() };
}

const runsOf = async (key: string) =>
  (await hub.database.sql`select id from ingestion_run where idempotency_key = ${key}`).length;

test("whichever of two services is asked, and however often", async () => {
  await using other = await startProcess("http", hub.service.addresses);
  const apis = [hub.service.addresses.http!, await other.service.ready()];

  for (let n = 0; n < KEYS; n++) {
    const key = `race-${n}`;
    const answers = await Promise.all([...apis, ...apis].map((api) => ask(api, key)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(new Set(answers.map(({ body }) => body.run_id)).size).toBe(1);
    expect(answers.filter(({ body }) => body.is_new)).toHaveLength(1);
  }
  // Another request under a key that the other service took.
  const clash = await Promise.all([
    ask(apis[0]!, "clash", "2024-08"),
    ask(apis[1]!, "clash", "2024-09"),
  ]);
  expect(clash.map(({ status }) => status).toSorted()).toEqual([202, 409]);
  await passed(hub.database.sql, 1n, 0, "ingestion_run");
  for (let n = 0; n < KEYS; n++) expect(await runsOf(`race-${n}`)).toBe(1);
}, TEST_MS);

test(
  "a key that another process does not let go of is a 503 after a while, and free later",
  async () => {
    const { http, databaseUrl } = hub.service.addresses;
    const keys = createKeyLock({ url: databaseUrl, observe: unobserved });
    try {
      const begun = Promise.withResolvers<void>();
      const end = Promise.withResolvers<void>();
      const held = keys.withKeyLock("held", () => {
        begun.resolve();
        return end.promise;
      });
      await begun.promise;
      const refused = await ask(http!, "held");
      expect(refused).toMatchObject({ status: 503 });
      expect(refused.body.detail).toMatch(
        /another request with the same key is in progress.*ask again/,
      );
      end.resolve();
      await held;
      expect(await ask(http!, "held")).toMatchObject({ status: 202, body: { is_new: true } });
    } finally {
      await keys.close();
    }
  },
  TEST_MS,
);
