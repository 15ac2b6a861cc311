/**
 * A meteor of no shower, everywhere it can be seen: files, `parse` and events have -1; tables, view, API and exports have null.
 * The description of each value says exactly that.
 */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { createTrajectoryDecoder } from "../../src/trajectory/codec.ts";
import { wireSchemaId } from "../../src/wire_format/wire_header.ts";
import { fileText, row } from "../support/summary_file.ts";
import type { TrajectorySummary } from "../../src/trajectory/summary.ts";
import { until } from "../support/poll.ts";
import { taskCommand } from "../support/task_command.ts";
import { startTestService, type TestService } from "../support/service.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ID = "20240812031415_aB3xZ";
const SUMMARY_FILE = fileText([row({ id: ID, iauNo: "   -1", iauCode: "  ..." })]);

/** The value that a place has for a sporadic meteor, and its description there. */
interface Seen {
  readonly iau_no: unknown;
  readonly iau_code: unknown;
  /** Everything that a user of the place can read about the shower number. */
  readonly words: string;
}

let whole: TestService;
/** Everything on the topic, in order. */
const events: TrajectorySummary[] = [];
/** Id of the schema that the events were written with. In a shared registry the latest version may be someone else's. */
let schemaId: number;
let stopReading: () => Promise<void>;

async function send(body: string): Promise<void> {
  const answer = await whole.api("/trajectories", { method: "POST", body });
  const { run_id, rows } = await answer.json();
  expect(rows).toMatchObject({ published: 1, rejected: 0 });
  await whole.next("run.loaded", ({ runId }) => runId === run_id);
}

async function readTopic(): Promise<void> {
  const { registry } = whole.service.parts.running!.log;
  const consumer = whole.kafka.consumer({ groupId: "reads-sporadic", maxWaitTimeInMs: 100 });
  await consumer.connect();
  stopReading = () => consumer.disconnect();
  await consumer.subscribe({ topic: TRAJECTORY_SUMMARY_RAW.name, fromBeginning: true });
  await consumer.run({
    async eachMessage({ message: { value } }) {
      schemaId = wireSchemaId(value!);
      const schema = await registry.writerSchema(schemaId);
      events.push(createTrajectoryDecoder(schema)(value!));
    },
  });
}

beforeAll(async () => {
  whole = await startTestService({ sample: null });
  await send(SUMMARY_FILE);
  await readTopic();
});
afterAll(async () => {
  await stopReading?.();
  await whole?.[Symbol.asyncDispose]();
});

const get = (path: string) => whole.api(path);
const json = async (path: string) => await (await get(path)).json();

async function parseCommand(...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...taskCommand("parse").args, ...args],
    cwd: ROOT,
  }).output();
  return new TextDecoder().decode(stdout);
}

async function comment(relation: string, column: string): Promise<string> {
  const [found] = await whole.database.sql`
    select d.description from pg_description d join pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid
    where d.classoid = 'pg_class'::regclass and a.attrelid = ${relation}::regclass and a.attname = ${column}`;
  return found!.description as string;
}

/** The descriptions of the property and of the CSV in /openapi.json. */
async function described(): Promise<{ json: string; csv: string }> {
  const api = await json("/openapi.json");
  return {
    json: api.components.schemas.Meteor.properties.iau_no.description,
    csv: api.paths["/meteors"].get.responses["200"].content["text/csv"].schema.description,
  };
}

const PLACES: Record<string, { expected: -1 | null; see: () => Promise<Seen> }> = {
  "parse, and its help": {
    expected: -1,
    async see() {
      const file = join(dirname(whole.sourceFolder), "one.txt");
      await writeFile(file, SUMMARY_FILE);
      return { ...JSON.parse(await parseCommand(file)), words: await parseCommand("--help") };
    },
  },
  "an event, and the schema in the registry": {
    expected: -1,
    async see() {
      const event = await until("the event is read", () => events[0]);
      const { schemaRegistryUrl } = whole.service.addresses;
      const registered = await fetch(`${schemaRegistryUrl}/schemas/ids/${schemaId}`);
      const { fields } = JSON.parse((await registered.json()).schema) as {
        fields: { name: string; doc: string }[];
      };
      return { ...event, words: fields.find(({ name }) => name === "iau_no")!.doc };
    },
  },
  "table meteor, and its column comment": {
    expected: null,
    async see() {
      const [found] = await whole.database.sql`
        select iau_shower_id as iau_no, iau_code from meteor where id = ${ID}`;
      return { ...found as Seen, words: await comment("meteor", "iau_shower_id") };
    },
  },
  "view meteor_summary, and its column comment": {
    expected: null,
    async see() {
      const [found] = await whole.database.sql`
        select iau_no, iau_code from meteor_summary where unique_trajectory_identifier = ${ID}`;
      return { ...found as Seen, words: await comment("meteor_summary", "iau_no") };
    },
  },
  "GET /meteors, and its schema": {
    expected: null,
    async see() {
      const { meteors: [found] } = await json("/meteors");
      return { ...found, words: (await described()).json };
    },
  },
  "NDJSON, and its schema": {
    expected: null,
    async see() {
      const found = JSON.parse(await (await get("/meteors?format=ndjson")).text());
      return { ...found, words: (await described()).json };
    },
  },
  "CSV, and its description": {
    expected: null,
    async see() {
      const text = await (await get("/meteors?format=csv")).text();
      const [names, cells] = text.split("\r\n").map((line) => line.split(","));
      const cell = (name: string) => cells![names!.indexOf(name)] || null;
      const { csv } = await described();
      return { iau_no: cell("iau_no"), iau_code: cell("iau_code"), words: csv };
    },
  },
  "GET /meteors/ID, and the field's description": {
    expected: null,
    async see() {
      const { fields } = await json(`/meteors/${ID}`) as {
        fields: { name: string; value: unknown; description: string }[];
      };
      const field = (name: string) => fields.find((one) => one.name === name)!;
      return {
        iau_no: field("iau_no").value,
        iau_code: field("iau_code").value,
        words: field("iau_no").description,
      };
    },
  },
};

/** The numbers that a description gives for a sporadic meteor; null is "null" or "empty where JSON has null". */
function saidNumbers(words: string): (number | null)[] {
  const text = words.replaceAll(/\s+/g, " ");
  const said = [
    ...text.matchAll(/(-1|\bnull\b) for a sporadic meteor/gi),
    ...text.matchAll(/sporadic meteor has iau_no (-1|null)/gi),
    ...text.matchAll(/where JSON has (null): iau_no[^.]* of a sporadic meteor/gi),
  ];
  return said.map(([, value]) => value === "-1" ? -1 : null);
}

test.each(Object.entries(PLACES))("%s", async (_, { expected, see }) => {
  const { iau_no, iau_code, words } = await see();
  expect({ iau_no, iau_code, said: saidNumbers(words) })
    .toEqual({ iau_no: expected, iau_code: null, said: [expected] });
  // A description that says "null" must not mention -1.
  if (expected === null) expect(words).not.toMatch(/(?<!\d)-1\b/);
});

test("an export sent back changes nothing, and is the same event again", async () => {
  const { sql } = whole.database;
  const version = () => sql`select xmin::text, ctid::text, updated_at from meteor`;
  const before = await version();
  await send(await (await get("/meteors?format=ndjson")).text());
  expect(await version()).toEqual(before);
  const [first, second] = await until("both events are read", () => events.length > 1 && events);
  expect(second).toEqual(first);
});
