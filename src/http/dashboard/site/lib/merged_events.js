// A run's recorded events and those that only this process observed, in one list.

/** @typedef {import("../types.ts").ServiceEvent} ServiceEvent @typedef {import("../types.ts").RunHistory} RunHistory */

/**
 * Both kinds in one list, newest first. Live events older than the page belong to a later page.
 * @param {RunHistory["events"]} events @param {readonly ServiceEvent[]} live
 * @returns {ServiceEvent[]}
 */
export function mergedEvents(events, live) {
  const recorded = events.map(({ offset, ...event }) => ({
    ...event,
    id: `offset-${offset}`,
    detail: {},
  }));
  const oldest = recorded.at(-1)?.at ?? "";
  return [...live.filter(({ at }) => at >= oldest), ...recorded].sort((a, b) =>
    a.at < b.at ? 1 : a.at > b.at ? -1 : 0
  );
}
