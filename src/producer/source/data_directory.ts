/**
 * A GMN data directory as the producer sees it, wherever it is: over HTTP (`http_directory.ts`) or on a disk
 * (`local_directory.ts`).
 *
 * It has three folders: its root, `daily` and `monthly`. Paths are relative to it (`daily/traj_summary_….txt`); nothing
 * else can be named, so nothing outside the directory can be fetched.
 */
import { PermanentError, TransientError } from "@gmn/failures";
import type { FileIdentity } from "../../runs/run_event.ts";

/** `""` is the directory itself. */
export type Folder = "" | "daily" | "monthly";

/** A file as a listing shows it. */
export interface ListedFile {
  /** Relative to the data directory. */
  readonly path: string;
  readonly name: string;
  /** Date and size as sent, whitespace collapsed. Equal texts: the file did not change. */
  readonly listed: string | null;
  /** Approximate: listings give minutes, in the time zone of the server. */
  readonly modified: Date | null;
  /** Approximate when the listing rounds ("1.2M"). */
  readonly size_bytes: number | null;
}

/** Requests of daily runs go before those of backfills. */
export type Priority = "daily" | "backfill";

export interface ListOptions {
  readonly priority?: Priority;
  readonly signal?: AbortSignal;
}

export interface OpenOptions extends ListOptions {
  /** Return "unchanged" when the file still has this identity. */
  readonly unlessSame?: FileIdentity;
  /**
   * Begin at this byte if the file still has this identity; otherwise begin at 0 (see `OpenedFile.from`). Can't be combined with
   * `unlessSame`.
   */
  readonly from?: { readonly byteOffset: number; readonly identity: FileIdentity };
}

/** A file being read. */
export interface OpenedFile {
  /** `listed` is null: only a listing has it. */
  readonly identity: FileIdentity;
  /** Offset of the first byte of `chunks`. */
  readonly from: number;
  /**
   * The bytes, which can be read once. A broken connection is resumed internally as long as the file stays the same. Leaving the
   * loop early releases the connection.
   * @throws FileChangedError when the file was rewritten while it was read: start again from its first byte
   * @throws SourceUnavailableError when the source does not answer within the retries
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Defaults to a summary file; JSON records come from people. */
  readonly format?: "summary" | "json";
  /** For a file whose `chunks` are never read: releases the connection. */
  close(): Promise<void>;
}

export interface DataDirectory {
  /** Its URL or path, for messages. */
  readonly location: string;
  /**
   * The files of a folder, in the order of the listing; "missing" when there is no such folder.
   * @throws SourceUnavailableError, PermanentError
   */
  list(folder: Folder, options?: ListOptions): Promise<readonly ListedFile[] | "missing">;
  /** @throws SourceUnavailableError, PermanentError */
  open(path: string, options?: OpenOptions): Promise<OpenedFile | "unchanged" | "missing">;
}

/** The source did not answer, or not sensibly, within the retries. */
export class SourceUnavailableError extends TransientError {
  override readonly name = "SourceUnavailableError";
}

/** The file was rewritten (or cut) while it was read. The part already read is not wrong, but the rest is another file's. */
export class FileChangedError extends TransientError {
  override readonly name = "FileChangedError";
}

/** Names that can only be files of a data directory: no slash, no leading dot, no `..`, no control characters. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.txt$/;

/** Whether a data directory may contain a file of this name. */
export function isSafeName(name: string): boolean {
  return SAFE_NAME.test(name);
}

/**
 * Returns the path unchanged, if it names a file of one of the three folders.
 * @throws PermanentError when it could lead anywhere else
 */
export function checkedPath(path: string): string {
  const name = path.replace(/^(daily|monthly)\//, "");
  if (isSafeName(name)) return path;
  throw new PermanentError(`${JSON.stringify(path)} is not a path of the data directory`, {
    hint: "paths look like daily/traj_summary_20241201_solrange_248.0-249.0.txt",
  });
}

/**
 * Whether two identities are of the same bytes: equal ETags where both have one (weak ones too: GMN's server derives them from time
 * and size), else equal Last-Modified and size. False when neither can be compared.
 */
export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  if (a.etag !== null && b.etag !== null) return opaque(a.etag) === opaque(b.etag);
  return a.lastModified !== null && a.lastModified === b.lastModified &&
    a.size_bytes !== null && a.size_bytes === b.size_bytes;
}

function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}
