/**
 * Statistics over HTTP: on a real database with meteors whose statistics are known.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { insertMeteors } from "./meteors.ts";
import { apiOn, type TestApi } from "./api.ts";

let database: TestDatabase;
let api: TestApi;

beforeAll(async () => {
  database = await createTestDatabase();
  api = apiOn(database.sql);
  await insertMeteors(database.sql, [
    // Two Perseids of one night (noon to noon): one before midnight, one just before noon of the next day.
    {
      id: "a",
      beginning_utc_time: "2024-08-12T22:00:00.123456Z",
      iau_code: "PER",
      iau_shower_id: 7,
      vgeo_km_s: 59.2,
      peak_absmag: -4,
      lamgeo_deg: 10,
      sol_lon_deg: 140,
      participating_stations: ["UK0001", "BE0002"],
    },
    {
      id: "b",
      beginning_utc_time: "2024-08-13T11:59:59Z",
      iau_code: "PER",
      iau_shower_id: 7,
      vgeo_km_s: 200,
      peak_absmag: 1,
      participating_stations: ["UK0001"],
    },
    { id: "c", beginning_utc_time: "2024-08-13T12:00:00Z", vgeo_km_s: 0, peak_absmag: null },
    { id: "d", beginning_utc_time: null, vgeo_km_s: null },
    { id: "e", beginning_utc_time: "2024-08-13T13:00:00Z", withdrawn_at: "2024-09-01T00:00:00Z" },
  ]);
});
afterAll(() => database?.drop());

describe("GET /statistics", () => {
  test("/totals counts meteors that are not withdrawn", async () => {
    expect(await api.json("/statistics/totals")).toMatchObject({
      meteors: 4,
      first: "2024-08-12T22:00:00.123456Z",
      last: "2024-08-13T12:00:00.000000Z",
    });
    expect(await api.json("/statistics/totals?from=2030-01-01")).toMatchObject({
      meteors: 0,
      first: null,
    });
  });

  test("/nights run from noon to noon", async () => {
    expect(await api.json("/statistics/nights")).toEqual({
      nights: [
        { night: "2024-08-12", meteors: 2, shower_meteors: 2 },
        { night: "2024-08-13", meteors: 1, shower_meteors: 0 },
      ],
    });
  });

  test("/histogram has every meteor once: in a bin, outside, or missing", async () => {
    const histogram = await api.json("/statistics/histogram?field=vgeo_km_s") as {
      bins: { from: number; to: number; meteors: number }[];
    };
    expect(histogram).toMatchObject({ unit: "km/s", below: 0, above: 1, missing: 1 });
    expect(histogram.bins.filter(({ meteors }) => meteors > 0)).toEqual([
      { from: 0, to: 1, meteors: 1 },
      { from: 59, to: 60, meteors: 1 },
    ]);
  });

  test("/showers, /stations by meteors", async () => {
    expect(await api.json("/statistics/showers")).toMatchObject({
      showers: [{ code: "PER", number: 7, meteors: 2 }],
      sporadic: 2,
      meteors: 4,
    });
    expect(await api.json("/statistics/showers?from=2030-01-01")).toEqual({
      showers: [],
      sporadic: 0,
      meteors: 0,
    });
    expect(await api.json("/statistics/stations")).toEqual({
      stations: [
        { code: "UK0001", country_code: "UK", meteors: 2 },
        { code: "BE0002", country_code: "BE", meteors: 1 },
      ],
    });
  });

  test("/radiants are Sun-centred, from 0 to 360", async () => {
    const { radiants } = await api.json("/statistics/radiants") as {
      radiants: { id: string; sun_centred_longitude_deg: number }[];
    };
    expect(radiants.find(({ id }) => id === "a")?.sun_centred_longitude_deg).toBe(230);
  });

  test("/ground-tracks has the newest meteors, limited as requested", async () => {
    const { tracks } = await api.json("/statistics/ground-tracks?limit=1") as {
      tracks: { id: string }[];
    };
    expect(tracks.map(({ id }) => id)).toEqual(["c"]);
  });

  test.each([
    ["limit=0", "limit"],
    ["shower=PER;drop", "shower"],
    ["from=2024-02-30", "from"],
    ["showr=PER", "showr"],
    ["bbox=1,2,3", "bbox"],
  ])("refuses ?%s by name", async (query, parameter) => {
    const response = await api.get(`/statistics/showers?${query}`);
    expect(response.status).toBe(400);
    expect((await response.json()).detail).toContain(parameter);
  });
});
