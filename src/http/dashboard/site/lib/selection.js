// What a run takes: as text, and from a user's choice.
import { plural, shortId } from "./format.js";

/** @typedef {import("../types.ts").Selection} Selection @typedef {"range" | "month" | "year" | "all"} Choice */
/** Values of the inputs: days, a month as `YYYY-MM`, a year. @typedef {{ from: string, to: string, month: string, year: string }} Values */

/** Describes the files that a run was requested for. @param {Selection} selection */
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
 * The choice in the dialog as a selection for the API.
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
