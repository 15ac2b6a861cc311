// Which meteors a page shows: the filter in its address, and the same filter in the API's form.
import { utcDate } from "./format.js";
import { go, href } from "./router.js";

const DAY_MS = 86_400_000;
/** Days shown when the address gives no range. */
const STANDARD_DAYS = 10;

/** `text` is the range's button: days, `all`, or empty when the dates were chosen. @typedef {{ from: string | null, to: string | null, text: string }} Range */

/**
 * The range of time in the address; by default the last days that have meteors.
 * @param {URLSearchParams} query @param {string | null} newest when the newest meteor was
 * @returns {Range}
 */
export function rangeOf(query, newest) {
  const from = query.get("from");
  const to = query.get("to");
  if (from !== null || to !== null) return { from, to, text: "" };
  const last = query.get("last") ?? String(STANDARD_DAYS);
  if (last === "all" || newest === null) return { from: null, to: null, text: "all" };
  const days = Number.parseInt(last, 10) || STANDARD_DAYS;
  return { from: utcDate(Date.parse(newest) - (days - 1) * DAY_MS), to: null, text: String(days) };
}

/** The filter in the API's form, without null values. @param {Record<string, string | null>} given */
export function filterText(given) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value !== null) query.set(name, value);
  return query.toString();
}

/** Opens the meteors with a changed filter. @param {URLSearchParams} query @param {Record<string, string | null>} change */
export function refine(query, change) {
  go(href(["meteors"], { ...Object.fromEntries(query), ...change }));
}
