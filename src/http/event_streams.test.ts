import { Hono } from "hono";
import { expect, test } from "vitest";
import { createObserver } from "../observe/observe.ts";
import { type EventStream, EventStreams } from "./event_streams.ts";
import { RecentEvents } from "./recent_events.ts";

function open(streams: EventStreams) {
  let opened!: EventStream;
  const app = new Hono();
  app.get("/", (context) => streams.answer(context, (stream) => opened = stream));
  return { response: app.request("/"), stream: () => opened };
}

test("the stream of a reader that does not read is ended, and its slot is free again", async () => {
  const streams = new EventStreams(1);
  const { response, stream } = open(streams);
  await response;
  let sent = 0;
  while (!stream().ended.aborted) {
    stream().send({ event: "x", data: { n: sent++ } });
    if (sent > 10_000) throw new Error("a slow reader's queue has no end");
  }
  expect(sent).toBeLessThan(1_000);
  expect(streams.size).toBe(0);
});

test("the number of streams is limited; one that ends frees its slot", async () => {
  const streams = new EventStreams(1);
  const first = await open(streams).response;
  expect(() => streams.answer({ req: {} } as never, () => {})).toThrow(/1 event streams/);
  await first.body!.cancel();
  expect(streams.size).toBe(0);
});

test("a shutdown ends all streams, including later ones", async () => {
  const streams = new EventStreams();
  const before = await open(streams).response;
  streams.close();
  expect(await before.text()).toBe("retry: 2000\n\n");
  expect(await (await open(streams).response).text()).toBe("retry: 2000\n\n");
});

test("events are remembered by number, and ids of an earlier process are not mistaken for ours", () => {
  const { observe, listen } = createObserver();
  const events = new RecentEvents(listen, new Date(1000));
  for (let n = 0; n < 1100; n++) observe("service.stopping", { reason: `${n}` });
  // Requests are not reported: a reader would get an event for its own request.
  observe("http.error", { requestId: "", method: "GET", path: "/", reason: "secret" });
  const all = events.after(null);
  expect(all).toHaveLength(1000);
  expect(all[0]).toMatchObject({ message: "stopping: 100", level: "info" });
  expect(events.after(all[997]!.id).map(({ message }) => message)).toEqual([
    "stopping: 1098",
    "stopping: 1099",
  ]);
  expect(events.after(all.at(-1)!.id)).toEqual([]);
  expect(events.after("zzz-5")).toHaveLength(1000);
  expect(events.after("nonsense")).toHaveLength(1000);
});
