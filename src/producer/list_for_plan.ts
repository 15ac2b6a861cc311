/**
 * Lists the folders that a plan needs, with as few requests as possible.
 *
 * Each selection has an order of folders to search; the search ends at the first folder whose files cover the selection. A
 * directory without the usual folders (a person's own, with a few files in it) is treated as one flat folder.
 */
import { PermanentError } from "@gmn/failures";
import type { Selection } from "../runs/run_event.ts";
import { parseFileName } from "../trajectory/file_name.ts";
import type { DataDirectory, Folder, ListedFile, ListOptions } from "./source/data_directory.ts";

/**
 * Returns the files listed in the folders that matter to the selection.
 * @throws PermanentError when none of the folders exists
 * @throws SourceUnavailableError when the source does not answer
 */
export async function listForPlan(
  directory: DataDirectory,
  selection: Selection,
  options: ListOptions = {},
): Promise<ListedFile[]> {
  const listed: ListedFile[] = [];
  const missing: Folder[] = [];
  for (const folder of foldersFor(selection)) {
    const files = await directory.list(folder, options);
    if (files === "missing") missing.push(folder);
    else listed.push(...files);
    if (isEnough(selection, listed)) return listed;
  }
  // None of the expected folders has files: perhaps the files are in the directory itself.
  if (missing.length > 0 && listed.length === 0 && !missing.includes("")) {
    const files = await directory.list("", options);
    if (files === "missing") missing.push("");
    else return [...files];
  }
  if (listed.length === 0 && missing.includes("")) {
    throw new PermanentError(`there is no data directory at ${directory.location}`, {
      hint: "GMN_DATA_URL names it: an http(s) URL or a folder with daily/ and monthly/ in it",
    });
  }
  return listed;
}

function foldersFor(selection: Selection): Folder[] {
  if ("days" in selection || "from" in selection) return ["daily"];
  if ("month" in selection) return ["monthly", "daily"];
  if ("retry" in selection) {
    return FOLDERS.filter((folder) => selection.files.some((path) => folderOf(path) === folder));
  }
  return ["", "monthly", "daily"];
}

const FOLDERS: readonly Folder[] = ["", "monthly", "daily"];

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function isEnough(selection: Selection, listed: readonly ListedFile[]): boolean {
  return listed.some(({ name }) => {
    const is = parseFileName(name);
    if (is === null) return false;
    if ("all" in selection) return is.kind === "all";
    if ("month" in selection) return is.kind === "monthly" && is.month === selection.month;
    if (!("year" in selection)) return false;
    return is.kind === "yearly" && is.year === selection.year ||
      is.kind === "monthly" && is.month.startsWith(`${selection.year}-`);
  });
}
