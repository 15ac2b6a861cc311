/**
 * Reads a directory listing, as nginx (autoindex) and Apache (mod_autoindex, plain, `<pre>` or table) print them.
 *
 *     <a href="traj_summary_all.txt">traj_summary_all.txt</a>            23-Nov-2026 06:10      3012345678
 *     <img src="/icons/text.gif"> <a href="x.txt">x.txt</a>   2026-11-23 06:10  1.2M
 *     <tr><td><a href="x.txt">x.txt</a></td><td align="right">2026-11-23 06:10  </td><td align="right">1.2M</td></tr>
 *
 * Only `href`s count (the text of a link may be truncated), and only those that stay in the folder: resolved against the folder's
 * own URL as a browser would, the result must be a safe name directly in it. This one rule excludes `../`, sort links (`?C=M`),
 * other hosts, sub-folders and encoded dots.
 */
import type { Folder, ListedFile } from "./data_directory.ts";
import { isSafeName } from "./data_directory.ts";

const HREF = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)')/i;
/** Longest tag, and longest text after a link, that are examined: keeps the work linear in the length of any HTML. */
const MAX_TAG = 2000;
const MAX_AFTER = 500;

/** `23-Nov-2026 06:10` or `2026-11-23 06:10`, seconds optional, then a size or `-`. */
const DATE_AND_SIZE =
  /(?:(\d{1,2})-([A-Z][a-z]{2})-(\d{4})|(\d{4})-(\d{2})-(\d{2}))\s+(\d{2}:\d{2}(?::\d{2})?)(?:\s+(\d+(?:\.\d+)?)\s?([KMGT]?)B?(?![\w.-]))?/;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const UNITS: Record<string, number> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** The files that the HTML of a listing names, each once, in the listing's order. `url` is where the HTML came from. */
export function parseListing(html: string, url: URL, folder: Folder): ListedFile[] {
  const files = new Map<string, ListedFile>();
  for (const piece of html.split(/<a(?=\s)/i).slice(1)) {
    const [, quoted, apostrophed] = HREF.exec(piece.slice(0, MAX_TAG).split(">", 1)[0]) ?? [];
    const closed = piece.search(/<\/a>/i);
    if (closed < 0) continue;
    const name = nameIn(quoted ?? apostrophed ?? "", url);
    if (name === null || files.has(name)) continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    files.set(name, { path, name, ...dateAndSize(piece.slice(closed)) });
  }
  return [...files.values()];
}

/** The name of the file that the link leads to, in the folder at `url`; null when it leads elsewhere. */
function nameIn(href: string, url: URL): string | null {
  const target = URL.parse(href.replaceAll("&amp;", "&"), url);
  const folder = new URL(".", url);
  if (target === null || target.origin !== folder.origin) return null;
  if (target.search !== "" || target.hash !== "" || target.username !== "") return null;
  if (!target.pathname.startsWith(folder.pathname)) return null;
  try {
    const name = decodeURIComponent(target.pathname.slice(folder.pathname.length));
    return isSafeName(name) ? name : null;
  } catch {
    return null; // broken percent-encoding
  }
}

function dateAndSize(after: string): Pick<ListedFile, "listed" | "modified" | "size_bytes"> {
  const row = after.slice(0, MAX_AFTER).split(/<\/(?:tr|li)/i, 1)[0];
  const text = row.replace(/<[^>]*>/g, " ").replaceAll("&nbsp;", " ").replace(/\s+/g, " ").trim();
  const found = DATE_AND_SIZE.exec(text);
  if (found === null) return { listed: null, modified: null, size_bytes: null };
  const [listed, day, monthName, year, isoYear, isoMonth, isoDay, time, size, unit] = found;
  const month = monthName === undefined
    ? isoMonth
    : String(MONTHS.indexOf(monthName) + 1).padStart(2, "0");
  const at = new Date(`${year ?? isoYear}-${month}-${isoDay ?? day.padStart(2, "0")}T${time}Z`);
  return {
    listed: listed.trim(),
    modified: Number.isNaN(at.getTime()) ? null : at,
    size_bytes: size === undefined ? null : Math.round(Number(size) * UNITS[unit]),
  };
}
