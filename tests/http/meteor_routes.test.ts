/**
 * `GET /meteors` on a real database: filters, orders, pages, formats; and no request causes a database error.
 */
import fc from "fast-check";
// @ts-types="../../src/trajectory/std_csv.d.ts"
import { parse } from "@std/csv/parse.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { METEOR_COLUMNS } from "../../src/store/meteor_columns.ts";
import { TRAJECTORY_FIELDS } from "../../src/trajectory/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { apiOn, type TestApi } from "./api.ts";
import { insertMeteors } from "./meteors.ts";

let database: TestDatabase;
let api: TestApi;

/** By time, newest first; the two without a time last. */
const NEWEST_FIRST = ["f", "e", "d", "c", "b", "a", "y", "x"];

beforeAll(async () => {
  database = await createTestDatabase();
  api = apiOn(database.sql);
  await insertMeteors(database.sql, [
    {
      id: "a",
      beginning_utc_time: "2024-08-12T22:00:00.123456Z",
      iau_code: "PER",
      iau_shower_id: 7,
      peak_absmag: -4,
      vgeo_km_s: 59.2,
      sigma_4: 0.25,
      beg_in_fov: true,
      end_in_fov: false,
      num_stat: 2,
      participating_stations: ["BE0002", "UK0001"],
      source_file: "daily/a.txt",
      source_line: 12,
      topic_partition: 2,
      topic_offset: "9007199254740993",
      updated_at: "2026-01-01T00:00:00.000001Z",
    },
    // The same microsecond as the previous one: the id decides.
    { id: "b", beginning_utc_time: "2024-08-12T22:00:00.123456Z", latbeg_n_deg: -40 },
    {
      id: "c",
      beginning_utc_time: "2024-08-12T22:00:00.123457Z",
      iau_code: 'A"B,C',
      lonbeg_e_deg: 179.9,
      participating_stations: ["UK0001"],
    },
    { id: "d", beginning_utc_time: "2024-08-13T23:59:59.999999Z", lonbeg_e_deg: -179.9 },
    { id: "e", beginning_utc_time: "2024-08-14T00:00:00Z", peak_absmag: 2 },
    { id: "f", beginning_utc_time: "2024-12-14T00:00:00Z", iau_code: "GEM", iau_shower_id: 4 },
    { id: "x", beginning_utc_time: null },
    { id: "y", beginning_utc_time: null },
    { id: "w", withdrawn_at: "2024-09-01T00:00:00Z" },
  ]);
});
afterAll(() => database?.drop());

async function ids(query: string): Promise<string[]> {
  const { meteors } = await api.json(`/meteors?${query}`) as {
    meteors: { unique_trajectory_identifier: string }[];
  };
  return meteors.map((meteor) => meteor.unique_trajectory_identifier);
}

describe("GET /meteors selects", () => {
  test.each([
    ["", NEWEST_FIRST],
    ["from=2024-08-13&to=2024-08-13", ["d"]],
    ["from=2024-08-12T22:00:00.123457Z&to=2024-08-14T00:00:00Z", ["d", "c"]],
    ["from=2024-08-13T00:00:00%2B02:00&to=2024-08-12", ["c", "b", "a"]],
    ["shower=PER,4", ["f", "a"]],
    ["shower=PER,sporadic", ["e", "d", "b", "a", "y", "x"]],
    ["station=UK0001", ["c", "a"]],
    ["country=BE,FR", ["a"]],
    ["bbox=-10,-90,10,0", ["b"]],
    ["bbox=170,-90,-170,90", ["d", "c"]],
    ["magnitude_to=-4", ["a"]],
    ["magnitude_from=-3.5", ["e"]],
    ["updated_since=2026-01-01T00:00:00.000002Z&shower=PER", []],
    ["withdrawn=only", ["w"]],
    ["withdrawn=include&order=time&limit=4", ["a", "b", "w", "c"].toSorted()],
    ["order=time", ["a", "b", "c", "d", "e", "f", "x", "y"]],
  ])("?%s", async (query, expected) => {
    const found = await ids(query);
    expect(query.includes("withdrawn=include") ? found.toSorted() : found).toEqual(expected);
  });

  test.each(["-time", "time", "-updated", "updated"])(
    "pages in the order %s add up to all rows, whatever their size",
    async (order) => {
      const whole = await ids(`order=${order}`);
      expect(whole.toSorted()).toEqual(NEWEST_FIRST.toSorted());
      for (const limit of [1, 3, 7]) {
        const joined: string[] = [];
        let path: string | null = `/meteors?order=${order}&limit=${limit}`;
        while (path !== null) {
          const response = await api.get(path);
          const { meteors } = await response.json();
          joined.push(
            ...meteors.map((one: { unique_trajectory_identifier: string }) =>
              one.unique_trajectory_identifier
            ),
          );
          path = /^<(.*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1] ?? null;
        }
        expect(joined).toEqual(whole);
      }
    },
  );
});

