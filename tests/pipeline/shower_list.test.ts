/** The IAU shower list, shipped or from a file, through the topic into the tables, together with the showers of the data. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { IAU_SHOWER } from "../../src/events/topics.ts";
import { sentenceOf } from "../../src/observe/event_text.ts";
import { shippedShowers } from "../../src/trajectory/shipped_showers.ts";
import {
  append,
  passed,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { until } from "../support/poll.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";

/** Each starts a whole service several times. */
const TEST_MS = 60_000;

/** A line of the layout of 2007. */
const line = (number: string, code: string, name: string) =>
  ["0", number, "000", code, name, "annual", "1", ...Array(21).fill("")]
    .map((cell) => `"${cell}"`).join("|");
/** A shower as shipped, a new one, and one whose name differs from the shipped list. */
const LIST = `: a list\n${line("00004", "GEM", "Geminids")}\n` +
  `${line("00187", "PCA", "psi Cas")}\n${line("02222", "NEW", "Newids")}\n`;
const SHIPPED = shippedShowers().showers;

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmn-list-"));
  file = join(folder, "list.txt");
});
afterEach(() => rm(folder, { recursive: true }));

const start = (address: string) =>
  startTestService({
    withSchedule: true,
    sample: null,
    environment: { IAU_SHOWER_URL: address },
  });

async function nameOf(whole: TestService, number: number): Promise<string | null | undefined> {
  const [row] = await whole.database.sql`select name from iau_shower where number = ${number}`;
  return row?.name as string | null | undefined;
}

async function statusOf(whole: TestService) {
  const { shower_list } = await (await whole.api("/status")).json() as {
    shower_list: Record<string, unknown>;
  };
  return shower_list;
}

const logged = (whole: TestService) =>
  whole.events.filter(({ name }) => name.startsWith("showers.")).map(sentenceOf);

const IS_SHIPPED = {
  in_use: "shipped",
  source: "shipped list of 2021-11",
  state_of: "2021-11",
  fetched_at: null,
  showers: SHIPPED.length,
};

test(
  "off: names come from the shipped list, across rebuilds and restarts, and nothing is logged about it",
  async () => {
    await using whole = await start("off");
    await until(
      "the shipped list is in the tables",
      async () => await nameOf(whole, 7) !== undefined,
    );
    expect(await statusOf(whole)).toEqual({ ...IS_SHIPPED, address: null, note: null });
    expect(await whole.database.sql`select number, code, name from iau_shower order by number`)
      .toEqual(SHIPPED.map(({ number, code, name }) => ({ number, code, name })));

    const { differences } = await whole.whileStopped(() => rebuildOf(whole));
    expect(differences).toEqual([]);
    expect(await statusOf(whole)).toEqual({ ...IS_SHIPPED, address: null, note: null });
    // Once, although it was started twice.
    expect(logged(whole)).toEqual(["973 shower names from the shipped IAU list of November 2021"]);
  },
  TEST_MS,
);

test(
  "the shipped list stays while none can be fetched; a fetched list replaces it permanently",
  async () => {
    await using whole = await start(file);
    await until(
      "the shipped list is in the tables",
      async () => await nameOf(whole, 187) !== undefined,
    );
    const { reason } = await whole.next("showers.unavailable");
    expect(logged(whole).at(-1)).toBe(
      `Could not fetch the IAU shower list (${reason}). ` +
        "Names come from the shipped list of November 2021 until it is available.",
    );
    expect(await nameOf(whole, 187)).toBe("psi Cassiopeiids");
    await expect.poll(() => statusOf(whole)).toEqual({
      ...IS_SHIPPED,
      address: file,
      note: `could not be fetched: ${reason}`,
    });

    await writeFile(file, LIST);
    await whole.restart();
    expect(await whole.next("showers.fetched")).toMatchObject({ showers: 3, changed: 3 });
    await until(
      "the fetched list is in the tables",
      async () => await nameOf(whole, 2222) !== undefined,
    );
    const expectFetched = async (fetched_at: unknown) => {
      expect(await nameOf(whole, 187)).toBe("psi Cas");
      expect(await statusOf(whole)).toMatchObject({
        in_use: "fetched",
        source: file,
        state_of: null,
        fetched_at,
        showers: 3,
        address: file,
      });
      // Showers that only the shipped list has stay, as do those that a fetched list no longer has.
      expect(await nameOf(whole, 7)).toBe("Perseids");
    };
    await expectFetched(expect.any(String));

    // Offline again, and after a rebuild: the fetched names stay, and the shipped list is not used again.
    await rm(file);
    await whole.whileStopped(() => rebuildOf(whole));
    await expectFetched(expect.any(String));
    expect((await statusOf(whole)).note).toBeNull();

    // The database is lost, the log is not. Only the time of the fetch is lost.
    await whole.whileStopped(() =>
      whole.database.sql.unsafe("drop schema public cascade; create schema public")
    );
    await until("the log is in the tables", async () => await nameOf(whole, 2222) !== undefined);
    await expectFetched(null);
    expect(whole.events.filter(({ name }) => name === "showers.shipped")).toHaveLength(1);
  },
  TEST_MS,
);

