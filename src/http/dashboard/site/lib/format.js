// Display formats of numbers and times: English digits, UTC, units.

const COUNT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** `12,345`; a dash for null. @param {number | null | undefined} n */
export function count(n) {
  return n === null || n === undefined ? "–" : COUNT.format(n);
}

/** `12.3K`. @param {number} n */
export function shortCount(n) {
  return n < 10_000 ? COUNT.format(n) : SHORT.format(n);
}

/** `1 file`, `2 files`. @param {number} n @param {string} one @param {string} [many] */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A number with fixed decimals and a real minus sign. @param {number | null | undefined} n @param {number} [decimals] */
export function fixed(n, decimals = 1) {
  return n === null || n === undefined || !Number.isFinite(n)
    ? "–"
    : n.toFixed(decimals).replace("-", "−");
}

/** `2026-11-20 12:34:56 UTC`. @param {string | number | Date | null} at */
export function utc(at) {
  if (at === null) return "–";
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `11-20 12:34`, for narrow columns whose heading says UTC. @param {string | number | Date} at */
export function shortUtc(at) {
  return new Date(at).toISOString().slice(5, 16).replace("T", " ");
}

/** `2026-11-20`. @param {string | number | Date} at */
export function utcDate(at) {
  return new Date(at).toISOString().slice(0, 10);
}

/** `3 min ago`, `in 2 h`. @param {string | number | Date} at @param {number} now milliseconds */
export function relative(at, now) {
  const s = (new Date(at).getTime() - now) / 1000;
  const size = Math.abs(s);
  if (size < 2) return "now";
  const text = span(size);
  return s > 0 ? `in ${text}` : `${text} ago`;
}

/** `in 45 s`, to a second; `now` from that time on. @param {string | number | Date} at @param {number} now milliseconds */
export function countdown(at, now) {
  const s = Math.ceil((new Date(at).getTime() - now) / 1000);
  return s > 0 ? `in ${s < MINUTE_S ? `${s} s` : span(s)}` : "now";
}

/** A duration in one or two units. @param {number} s seconds */
export function span(s) {
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < MINUTE_S) return `${Math.round(s)} s`;
  if (s < HOUR_S) return two(s, MINUTE_S, "min", 1, "s", s < 10 * MINUTE_S);
  if (s < DAY_S) return two(s, HOUR_S, "h", MINUTE_S, "min", true);
  return two(s, DAY_S, "d", HOUR_S, "h", s < 10 * DAY_S);
}

/**
 * @param {number} s @param {number} big @param {string} bigName @param {number} small @param {string} smallName
 * @param {boolean} both
 */
function two(s, big, bigName, small, smallName, both) {
  const whole = Math.floor(s / big);
  const rest = Math.floor((s - whole * big) / small);
  return both && rest > 0 ? `${whole} ${bigName} ${rest} ${smallName}` : `${whole} ${bigName}`;
}

/** `1.2 MB`. @param {number | null} n */
export function bytes(n) {
  if (n === null) return "–";
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(n < 1e4 ? 1 : 0)} kB`;
  if (n < 1e9) return `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} MB`;
  return `${(n / 1e9).toFixed(1)} GB`;
}

/** The end of an id, which is the part that differs (these ids begin with a time). @param {string} id */
export function shortId(id) {
  return id.slice(-6);
}

const MONTH = new Intl.DateTimeFormat("en-US", { month: "long", year: "numeric", timeZone: "UTC" });

/**
 * Describes the list that the showers' names come from, in a sentence or two; empty while it is unknown.
 * @param {import("../types.ts").ServiceStatus["shower_list"] | undefined} list
 */
export function showerListText(list) {
  if (list === null || list === undefined) return "";
  const { in_use, state_of, fetched_at, note } = list;
  const names = in_use === "shipped"
    ? `Names come from the IAU list of ${
      MONTH.format(new Date(`${state_of}-01T00:00:00Z`))
    } that ships with the service.`
    : in_use === "fetched"
    ? `Names come from the IAU list${
      fetched_at === null ? "" : ` fetched on ${utcDate(fetched_at)}`
    }.`
    : "Names are not available yet.";
  return note === null ? names : `${names} A newer list: ${note}.`;
}
