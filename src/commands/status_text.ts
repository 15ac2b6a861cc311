/** `GET /status` as text that can be read at a glance. */
import type { ServiceStatus } from "../http/status_schemas.ts";
import { describeSelection } from "../runs/selection.ts";
import { sayWaiting } from "../runs/waiting_text.ts";
import { count } from "./progress_bar.ts";

const SECOND_MS = 1000, MINUTE_MS = 60_000, HOUR_MS = 3_600_000, DAY_MS = 86_400_000;

/** Enough to see where it is; `GET /status` has all. */
const DAMAGE_LINES_MAX = 5;

/** Whether every part of the service is ready. */
export function isReady({ parts }: ServiceStatus): boolean {
  return Object.values(parts).every(({ ready }) => ready);
}

/** The lines, each with its newline; the first says whether everything is ready. `url` is the address of the service. */
export function describeStatus(
  status: ServiceStatus,
  { url, now }: { readonly url: string; readonly now: Date },
): string {
  const unready = Object.entries(status.parts).filter(([, { ready }]) => !ready);
  const up_ms = now.getTime() - Date.parse(status.started_at);
  const rows: [string, string][] = [
    [
      isReady(status) ? "ready" : "NOT READY",
      unready.length === 0
        ? url
        : `${unready.map(([name]) => name).join(", ")}: see below (${url})`,
    ],
    ["version", `${status.version}, up for ${span(up_ms)}, roles ${status.roles.join(", ")}`],
    ...Object.entries(status.parts).map(([name, { ready, detail }]): [string, string] => [
      name,
      ready ? detail : `NOT READY: ${detail}`,
    ]),
    ...(status.log?.decisions ?? []).map(({ command, effect }): [string, string] => [
      "",
      `${command}: ${effect}`,
    ]),
    ...status.log_damage.filter(({ repaired }) => !repaired).slice(0, DAMAGE_LINES_MAX).map((
      { topic, partition, first_offset, last_offset },
    ): [string, string] => [
      "DAMAGED",
      `${topic}-${partition}, offsets ${first_offset} to ${last_offset}: deno task log repair`,
    ]),
    ["data store", storeText(status)],
    ["lag", lagText(status)],
    ...runRows(status),
    ["schedule", scheduleText(status, now)],
    ["shower list", showersText(status)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join("");
}

/** The runs that have not ended, and what they wait for. */
function runRows({ runs }: ServiceStatus): [string, string][] {
  return (runs ?? []).map((run): [string, string] => {
    const { id, kind, selection, state, files } = run;
    const settled = files.extracted + files.skipped + files.failed;
    const done = files.planned === 0 ? state : `${state}, ${settled} of ${files.planned} file(s)`;
    const waits = sayWaiting(run);
    return [
      "run",
      `${id}, ${kind}, ${describeSelection(selection)}: ${done}${
        waits === null ? "" : `; ${waits}`
      }`,
    ];
  });
}

function storeText({ store }: ServiceStatus): string {
  return store === null
    ? "unknown while the database is unavailable"
    : `${count(store.meteors)} meteors, ${count(store.dead_letters)} dead letters`;
}

/** How many records of which topics have not been loaded yet. */
function lagText({ lag }: ServiceStatus): string {
  if (lag.length === 0) return "unknown while the broker or the database is unavailable";
  const behind = new Map<string, number>();
  for (const { topic, lag: records } of lag) {
    if (records > 0) behind.set(topic, (behind.get(topic) ?? 0) + records);
  }
  if (behind.size === 0) return "none: everything in the log is loaded";
  return [...behind].map(([topic, records]) => `${topic} ${count(records)} records`).join(", ");
}

function scheduleText({ schedule }: ServiceStatus, now: Date): string {
  if (schedule === null) return "none in this process";
  const { pattern, next, paused_since, leader, problem } = schedule;
  const when = paused_since !== null
    ? `PAUSED since ${paused_since}`
    : next === null
    ? "no next run"
    : `next run ${next.slice(0, 16).replace("T", " ")} UTC, in ${
      span(Date.parse(next) - now.getTime())
    }`;
  return `${when} (${pattern}${leader ? "" : "; another process leads"})${
    problem === null ? "" : `; ${problem}`
  }`;
}

/** The list that shower names come from. */
function showersText({ shower_list: list }: ServiceStatus): string {
  if (list === null) return "unknown while the database is unavailable";
  const { in_use, source, fetched_at, state_of, showers, note } = list;
  const which = in_use === "fetched"
    ? `fetched${fetched_at === null ? "" : ` ${fetched_at.slice(0, 10)}`} from ${source}`
    : in_use === "shipped"
    ? `the shipped list of ${state_of}`
    : "no list yet";
  return `${count(showers)} showers, ${which}${note === null ? "" : ` (${note})`}`;
}

/** A span of time in its largest unit and the next: `3 days 4 h`, `5 min 10 s`. */
function span(ms: number): string {
  const whole = Math.max(0, Math.round(ms / SECOND_MS) * SECOND_MS);
  const [days, hours, minutes, seconds] = [
    Math.floor(whole / DAY_MS),
    Math.floor(whole / HOUR_MS) % 24,
    Math.floor(whole / MINUTE_MS) % 60,
    Math.floor(whole / SECOND_MS) % 60,
  ];
  if (days > 0) return `${days} days ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${seconds} s`;
  return `${seconds} s`;
}
