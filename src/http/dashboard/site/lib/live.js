// @ts-check
// What happens in the service, as it happens: one event stream for the whole page (see live_changes.ts). A stream that breaks is
// opened again, by the browser or, when it gave up, here.

/** @typedef {import("../types.ts").Happening} Happening @typedef {import("../types.ts").Change} Change */

const ACTIVITY_MAX = 100;
/** After the browser gave up (it does when the answer is not a stream). */
const REOPEN_MS = 4_000;

/** @type {Set<(change: Change) => void>} */
const changeListeners = new Set();
/** @type {Set<() => void>} */
const watchers = new Set();

/** @type {{ connection: "connecting" | "live" | "lost", activity: readonly Happening[] }} */
let state = { connection: "connecting", activity: [] };

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
  const source = new EventSource("/dashboard/events");
  /** @type {Happening[]} */
  let told = [];
  source.onopen = () => {
    const isReturn = state.connection === "lost";
    // The service tells what it remembers again.
    told = [];
    update({ connection: "live" });
    // Whatever was missed meanwhile.
    if (isReturn) tell({ topics: ["runs", "store", "dead_letters", "status"], runs: [] });
  };
  source.addEventListener("happening", (event) => {
    told = [JSON.parse(event.data), ...told].slice(0, ACTIVITY_MAX);
    update({ activity: told });
  });
  source.addEventListener("changed", (event) => tell(JSON.parse(event.data)));
  source.onerror = () => {
    update({ connection: "lost" });
    if (source.readyState === EventSource.CLOSED) setTimeout(startLive, REOPEN_MS);
  };
}

/** @param {Change} change */
function tell(change) {
  for (const listener of changeListeners) listener(change);
}
