/** A run that ends while the database is away. */
import { type AddressInfo, connect, createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createObserver, type ServiceEvent } from "../../src/observe/observe.ts";
import { RunEngine } from "../../src/producer/run_engine.ts";
import { LocalDirectory } from "../../src/producer/source/local_directory.ts";
import { Withdrawals } from "../../src/producer/withdrawals.ts";
import { watchLoaded } from "../../src/service/loaded_watch.ts";
import { connectStore } from "../../src/store/connection.ts";
import { lookAtFile, readChangedFiles } from "../../src/store/file_generations.ts";
import { createMemoryLog } from "../producer/memory_log.ts";
import { until } from "../support/poll.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const HOST = "127.0.0.1";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A port of which nobody answers, and a server that passes its connections on to the database once it listens there. */
async function doorTo({ port: inside, hostname }: URL) {
  const door = createServer((client) => {
    const server = connect(Number(inside), hostname);
    client.on("error", () => server.destroy()).on("close", () => server.destroy());
    server.on("error", () => client.destroy()).on("close", () => client.destroy());
    client.pipe(server).pipe(client);
  });
  const listen = (port: number) => new Promise<void>((resolve) => door.listen(port, HOST, resolve));
  await listen(0);
  const { port } = door.address() as AddressInfo;
  await new Promise((resolve) => door.close(resolve));
  return { port, open: () => listen(port), close: () => door.close() };
}

test("its rows are waited for until the database is back; then it is reported, and what it left out is withdrawn", async () => {
  const url = new URL(database.url);
  const door = await doorTo(url);
  url.port = String(door.port);
  url.hostname = HOST;
  const happened: ServiceEvent[] = [];
  const observer = createObserver();
  observer.listen((event) => happened.push(event));
  const { observe } = observer;
  const store = connectStore({ url: url.href, max: 2, applicationName: "test", observe });
  const { sql } = store;
  const log = createMemoryLog();
  const { journal, history, publisher } = log;
  const directory = new LocalDirectory("/nowhere");
  const engine = new RunEngine({ directory, journal, history, publisher, owner: "a", observe });
  const stop = new AbortController();
  const { signal } = stop;
  let looks = 0;
  const withdrawals = new Withdrawals({
    generations: {
      changed: () => (looks++, readChangedFiles(sql)),
      look: (file, neighbours) => lookAtFile(sql, file, neighbours),
      loaded: () => Promise.resolve(new Map()),
    },
    publisher,
    observe,
    signal,
  });
  const unwatch = watchLoaded({ engine, sql, observe, withdrawals, signal });
  try {
    const { run } = await engine.submit({
      kind: "daily",
      selection: { days: 1 },
      requestedBy: "cli",
    });
    await engine.waitFor(run.runId);
    const names = () => happened.map(({ name }) => name);
    await until("the database is missed", () => names().includes("dependency.unavailable"));
    expect(names()).not.toContain("run.loaded");
    await door.open();
    await until("the run is loaded", () => names().includes("run.loaded"));
    await until("withdrawals are looked for", () => looks > 0);
  } finally {
    unwatch();
    stop.abort();
    await engine.stop();
    await store.close();
    door.close();
  }
});
