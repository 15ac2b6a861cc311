// What happens in the service, as it happens: one event stream for the whole page (`GET /events`). The stream tells that something
// happened; pages then ask the API, which is the one truth. A stream that breaks is opened again: by the browser, which says
// where it was, or here when the browser gave up.

/** @typedef {import("../types.ts").Happening} Happening @typedef {import("../types.ts").Change} Change */

const ACTIVITY_MAX = 150;
/** After the browser gave up (it does when the answer is not a stream). */
const REOPEN_MS = 4_000;

/** What a happening changes on pages, by its name or the first part of it. @type {Record<string, readonly string[]>} */
const CHANGES = {
  "run": ["runs"],
  "run.loaded": ["runs", "store"],
  "run.completed": ["runs", "status"],
  "file": ["runs"],
  "schedule": ["status"],
  "sink": ["status"],
  "sink.loaded": ["store", "runs"],
  "sink.dead_letter": ["dead_letters"],
  "letter": ["dead_letters"],
  "letters": ["dead_letters"],
  "dead_letter": ["dead_letters"],
  "replay": ["dead_letters", "store"],
  "log": ["status"],
  "broker": ["status"],
  "database": ["status"],
  "service": ["status"],
  "producer": ["status"],
  "showers": ["status", "store"],
};

/** Too many to be read as a list; what they change is shown elsewhere. */
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

/** @type {{ connection: "connecting" | "live" | "lost", activity: readonly Happening[], all: readonly Happening[] }} */
let state = { connection: "connecting", activity: [], all: [] };

/** @param {Partial<typeof state>} change */
function update(change) {
  state = { ...state, ...change };
  for (const watcher of watchers) watcher();
}

/** Connection and activity now. */
export function liveState() {
  return state;
}

/** Calls when that changed. @param {() => void} watcher @returns {() => void} stops it */
export function watchLive(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Calls when something in the service may have changed. @param {(change: Change) => void} listener @returns {() => void} */
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
    // Whatever was missed meanwhile, in other processes too.
    if (wasLost) tell(["runs", "store", "dead_letters", "status"]);
  };
  source.addEventListener("happening", (event) => take(JSON.parse(event.data)));
  source.onerror = () => {
    update({ connection: "lost" });
    if (source.readyState === EventSource.CLOSED) setTimeout(startLive, REOPEN_MS);
  };
}

/** Happenings come in bursts; the list is renewed once for each. @type {Happening[]} */
let arrived = [];

/** @param {Happening} happening */
function take(happening) {
  const topics = CHANGES[happening.name] ?? CHANGES[happening.name.split(".")[0] ?? ""];
  if (topics !== undefined) tell(topics);
  arrived.unshift(happening);
  if (arrived.length === 1) setTimeout(list, 100);
}

function list() {
  const known = new Set(state.all.map(({ id }) => id));
  const all = [...arrived.filter(({ id }) => !known.has(id)), ...state.all].slice(0, 1000);
  arrived = [];
  update({ all, activity: all.filter(isListed).slice(0, ACTIVITY_MAX) });
}

/** @param {Happening} happening */
function isListed({ name, level }) {
  return !NOT_LISTED.has(name) && level !== "debug";
}

/** @param {readonly string[]} topics */
function tell(topics) {
  for (const listener of changeListeners) listener({ topics });
}