describe("formats", () => {
  test("CSV has the schema's names, values that parse back, and quotes where needed", async () => {
    const response = await api.get("/meteors?format=csv&order=time&to=2024-12-31");
    expect(response.headers.get("content-type")).toContain("text/csv");
    const [names, ...rows] = parse(await response.text());
    expect(names).toEqual(TRAJECTORY_FIELDS.map(({ name }) => name));
    const first = Object.fromEntries(names!.map((name, at) => [name, rows[0]![at]]));
    expect(first).toMatchObject({
      unique_trajectory_identifier: "a",
      beginning_utc_time: "2024-08-12 22:00:00.123456",
      iau_no: "7",
      vgeo_km_s: "59.2",
      beg_in_fov: "1",
      end_in_fov: "0",
      participating_stations: "BE0002,UK0001",
      medianfiterr_arcsec: "",
    });
    expect(rows.map((row) => row[0])).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(rows[2]![names!.indexOf("iau_code")]).toBe('A"B,C');
  });

  test("NDJSON by the Accept header, one object per line", async () => {
    const response = await api.get("/meteors", { accept: "application/x-ndjson" });
    const lines = (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
    expect(lines.map((one) => one.unique_trajectory_identifier)).toEqual(NEWEST_FIRST);
    expect(lines[5]).toMatchObject({
      beginning_utc_time: "2024-08-12T22:00:00.123456Z",
      participating_stations: ["BE0002", "UK0001"],
      num_stat: 2,
    });
  });

  test("a browser gets JSON; a limit makes pages of NDJSON and CSV too", async () => {
    const browser = await api.get("/meteors", { accept: "text/html,*/*;q=0.8" });
    expect(browser.headers.get("content-type")).toContain("application/json");
    const page = await api.get("/meteors?format=csv&limit=2");
    expect((await page.text()).trimEnd().split("\r\n")).toHaveLength(3);
    expect(page.headers.get("link")).toContain('rel="next"');
  });
});

describe("GET /meteors/ID", () => {
  test("has every field with unit and meaning, and the row's origin", async () => {
    const meteor = await api.json("/meteors/a") as {
      fields: { name: string; unit: string; value: unknown; sigma: unknown; description: string }[];
    };
    expect(meteor).toMatchObject({
      id: "a",
      shower_name: "Perseids",
      lineage: {
        topic: "trajectory_summary_raw",
        topic_partition: 2,
        topic_offset: "9007199254740993",
        source_file: "daily/a.txt",
        source_line: 12,
      },
    });
    expect(meteor.fields.find(({ name }) => name === "vgeo_km_s")).toMatchObject({
      value: 59.2,
      sigma: 0.25,
      unit: "km/s",
      description: expect.stringContaining("speed"),
    });
    const shown = new Set(meteor.fields.map(({ name }) => name));
    expect(TRAJECTORY_FIELDS.filter(({ name, sigmaOf }) => sigmaOf === null && !shown.has(name)))
      .toEqual([]);
    expect(METEOR_COLUMNS.length).toBe(TRAJECTORY_FIELDS.length);
  });

  test.each(["nope", "A", "%00", "%F0%9F%8C%A0", "a%2Fb"])("no meteor %s: 404", async (id) => {
    expect((await api.get(`/meteors/${id}`)).status).toBe(404);
  });
});

const anything = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    "",
    "0",
    "-1",
    "1e400",
    "NaN",
    "PER",
    "sporadic",
    "99999999999",
    "2024-08-12",
    "0000-01-01",
    "0001-01-01",
    "9999-12-31",
    "2024-02-30",
    "2024-08-12T24:00:00Z",
    "2024-08-12T23:59:60Z",
    "2024-08-12T10:00:00+18:59",
    "0002-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999-23:59",
    "'; drop table meteor; --",
    "-180,-90,180,90",
    "181,0,0,0",
    "eyJ2YWx1ZSI6bnVsbCwiaWQiOiJhIn0",
    "csv",
    "only",
    "time",
  ),
);
const codes = fc.array(fc.constantFrom("PER", "GEM", "7", "sporadic", "UK0001", "UK", "IE"), {
  minLength: 1,
  maxLength: 3,
}).map((all) => all.join(","));
const times = fc.date({ min: new Date("1900-01-01Z"), max: new Date("2100-01-01Z") })
  .filter((date) => !Number.isNaN(date.getTime()));
