/** The shower list, fetched over real HTTP and from real files; its store and topic are lists. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createObserver, type ServiceEvent } from "../observe/observe.ts";
import { sentenceOf } from "../observe/event_text.ts";
import type { ListedShower, ShowerListFetch } from "../store/iau_showers.ts";
import { fetchShowerList } from "./shower_list_source.ts";
import { isShipmentDue, type ShowerListKnowledge, ShowerNames } from "./shower_names.ts";

const NOW = new Date("2026-01-02T00:00:00Z");
const HOUR = 3_600_000;

/** A line of the layout of 2007. */
const line = (number: number, code: string, name: string) =>
  ["0", String(number).padStart(5, "0"), "000", code, name, "annual", "1", ...Array(21).fill("")]
    .map((cell) => `"${cell.padEnd(6)}"`).join("|");
const listOf = (...lines: string[]) => `: a list\n+----\n${lines.join("\n")}\n`;
const PERSEIDS = line(7, "PER", "Perseids");
const GEMINIDS = line(4, "GEM", "Geminids");

let stop: AbortController;
let working: Promise<void>[];
beforeEach(() => {
  stop = new AbortController();
  working = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(working);
});

const SHIPPED = {
  edition: "2021-11",
  showers: [{ number: 4, code: "GEM", name: "Geminids", status: null }],
};
const fetchAt = (at: Date): ShowerListFetch => ({ address: "list", at, showers: 1 });

interface Given {
  /** What each fetch returns, in order. */
  lists?: (string | Error)[];
  lastFetch?: ShowerListFetch | null;
  /** What the topic and the data store contain. */
  listed?: ListedShower[];
  address?: string | null;
  isCaughtUp?: boolean;
}

function setUp(given: Given) {
  const { lists = [], listed = [], address = "list", isCaughtUp = true } = given;
  const published: ListedShower[] = [];
  const happened: ServiceEvent[] = [];
  const observer = createObserver();
  observer.listen((event) => happened.push(event));
  let last = given.lastFetch ?? null;
  const fetches: string[] = [];
  const names = new ShowerNames({
    address,
    shipped: SHIPPED,
    fetch(from) {
      fetches.push(from);
      const list = lists.shift() ?? new Error("no more");
      if (list instanceof Error) return Promise.reject(list);
      return Promise.resolve({ source: "list of a test", bytes: new TextEncoder().encode(list) });
    },
    store: {
      // The last entry of each number.
      listed: () =>
        Promise.resolve([...new Map([...listed, ...published].map((s) => [s.number, s])).values()]),
      lastFetch: () => Promise.resolve(last),
      latestFetch: () => Promise.resolve(last),
      fetched: (fetch) => Promise.resolve(void (last = fetch)),
    },
    log: {
      state: () => {
        const isEmpty = listed.length + published.length === 0;
        return Promise.resolve({ isEmpty, isCaughtUp: isEmpty || isCaughtUp });
      },
      publish: (showers) => Promise.resolve(void published.push(...showers)),
    },
    observe: observer.observe,
    now: () => NOW,
  });
  const keep = () => void working.push(names.keep(stop.signal));
  const messages = () => happened.map(sentenceOf);
  return {
    names,
    keep,
    published,
    names_of: () => happened.map(({ name }) => name),
    fetches,
    messages,
  };
}

const shipped = (edition: string, number = 4): ListedShower => ({
  number,
  code: "GEM",
  name: "Geminids",
  status: null,
  source: `shipped list of ${edition}`,
});
const fetched = (number: number, code: string, name: string): ListedShower => ({
  number,
  code,
  name,
  status: 1,
  source: "last year's",
});

