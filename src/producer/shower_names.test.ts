/** The shower list as it comes, over real HTTP and real files; its store and topic are lists. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createObserver, type Happening } from "../observe/observe.ts";
import type { ListedShower, ShowerListFetch } from "../store/iau_showers.ts";
import { fetchShowerList } from "./shower_list_source.ts";
import { ShowerNames } from "./shower_names.ts";

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

function setUp(lists: (string | Error)[], lastFetch: ShowerListFetch | null = null) {
  const published: ListedShower[] = [];
  const happened: Happening[] = [];
  const observer = createObserver();
  observer.listen((happening) => happened.push(happening));
  let last = lastFetch;
  const names = new ShowerNames({
    address: "list",
    fetch() {
      const list = lists.shift() ?? new Error("no more");
      if (list instanceof Error) return Promise.reject(list);
      return Promise.resolve({ source: "list of a test", bytes: new TextEncoder().encode(list) });
    },
    store: {
      listed: () => Promise.resolve(published),
      lastFetch: () => Promise.resolve(last),
      fetched: (fetch) => Promise.resolve(void (last = fetch)),
    },
    publish: (showers) => Promise.resolve(void published.push(...showers)),
    observe: observer.observe,
    now: () => NOW,
  });
  const keep = () => void working.push(names.keep(stop.signal));
  return { names, keep, published, names_of: () => happened.map(({ name }) => name), lists };
}

describe("the list", () => {
  test("is fetched when it never was, and published", async () => {
    const { names, keep, published } = setUp([listOf(PERSEIDS, GEMINIDS)]);
    keep();
    await expect.poll(() => names.state()).toMatchObject({ fetchedAt: NOW, showers: 2 });
    expect(published.map(({ code, name }) => [code, name])).toEqual([
      ["GEM", "Geminids"],
      ["PER", "Perseids"],
    ]);
  });

  test("is fetched weekly, and only what changed is published", async () => {
    const week = { at: new Date(NOW.getTime() - 7 * 24 * HOUR), showers: 2 };
    const { keep, published, names_of } = setUp([listOf(PERSEIDS, GEMINIDS)], week);
    published.push({ number: 7, code: "PER", name: "Perseids", status: 1, source: "last year's" });
    keep();
    await expect.poll(names_of).toEqual(["showers.fetched"]);
    expect(published.slice(1).map(({ code }) => code)).toEqual(["GEM"]);
  });

  test("is left alone within the week", async () => {
    const { keep, lists } = setUp([listOf(PERSEIDS)], { at: NOW, showers: 1 });
    keep();
    stop.abort();
    await Promise.all(working);
    expect(lists).toHaveLength(1);
  });

  test.each([
    ["can't be had", new Error("no network")],
    ["is an error page", "<html>Not here</html>"],
  ])("that %s is said in one line, and in the state", async (_, list) => {
    const { names, keep, published, names_of } = setUp([list]);
    keep();
    await expect.poll(names_of).toEqual(["showers.unavailable"]);
    expect(await names.state()).toMatchObject({ fetchedAt: null, problem: expect.any(String) });
    expect(published).toEqual([]);
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

  test("is downloaded; a page that is not there is the other year's turn, a failing server is none", async () => {
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