const number = fc.double({ min: -200, max: 200, noNaN: true }).map((value) => value.toFixed(3));

/** For each parameter mostly valid values, sometimes arbitrary ones. */
const taken: Record<string, fc.Arbitrary<string>> = {
  from: times.map((date) => date.toISOString()),
  to: times.map((date) => date.toISOString().slice(0, 10)),
  shower: codes,
  station: codes,
  country: fc.constantFrom("UK", "UK,BE"),
  bbox: fc.tuple(number, number, number, number).map((sides) => sides.join(",")),
  magnitude_from: number,
  magnitude_to: number,
  updated_since: times.map((date) => date.toISOString()),
  withdrawn: fc.constantFrom("exclude", "include", "only"),
  order: fc.constantFrom("time", "-time", "updated", "-updated"),
  limit: fc.constantFrom("1", "2", "100"),
  after: fc.constantFrom(
    { value: null, id: "x" },
    { value: "2024-08-13T00:00:00Z", id: "" },
    { value: "2024-08-13T00:00:00.5+02:00", id: "\ud800" },
    { value: "now", id: "a" },
    { id: 1 },
  ).map((place) => btoa(JSON.stringify(place))),
  format: fc.constantFrom("json", "ndjson", "csv"),
};
const parameter = fc.constantFrom(...Object.keys(taken)).chain((name) =>
  fc.tuple(
    fc.constant(name),
    fc.oneof({ weight: 4, arbitrary: taken[name]! }, { weight: 1, arbitrary: anything }),
  )
);

test("any request gets meteors or a reason, never an internal error", async () => {
  const path = fc.constantFrom(
    "/meteors",
    "/statistics/totals",
    "/statistics/nights",
    "/statistics/histogram",
    "/statistics/showers",
    "/statistics/stations",
    "/statistics/radiants",
    "/statistics/ground-tracks",
  );
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(
      path,
      fc.uniqueArray(parameter, { maxLength: 4, selector: ([name]) => name }),
      async (path, parameters) => {
        const response = await api.get(`${path}?${new URLSearchParams(parameters)}`);
        const text = await response.text();
        if (![200, 400].includes(response.status)) throw new Error(`${response.status}: ${text}`);
        if (response.status === 200) answered++;
      },
    ),
    { numRuns: 400 },
  );
  // Some requests must succeed.
  expect(answered).toBeGreaterThan(100);
});
