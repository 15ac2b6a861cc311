// Calculations for runs: files done, rows in progress, speed, and estimated time left.
import { count, fixed, span } from "./format.js";

/** @typedef {import("../types.ts").RunView} RunView @typedef {import("../types.ts").RunFileView} RunFileView */

/** When a smaller share is done, an estimate is meaningless. */
const SHARE_MIN = 0.02;

/** Whether the run has ended, in any way. @param {Pick<RunView, "state">} run */
export function isOver(run) {
  return run.state !== "running" && run.state !== "requested";
}

/** Rows on the log that the consumer has not passed yet. @param {Pick<RunView, "rows">} run */
export function rowsUnderWay(run) {
  return Math.max(0, run.rows.published - run.rows.loaded - run.rows.dead);
}

/**
 * What became of the loaded rows, which they add up to; null when an earlier version loaded some, which did not count it.
 * @param {RunView["rows"]} rows
 */
export function outcomesOf(rows) {
  const all = [
    { name: "new", title: "Added to the data store.", rows: rows.new },
    { name: "changed", title: "Changed a trajectory of the data store.", rows: rows.changed },
    { name: "repeated", title: "Say what the data store already had.", rows: rows.repeated },
    { name: "stale", title: "Of an older file than what the data store has.", rows: rows.stale },
    {
      name: "duplicate",
      title: "Of a trajectory that its file has twice, with fewer stations.",
      rows: rows.duplicate,
    },
  ];
  const known = all.flatMap(({ rows, ...of }) => rows === null ? [] : [{ ...of, rows }]);
  return known.length < all.length ? null : known;
}

/** Files that the run has finished with. @param {Pick<RunView, "files">} run */
export function filesDone({ files }) {
  return files.extracted + files.skipped + files.failed;
}

/** Seconds from the start to the end, or to now; null before the start. @param {RunView} run @param {number} now milliseconds */
export function runSeconds(run, now) {
  if (run.started_at === null) return null;
  const end = run.ended_at === null ? now : Date.parse(run.ended_at);
  return Math.max(0, (end - Date.parse(run.started_at)) / 1000);
}

/** `57 rows/s`, over the whole run so far. @param {RunView} run @param {number} now milliseconds */
export function rateText(run, now) {
  const seconds = runSeconds(run, now);
  if (seconds === null || run.rows.read === 0) return "–";
  const rate = run.rows.read / Math.max(seconds, 0.001);
  return `${rate < 10 ? fixed(rate, 1) : count(rate)} rows/s`;
}

/**
 * Time left, if the remaining files take as long per byte (or per file, where sizes are unknown) as those before; null when there
 * is no basis for an estimate.
 * @param {RunView} run @param {readonly RunFileView[]} files @param {number} now
 */
export function timeLeft(run, files, now) {
  const seconds = runSeconds(run, now);
  if (isOver(run) || seconds === null || files.length === 0) return null;
  const share = shareDone(files);
  if (share < SHARE_MIN || share >= 1) return null;
  return span(seconds / share * (1 - share));
}

/** By bytes when all sizes are known, otherwise by files; from 0 to 1. @param {readonly RunFileView[]} files */
export function shareDone(files) {
  const sizesKnown = files.every((file) => file.size_bytes !== null);
  let done = 0;
  let whole = 0;
  for (const file of files) {
    const size = sizesKnown ? file.size_bytes ?? 0 : 1;
    whole += size;
    if (["extracted", "skipped", "failed"].includes(file.state)) done += size;
    else if (file.byte_offset !== null && file.size_bytes !== null && file.size_bytes > 0) {
      done += size * Math.min(1, file.byte_offset / file.size_bytes);
    }
  }
  return whole === 0 ? 0 : done / whole;
}
