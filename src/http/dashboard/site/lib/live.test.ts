import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isListed, liveState, onChange, startLive, topicsOf, watchLive } from "./live.js";
import type { ServiceEvent } from "../types.ts";

/** Replaces the browser's class, which does not exist here: the test sends its events. */
class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static opened: Stream[] = [];
  readyState = 1;
  onopen = () => {};
  onerror = () => {};
  constructor(readonly address: string) {
    super();
    Stream.opened.push(this);
  }
  send(event: Partial<ServiceEvent>) {
    this.dispatchEvent(new MessageEvent("service_event", { data: JSON.stringify(event) }));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Stream);
  Stream.opened = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("the name of an event, or the first part of it, says what may have changed", () => {
  expect(topicsOf("run.loaded")).toEqual(["runs", "store"]);
  expect(topicsOf("run.started")).toEqual(["runs"]);
  expect(topicsOf("sink.dead_letter")).toEqual(["dead_letters"]);
  expect(topicsOf("dead_letter.replayed")).toEqual(["dead_letters"]);
  expect(topicsOf("database.ready")).toEqual(["status"]);
  expect(topicsOf("http.request")).toEqual([]);
});

test("the activity list has events worth reading, without details", () => {
  expect(isListed({ name: "run.started", level: "info" })).toBe(true);
  expect(isListed({ name: "run.started", level: "debug" })).toBe(false);
  expect(isListed({ name: "sink.loaded", level: "info" })).toBe(false);
});

test("events reach the pages at once and the list in batches, each once, newest first", () => {
  const changes: string[] = [];
  const stopListening = onChange(({ topics }) => changes.push(topics.join(" ")));
  const seen = vi.fn();
  const stopWatching = watchLive(seen);
  startLive();
  const [stream] = Stream.opened;
  expect(stream!.address).toBe("/events");
  stream!.onopen();
  expect(liveState().connection).toBe("live");
  seen.mockClear();

  stream!.send({ id: "1", name: "run.started", level: "info" });
  stream!.send({ id: "2", name: "sink.loaded", level: "info" });
  expect(changes).toEqual(["runs", "store runs"]);
  expect(seen).not.toHaveBeenCalled();
  vi.runAllTimers();
  expect(seen).toHaveBeenCalledTimes(1);
  expect(liveState().all.map(({ id }) => id)).toEqual(["2", "1"]);
  expect(liveState().activity.map(({ id }) => id)).toEqual(["1"]);

  // After a reconnect the service repeats the events that it remembers.
  stream!.send({ id: "1", name: "run.started", level: "info" });
  vi.runAllTimers();
  expect(liveState().all.map(({ id }) => id)).toEqual(["2", "1"]);
  stopListening();
  stopWatching();
});

test("a lost stream is reopened, and everything is queried again", () => {
  const changes: string[] = [];
  const stop = onChange(({ topics }) => changes.push(topics.join(" ")));
  startLive();
  const first = Stream.opened[0]!;
  first.onerror();
  expect(liveState().connection).toBe("lost");
  vi.runAllTimers();
  // The browser itself retries until the stream is closed.
  expect(Stream.opened).toHaveLength(1);
  first.readyState = Stream.CLOSED;
  first.onerror();
  vi.runAllTimers();
  expect(Stream.opened).toHaveLength(2);
  Stream.opened[1]!.onopen();
  expect(liveState().connection).toBe("live");
  expect(changes).toEqual(["runs store dead_letters status"]);
  stop();
});
