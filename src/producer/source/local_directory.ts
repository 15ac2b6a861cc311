/**
 * A data directory on a disk: a mirror, a test's folder, or a person's own files.
 *
 * A file is identified by its size and the time of its last change, as web servers do; a file that changes while it is read is
 * noticed at its end.
 */
import { open, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PermanentError } from "@gmn/failures";
import type { FileIdentity } from "../../runs/run_event.ts";
import {
  checkedPath,
  type DataDirectory,
  FileChangedError,
  type Folder,
  isSafeName,
  isSameFile,
  type ListedFile,
  type OpenedFile,
  type OpenOptions,
} from "./data_directory.ts";

/** Bytes per read: large enough that the calls cost little, small compared with any memory limit. */
const READ_BYTES = 256 * 1024;

export class LocalDirectory implements DataDirectory {
  readonly location: string;

  /** `root` is a path; it need not exist yet. */
  constructor(root: string) {
    this.location = resolve(root);
  }

  async list(folder: Folder): Promise<ListedFile[] | "missing"> {
    const path = join(this.location, folder);
    const names = await missingIsNull(readdir(path));
    if (names === null) return "missing";
    const files: ListedFile[] = [];
    for (const name of names.filter(isSafeName).sort()) {
      const found = await missingIsNull(stat(join(path, name)));
      if (found === null || !found.isFile()) continue;
      files.push({
        path: folder === "" ? name : `${folder}/${name}`,
        name,
        listed: `${found.mtime.toISOString()} ${found.size}`,
        modified: found.mtime,
        size_bytes: found.size,
      });
    }
    return files;
  }

  open(path: string, options: OpenOptions = {}): Promise<OpenedFile | "unchanged" | "missing"> {
    return openLocalFile(join(this.location, checkedPath(path)), path, options);
  }
}

/**
 * Opens one file by its path on the disk; `name` is its name in events and headers.
 * @throws PermanentError when it can't be read
 */
export async function openLocalFile(
  diskPath: string,
  name: string,
  options: OpenOptions = {},
): Promise<OpenedFile | "unchanged" | "missing"> {
  const file = await missingIsNull(open(diskPath, "r"));
  if (file === null) return "missing";
  const identity = await identityOf(file);
  if (options.unlessSame !== undefined && isSameFile(identity, options.unlessSame)) {
    await file.close();
    return "unchanged";
  }
  const { from } = options;
  const begin = from !== undefined && isSameFile(identity, from.identity) ? from.byteOffset : 0;
  const chunks = read(file, identity, begin, name, options.signal);
  return {
    identity,
    from: begin,
    chunks,
    async close() {
      await chunks.return(undefined);
      await file.close();
    },
  };
}

type OpenFile = Awaited<ReturnType<typeof open>>;

async function identityOf(file: OpenFile): Promise<FileIdentity> {
  const { size, mtimeMs, mtime } = await file.stat();
  return {
    size_bytes: size,
    etag: `W/"${size.toString(16)}-${Math.trunc(mtimeMs * 1000).toString(16)}"`,
    lastModified: mtime.toUTCString(),
    listed: null,
  };
}

async function* read(
  file: OpenFile,
  identity: FileIdentity,
  begin: number,
  name: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    for (let position = begin;;) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await file.read(
        new Uint8Array(READ_BYTES),
        0,
        READ_BYTES,
        position,
      );
      if (bytesRead === 0) break;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    if (!isSameFile(await identityOf(file), identity)) {
      throw new FileChangedError(`${name} changed while it was read`);
    }
  } finally {
    await file.close();
  }
}

/** The result, or null when there is no such file or folder; explains other failures. */
async function missingIsNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new PermanentError(`can't read the data directory: ${String(error)}`, {
      cause: error,
      hint: "GMN_DATA_URL names it; check that this user may read it",
    });
  }
}