describe("the fetched list", () => {
  test("is published over the shipped one, equal names too", async () => {
    const { keep, published, names_of } = setUp({ lists: [listOf(PERSEIDS, GEMINIDS)] });
    keep();
    await expect.poll(names_of).toEqual(["showers.shipped", "showers.fetched"]);
    expect(published.map(({ code, source }) => [code, source])).toEqual([
      ["GEM", "shipped list of 2021-11"],
      ["GEM", "list of a test"],
      ["PER", "list of a test"],
    ]);
  });

  test("is fetched weekly, and only changes are published", async () => {
    const { keep, published, names_of } = setUp({
      lists: [listOf(PERSEIDS, GEMINIDS)],
      lastFetch: fetchAt(new Date(NOW.getTime() - 7 * 24 * HOUR)),
      listed: [fetched(7, "PER", "Perseids")],
    });
    keep();
    await expect.poll(names_of).toEqual(["showers.fetched"]);
    expect(published.map(({ code }) => code)).toEqual(["GEM"]);
  });

  test("is left alone within the week", async () => {
    const { keep, fetches, published } = setUp({
      lastFetch: fetchAt(NOW),
      listed: [fetched(7, "PER", "Perseids")],
    });
    keep();
    stop.abort();
    await Promise.all(working);
    expect([fetches, published]).toEqual([[], []]);
  });

  test("is published in full to an empty log, even if the data store knows it", async () => {
    const { keep, published, names_of } = setUp({
      lists: [listOf(PERSEIDS)],
      lastFetch: fetchAt(NOW),
    });
    keep();
    await expect.poll(names_of).toEqual(["showers.fetched"]);
    expect(published.map(({ code }) => code)).toEqual(["PER"]);
  });

  test("is never fetched when it is off; the shipped list is published", async () => {
    const { keep, fetches, published, names_of, names } = setUp({ address: null });
    keep();
    await expect.poll(names_of).toEqual(["showers.shipped"]);
    expect(published).toEqual([shipped("2021-11")]);
    expect([fetches, names.problem]).toEqual([[], null]);
  });

  test.each([
    ["is unavailable", new Error("no network"), null, "the shipped list of November 2021"],
    ["is an error page", "<html>Not here</html>", null, "the shipped list of November 2021"],
    [
      "is unavailable later",
      new Error("no network"),
      fetchAt(new Date("2025-12-01T00:00:00Z")),
      "the list fetched on 2025-12-01",
    ],
  ])("that %s is said in one line, and what names come from", async (_, list, lastFetch, inUse) => {
    const listed = lastFetch === null ? [] : [fetched(7, "PER", "Perseids")];
    const { names, keep, names_of, messages } = setUp({ lists: [list], lastFetch, listed });
    keep();
    await expect.poll(names_of).toContain("showers.unavailable");
    expect(names.problem).toEqual(expect.any(String));
    expect(messages().at(-1)).toMatch(
      new RegExp(
        `^Could not fetch the IAU shower list \\(.*\\)\\. Names come from ${inUse} until it is available\\.$`,
      ),
    );
    expect(names_of()).toHaveLength(lastFetch === null ? 2 : 1);
  });
});

describe("the shipped list", () => {
  const due = (given: Partial<ShowerListKnowledge>) =>
    isShipmentDue("2021-11", {
      listed: [],
      isFetched: false,
      log: { isEmpty: false, isCaughtUp: true },
      ...given,
    });
  const empty = { isEmpty: true, isCaughtUp: true };

  test.each<[string, boolean, Partial<ShowerListKnowledge>]>([
    ["on a new log", true, { log: empty }],
    ["on a new log beside a data store that knows a list", false, {
      log: empty,
      listed: [fetched(7, "PER", "Perseids")],
    }],
    ["on a new log beside a data store that knows a fetch", false, { log: empty, isFetched: true }],
    ["again", false, { listed: [shipped("2021-11")] }],
    ["over an older edition", true, { listed: [shipped("2020-01"), shipped("2021-10", 5)] }],
    ["over a newer edition", false, { listed: [shipped("2026-01")] }],
    ["over an edition that is partly left", false, {
      listed: [shipped("2020-01"), shipped("2021-11", 5)],
    }],
    ["over a fetched list", false, { listed: [shipped("2020-01"), fetched(7, "PER", "x")] }],
    ["over a fetched list that equals it", false, {
      listed: [shipped("2020-01")],
      isFetched: true,
    }],
    ["over what the data store has not read yet", false, {
      listed: [shipped("2020-01")],
      log: { isEmpty: false, isCaughtUp: false },
    }],
    ["when all was taken off the list", false, {}],
  ])("is published %s: %s", (_, expected, knowledge) => {
    expect(due(knowledge)).toBe(expected);
  });
});

describe("the source of the list", () => {
  const options = { userAgent: "test", now: NOW };

  test("is this year's file, or else last year's", async () => {
    const folder = await mkdtemp(join(tmpdir(), "gmn-showers-"));
    try {
      const address = join(folder, "list{year}.txt");
      await expect(fetchShowerList(address, options)).rejects.toThrow(/list2026.txt or .*list2025/);
      for (const year of [2025, 2026]) {
        await writeFile(join(folder, `list${year}.txt`), String(year));
        const { source, bytes } = await fetchShowerList(address, options);
        expect([source, new TextDecoder().decode(bytes)]).toEqual([
          join(folder, `list${year}.txt`),
          String(year),
        ]);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("may be a file by its URL; an endless file is refused", async () => {
    const shipped = new URL("../trajectory/iau_showers.csv", import.meta.url);
    const { bytes } = await fetchShowerList(shipped.href, options);
    expect(bytes.length).toBeGreaterThan(10_000);
    await expect(fetchShowerList("/dev/zero", options)).rejects.toThrow(/more than \d+ bytes/);
  });

  test("is downloaded; a missing page leads to last year's list, a failing server does not", async () => {
    const server = createServer((request, response) => {
      const status = { "/2025": 200, "/2026": 404, "/broken": 503 }[request.url ?? ""] ?? 500;
      response.writeHead(status).end(String(status));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    try {
      const { source } = await fetchShowerList(`http://127.0.0.1:${port}/{year}`, options);
      expect(source).toBe(`http://127.0.0.1:${port}/2025`);
      await expect(fetchShowerList(`http://127.0.0.1:${port}/broken`, options)).rejects.toThrow(
        /answered 503/,
      );
      await expect(fetchShowerList("http://127.0.0.1:1/", options)).rejects.toThrow(/can't reach/);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
