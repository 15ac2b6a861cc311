// What a run takes: in words, and from what a person chose.
import { plural, shortId } from "./format.js";

/** @typedef {import("../types.ts").Selection} Selection @typedef {"range" | "month" | "year" | "all"} Choice */
/** What the inputs hold: days, a month as `YYYY-MM`, a year. @typedef {{ from: string, to: string, month: string, year: string }} Values */

/** The files that a run was requested for, in words. @param {Selection} selection */
export function selectionText(selection) {
  if ("days" in selection) return `last ${plural(selection.days, "day")}`;
  if ("all" in selection) return "everything";
  if ("year" in selection) return `year ${selection.year}`;
  if ("month" in selection) return `month ${selection.month}`;
  if ("from" in selection) {
    return selection.from === selection.to
      ? selection.from
      : `${selection.from} to ${selection.to}`;
  }
  if ("upload" in selection) return selection.upload;
  return `retry of ${shortId(selection.retry)}: ${plural(selection.files.length, "file")}`;
}

/**
 * The selection that the API takes for what was chosen in the dialog.
 * @param {Choice} choice @param {Values} values
 * @returns {Selection}
 */
export function selectionOf(choice, { from, to, month, year }) {
  switch (choice) {
    case "all":
      return { all: true };
    case "year":
      return { year: Number(year) };
    case "month":
      return { month };
    default:
      return { from, to };
  }
}
