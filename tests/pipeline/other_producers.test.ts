/**
 * Records that other programs write to the topic: valid ones, unusual ones, and ones that can't be stored.
 */
import { Buffer } from "node:buffer";
import avro from "avsc";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import {
  append,
  type ForeignMessage,
  passed,
  PYTHON_SCHEMA,
  PYTHON_TYPE,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";

const ID = (n: number) => `202601010000${String(n).padStart(2, "0")}_other`;

let whole: TestService;
beforeAll(async () => {
  whole = await startTestService({ sample: null });
});
afterAll(() => whole[Symbol.asyncDispose]());

const register = (schema: object) => registerSchema(whole, schema);

/** Sends messages to one partition and waits until the sink has processed them. */
async function send(messages: ForeignMessage[]): Promise<void> {
  await passed(whole.database.sql, await append(whole.kafka, messages));
}

const meteor = async (id: string) =>
  (await whole.database.sql`select * from meteor where id = ${id}`)[0];
const deadLetterCount = async () =>
  Number((await whole.database.sql`select count(*) as n from dead_letter`)[0]!.n);

describe("records of the Python system", () => {
  test("load without key and headers, with NaN as null, and with their own registered schema", async () => {
    const id = await register(PYTHON_SCHEMA);
    await send([{
      key: null,
      value: wire(
        id,
        pythonBody(summaryOf(ID(1), { m_deg: NaN, sigma_17: NaN, iau_no: -1, iau_code: null })),
      ),
    }]);
    expect(await meteor(ID(1))).toMatchObject({
      m_deg: null,
      sigma_17: null,
      iau_shower_id: null,
      source_file: null,
      run_id: null,
    });
  });

  test("load with null in any field except the id", async () => {
    const id = await register(PYTHON_SCHEMA);
    const empty = Object.fromEntries(
      PYTHON_SCHEMA.fields.map(({ name }) => [name, null]),
    );
    await send([{
      key: null,
      value: wire(id, PYTHON_TYPE.toBuffer({ ...empty, unique_trajectory_identifier: ID(2) })),
    }]);
    expect(await meteor(ID(2))).toMatchObject({
      rageo_deg: null,
      beginning_utc_time: null,
      num_stat: null,
    });
  });
});

describe("a newer writer", () => {
  test("whose schema has an additional field is read; the unknown field is left out", async () => {
    const newer = {
      ...PYTHON_SCHEMA,
      fields: [...PYTHON_SCHEMA.fields, {
        name: "colour_index",
        type: ["null", "double"],
        default: null,
      }],
    };
    const id = await register(newer);
    const body = avro.Type.forSchema(newer as avro.Schema).toBuffer({
      ...summaryOf(ID(3)),
      colour_index: 0.4,
    });
    await send([{ key: ID(3), value: wire(id, body) }]);
    expect(await meteor(ID(3))).toMatchObject({ iau_code: "GEM" });
  });
});

describe("records that can't be stored", () => {
  test("become dead letters one by one, with their place and the reason; the rest of their batch is loaded", async () => {
    const id = await register(PYTHON_SCHEMA);
    const good = (n: number): ForeignMessage => ({
      key: ID(n),
      value: wire(id, pythonBody(summaryOf(ID(n)))),
    });
    const before = await deadLetterCount();
    const bad: [string, ForeignMessage][] = [
      ["not the wire format", { key: "a", value: Buffer.from("hello") }],
      ["an unknown schema id", { key: "b", value: wire(999_999, Buffer.alloc(10)) }],
      ["cut short", { key: "c", value: good(90).value!.subarray(0, 40) }],
      ["a NUL in a string", {
        key: "d",
        value: wire(id, pythonBody(summaryOf(ID(91), { iau_code: "G\0M" }))),
      }],
      ["a shower number out of range", {
        key: "e",
        value: wire(id, pythonBody(summaryOf(ID(92), { iau_no: 2 ** 40 }))),
      }],
      ["no id at all", {
        key: null,
        value: wire(id, pythonBody(summaryOf(ID(93), { unique_trajectory_identifier: null }))),
      }],
      ["a tombstone for nobody", { key: null, value: null }],
    ];
    await send(bad.flatMap(([, message], n) => [good(10 + n), message]).concat(good(40)));
    await expect.poll(deadLetterCount).toBe(before + bad.length);

    const deadLetters = await whole.database
      .sql`select * from dead_letter order by topic_offset desc limit ${bad.length}`;
    for (const [n, deadLetter] of deadLetters.toReversed().entries()) {
      const [what, message] = bad[n]!;
      expect(deadLetter, what).toMatchObject({
        topic: TRAJECTORY_SUMMARY_RAW.name,
        topic_partition: 1,
      });
      const place = `${TRAJECTORY_SUMMARY_RAW.name}-1@${deadLetter.topic_offset}`;
      expect(deadLetter.id).toMatch(new RegExp(`^${place}~\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$`));
      expect(deadLetter.reason.length, what).toBeGreaterThan(15);
      expect(deadLetter.value?.equals(message.value!) ?? null, what).toBe(
        message.value === null ? null : true,
      );
    }
    for (let n = 0; n < bad.length; n++) expect(await meteor(ID(10 + n))).toBeDefined();
    expect(await meteor(ID(40))).toBeDefined();
  });
});

describe("a tombstone", () => {
  test("marks the row withdrawn and keeps it; a later record restores it", async () => {
    const id = await register(PYTHON_SCHEMA);
    const value = wire(id, pythonBody(summaryOf(ID(50))));
    await send([{ key: ID(50), value }, { key: ID(50), value: null }]);
    expect((await meteor(ID(50)))!.withdrawn_at).toBeInstanceOf(Date);
    await send([{ key: ID(50), value }]);
    expect((await meteor(ID(50)))!.withdrawn_at).toBeNull();
  });
});

describe("an older file generation", () => {
  test("never overwrites a newer one", async () => {
    const id = await register(PYTHON_SCHEMA);
    const version = (vgeo_km_s: number, generatedAt: string): ForeignMessage => ({
      key: ID(60),
      value: wire(id, pythonBody(summaryOf(ID(60), { vgeo_km_s }))),
      headers: { "gmn-source-generated-at": generatedAt },
    });
    await send([version(31, "2026-02-02T00:00:00Z"), version(30, "2026-01-01T00:00:00Z")]);
    expect((await meteor(ID(60)))!.vgeo_km_s).toBe(31);
    await send([version(32, "2026-03-03T00:00:00Z")]);
    expect((await meteor(ID(60)))!.vgeo_km_s).toBe(32);
  });
});
