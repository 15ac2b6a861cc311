/**
 * A directory listing as from nginx (`autoindex on`), which readers of the data directory parse.
 *
 * After nginx's ngx_http_autoindex_module: directories first, then by name; names cut to 50 characters in the text but
 * whole in the link; the date of modification in UTC to the minute; sizes in bytes, `-` for directories; CR LF.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const NAME_WIDTH = 50;
const SIZE_WIDTH = 19;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

interface Entry {
  name: string;
  modified: Date;
  /** Undefined for a directory. */
  size_bytes: number | undefined;
}

/** The HTML of a directory; `path` is its name in the title. */
export async function listingOf(directory: string, path: string): Promise<string> {
  const entries = await entriesOf(directory);
  return [
    "<html>",
    `<head><title>Index of ${escaped(path)}</title></head>`,
    "<body>",
    `<h1>Index of ${escaped(path)}</h1><hr><pre><a href="../">../</a>`,
    ...entries.map(lineOf),
    "</pre><hr></body>",
    "</html>",
    "",
  ].join("\r\n");
}

async function entriesOf(directory: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of await readdir(directory)) {
    if (name.startsWith(".")) continue;
    // A file may disappear between the two calls (the generator renames); then it is not listed.
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found === undefined) continue;
    const isDirectory = found.isDirectory();
    entries.push({
      name: isDirectory ? `${name}/` : name,
      modified: found.mtime,
      size_bytes: isDirectory ? undefined : found.size,
    });
  }
  const rank = ({ size_bytes }: Entry): number => size_bytes === undefined ? 0 : 1;
  return entries.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

function lineOf({ name, modified, size_bytes }: Entry): string {
  const isLong = name.length > NAME_WIDTH;
  const shown = isLong ? `${name.slice(0, NAME_WIDTH - 3)}..>` : name;
  const padding = " ".repeat(NAME_WIDTH - shown.length);
  const size = (size_bytes?.toString() ?? "-").padStart(SIZE_WIDTH);
  const link = `<a href="${encodeURI(name).replaceAll('"', "%22")}">${escaped(shown)}</a>`;
  return `${link}${padding} ${dateOf(modified)} ${size}`;
}

function dateOf(date: Date): string {
  const two = (number: number): string => number.toString().padStart(2, "0");
  const day = `${two(date.getUTCDate())}-${MONTHS[date.getUTCMonth()]}-${date.getUTCFullYear()}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
