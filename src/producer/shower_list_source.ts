/**
 * Fetches the shower list, from the Meteor Data Center or from a file.
 *
 * The name of the published list contains the year (`streamfulldata2026.txt`), and the new year's list does not exist yet on the
 * first of January: where the address has `{year}`, last year's list is tried second.
 */
import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import { explain, PermanentError, TransientError } from "@gmn/failures";

/** Ten times the list of 2026 (2,179 rows, about 0.8 MB). */
const MAX_BYTES = 8 * 2 ** 20;
const TIMEOUT_MS = 60_000;

/** A fetched list. */
export interface FetchedList {
  /** The address with its placeholders filled in. */
  readonly source: string;
  readonly bytes: Uint8Array;
}

/**
 * Fetches the list at `address`: an http(s) URL, a `file://` URL or a path, which may contain `{year}`.
 * @throws TransientError when it is unavailable now
 * @throws PermanentError when it is too large
 */
export async function fetchShowerList(
  address: string,
  options: { readonly userAgent: string; readonly now: Date; readonly signal?: AbortSignal },
): Promise<FetchedList> {
  const year = options.now.getUTCFullYear();
  const candidates = address.includes("{year}")
    ? [year, year - 1].map((one) => address.replaceAll("{year}", String(one)))
    : [address];
  for (const source of candidates) {
    const bytes = /^https?:/i.test(source) ? await download(source, options) : await open(source);
    if (bytes !== null) return { source, bytes };
  }
  throw new TransientError(`there is no shower list at ${candidates.join(" or ")}`, {
    hint: "IAU_SHOWER_URL says where it is",
  });
}

/** Returns null when there is no such file. */
async function open(file: string): Promise<Uint8Array | null> {
  const path = /^file:/i.test(file) ? fileURLToPath(file) : file;
  try {
    return await collect(createReadStream(path), path);
  } catch (error) {
    if (error instanceof PermanentError) throw error;
    if ((error as { code?: string }).code === "ENOENT") return null;
    throw new TransientError(`${path} can't be read: ${explain(error)}`, { cause: error });
  }
}

/** Returns null when there is no such page. */
async function download(
  url: string,
  { userAgent, signal }: { readonly userAgent: string; readonly signal?: AbortSignal },
): Promise<Uint8Array | null> {
  const signals = [AbortSignal.timeout(TIMEOUT_MS), ...signal === undefined ? [] : [signal]];
  try {
    const response = await fetch(url, {
      headers: { "user-agent": userAgent },
      signal: AbortSignal.any(signals),
    });
    if (response.status === 200) return await collect(response.body ?? [], url);
    await response.body?.cancel();
    if (response.status === 404 || response.status === 410) return null;
    throw new TransientError(`${url} answered ${response.status}`);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof TransientError || error instanceof PermanentError) throw error;
    throw new TransientError(`can't reach ${url}: ${explain(error)}`, { cause: error });
  }
}

/** Collects all of `content`, up to the size limit. `from` is where it was read, for messages. */
async function collect(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  from: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      throw new PermanentError(`${from} has more than ${MAX_BYTES} bytes: it is no shower list`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
