/** Opens the directory that `GMN_DATA_URL` names. */
import { fileURLToPath } from "node:url";
import { PermanentError } from "@gmn/failures";
import type { DataDirectory } from "./data_directory.ts";
import { HttpDirectory, type HttpDirectoryOptions } from "./http_directory.ts";
import { LocalDirectory } from "./local_directory.ts";

/**
 * The data directory at an http(s) URL, a `file://` URL or a path. No request is made yet.
 * @throws PermanentError for anything else
 */
export function openDataDirectory(
  urlOrPath: string,
  options: HttpDirectoryOptions = {},
): DataDirectory {
  const text = urlOrPath.trim();
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1].toLowerCase();
  if (scheme === undefined && text !== "") return new LocalDirectory(text);
  const url = URL.parse(text);
  if (url !== null && (scheme === "http" || scheme === "https") && url.username === "") {
    return new HttpDirectory(url, options);
  }
  if (url !== null && scheme === "file" && url.host === "") {
    return new LocalDirectory(fileURLToPath(url));
  }
  throw new PermanentError(`GMN_DATA_URL is ${JSON.stringify(urlOrPath)}`, {
    hint:
      "allowed: an http or https URL without a user in it, a file:// URL, or the path of a folder",
  });
}