test(
  "the list names the showers of the data, and its codes override theirs wherever they are shown",
  async () => {
    await writeFile(file, LIST);
    await using whole = await start(file);
    const { sql } = whole.database;
    const id = await registerSchema(whole, PYTHON_SCHEMA);
    const meteor = (n: number, iau_no: number, iau_code: string) => ({
      key: null,
      value: wire(id, pythonBody(summaryOf(`20260101000000_shwr${n}`, { iau_no, iau_code }))),
    });
    const send = async (...messages: ReturnType<typeof meteor>[]) =>
      await passed(sql, await append(whole.kafka, messages));
    await send(meteor(1, 4, "GMX"), meteor(2, 9001, "M24U1"));
    await until("the list is in the tables", async () => await nameOf(whole, 2222) !== undefined);
    await send(meteor(3, 4, "GMY"), meteor(4, 187, "PCX"), meteor(5, 9001, "M24U2"));
    await send(meteor(6, 7, "PER"));
    expect(
      await sql`select number, code, name from iau_shower where number in (4, 187, 9001) order by number`,
    ).toEqual([
      { number: 4, code: "GEM", name: "Geminids" },
      { number: 187, code: "PCA", name: "psi Cas" },
      { number: 9001, code: "M24U2", name: null },
    ]);
    // A name that only the shipped list has, in every answer that has names.
    const get = async (path: string) => await (await whole.api(path)).json();
    expect(await get("/meteors/20260101000000_shwr6")).toMatchObject({ shower_name: "Perseids" });
    expect(await get("/statistics/showers?shower=PER")).toMatchObject({
      showers: [{ number: 7, code: "PER", name: "Perseids" }],
    });
    const { showers } = await get("/showers?limit=1000") as { showers: { number: number }[] };
    expect(showers.find(({ number }) => number === 7))
      .toEqual({ number: 7, code: "PER", name: "Perseids" });
  },
  TEST_MS,
);

test("the tables do not depend on whether the list or the data comes first", async () => {
  await using whole = await startTestService({ sample: null });
  const { sql } = whole.database;
  const id = await registerSchema(whole, PYTHON_SCHEMA);
  const send = async (n: number, iau_no: number, iau_code: string) => {
    const summary = summaryOf(`20260101000000_order${n}`, { iau_no, iau_code });
    await passed(
      sql,
      await append(whole.kafka, [{ key: null, value: wire(id, pythonBody(summary)) }]),
    );
  };
  const listed = (number: number) =>
    until("the list is in the tables", async () => {
      const [row] = await sql`select from iau_shower_list where number = ${number}`;
      return row !== undefined;
    });
  const source = "https://example.org/list.txt";
  const publish = (number: number, code: string) =>
    whole.service.parts.running!.log.publishShowers([
      { number, code, name: code, status: null, source },
    ]);
  const showers = () => sql`select number, code, name, codes from iau_shower order by number`;

  // The data first, the list first, and one of each that the list drops at the end.
  await send(1, 4, "GMX");
  await send(2, 5, "SDX");
  await publish(4, "GEM");
  await publish(5, "SDA");
  await publish(7, "PER");
  await publish(8, "ORI");
  await listed(8);
  await send(3, 7, "PEX");
  await send(4, 8, "ORX");
  const unlist = (number: number) => ({ key: String(number), value: null });
  await append(whole.kafka, [unlist(5), unlist(8)], 0, IAU_SHOWER.name);
  await until("the showers are off the list", async () => {
    const [row] = await sql`select count(*)::integer as n from iau_shower_list`;
    return row!.n === 2;
  });
  const expected = [
    { number: 4, code: "GEM", name: "GEM", codes: ["GMX"] },
    { number: 5, code: "SDX", name: null, codes: ["SDX"] },
    { number: 7, code: "PER", name: "PER", codes: ["PEX"] },
    { number: 8, code: "ORX", name: null, codes: ["ORX"] },
  ];
  expect(await showers()).toEqual(expected);
  const { differences } = await whole.whileStopped(() => rebuildOf(whole));
  expect(differences).toEqual([]);
  expect(await showers()).toEqual(expected);
}, TEST_MS);

test("a process that fetches nothing reports which list is in use, from the topic", async () => {
  await using whole = await startTestService({ sample: null });
  const unknown = { in_use: null, source: null, state_of: null, fetched_at: null, showers: 0 };
  expect(await statusOf(whole)).toEqual({
    ...unknown,
    address: null,
    note: "no list is loaded yet",
  });
  const publish = (source: string) =>
    whole.service.parts.running!.log.publishShowers([
      { number: 4, code: "GEM", name: "Geminids", status: null, source },
    ]);
  await publish("shipped list of 2021-11");
  await expect.poll(() => statusOf(whole), { timeout: TEST_MS })
    .toEqual({ ...IS_SHIPPED, showers: 1, address: null, note: null });
  await publish("https://example.org/list.txt");
  await expect.poll(() => statusOf(whole), { timeout: TEST_MS }).toEqual({
    ...unknown,
    in_use: "fetched",
    source: "https://example.org/list.txt",
    showers: 1,
    address: null,
    note: null,
  });
}, TEST_MS);
