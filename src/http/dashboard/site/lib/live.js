// The service's events as they happen: one stream for the whole page (`GET /events`). An event only says that something changed;
// pages then query the API, the single source of truth. A broken stream is reopened: by the browser, which sends the id of the last
// event it received, or here once the browser gives up.

/** @typedef {import("../types.ts").ServiceEvent} ServiceEvent @typedef {import("../types.ts").Change} Change */

const ACTIVITY_MAX = 150;
/** Delay before reopening once the browser has given up (it does when the answer is not a stream). */
const REOPEN_MS = 4_000;

/** What an event changes on pages, by its name or the first part of its name. @type {Record<string, readonly string[]>} */
const CHANGES = {
  "run": ["runs"],
  "run.loaded": ["runs", "store"],
  "run.completed": ["runs", "status"],
  "file": ["runs"],
  "schedule": ["status"],
  "sink": ["status"],
  "sink.loaded": ["store", "runs"],
  "sink.dead_letter": ["dead_letters"],
  "dead_letter": ["dead_letters"],
  "log": ["status"],
  "dependency": ["status"],
  "consumer": ["status"],
  "disk": ["status"],
  "broker": ["status"],
  "database": ["status"],
  "service": ["status"],
  "producer": ["status"],
  "showers": ["status", "store"],
};

/** Too frequent for a list that people read; their effects are shown elsewhere. */
const NOT_LISTED = new Set([
  "sink.loaded",
  "sink.assigned",
  "sink.revoked",
  "file.skipped",
  "file.started",
  "log.schema_registered",
  "log.topic_created",
]);

/** @type {Set<(change: Change) => void>} */
const changeListeners = new Set();
/** @type {Set<() => void>} */
const watchers = new Set();

/** @type {{ connection: "connecting" | "live" | "lost", activity: readonly ServiceEvent[], all: readonly ServiceEvent[] }} */
let state = { connection: "connecting", activity: [], all: [] };

/** @param {Partial<typeof state>} change */
function update(change) {
  state = { ...state, ...change };
  for (const watcher of watchers) watcher();
}

/** What an event may have changed, as topics of `onChange`. @param {string} name of the event @returns {readonly string[]} */
export function topicsOf(name) {
  return CHANGES[name] ?? CHANGES[name.split(".")[0] ?? ""] ?? [];
}

/** The current connection and activity. */
export function liveState() {
  return state;
}

/** Calls `watcher` when they change. @param {() => void} watcher @returns {() => void} stops it */
export function watchLive(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Calls `listener` when data of the service may have changed. @param {(change: Change) => void} listener @returns {() => void} */
export function onChange(listener) {
  changeListeners.add(listener);
  return () => changeListeners.delete(listener);
}

/** Opens the stream. */
export function startLive() {
  const source = new EventSource("/events");
  source.onopen = () => {
    const wasLost = state.connection === "lost";
    update({ connection: "live" });
    // Anything may have changed in the meantime, in other processes too.
    if (wasLost) notify(["runs", "store", "dead_letters", "status"]);
  };
  source.addEventListener("service_event", ({ data }) => take(JSON.parse(data)));
  source.onerror = () => {
    update({ connection: "lost" });
    if (source.readyState === EventSource.CLOSED) setTimeout(startLive, REOPEN_MS);
  };
}

/** Events come in bursts; the list is updated once for each burst. @type {ServiceEvent[]} */
let arrived = [];

/** @param {ServiceEvent} event */
function take(event) {
  const topics = topicsOf(event.name);
  if (topics.length > 0) notify(topics);
  arrived.unshift(event);
  if (arrived.length === 1) setTimeout(list, 100);
}

function list() {
  const known = new Set(state.all.map(({ id }) => id));
  const all = [...arrived.filter(({ id }) => !known.has(id)), ...state.all].slice(0, 1000);
  arrived = [];
  update({ all, activity: all.filter(isListed).slice(0, ACTIVITY_MAX) });
}

/** Whether the event has a line in the list of activity. @param {Pick<ServiceEvent, "name" | "level">} event */
export function isListed({ name, level }) {
  return !NOT_LISTED.has(name) && level !== "debug";
}

/** @param {readonly string[]} topics */
function notify(topics) {
  for (const listener of changeListeners) listener({ topics });
}
