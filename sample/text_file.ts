/** Writes large text files: buffered, atomically, with a given time of modification. */
import { mkdir, open, rename, rm, utimes } from "node:fs/promises";
import { dirname } from "node:path";

/** Large enough to make the cost of a write call negligible, small enough for any machine. */
const BUFFER_CHARACTERS = 1 << 20;

/** A file being written. If it is disposed of before it is finished, nothing is left. */
export interface TextFile extends AsyncDisposable {
  write(text: string): Promise<void>;
  /** Moves the file to its final name, dated `modified`; returns its size in bytes. */
  finish(modified: Date): Promise<number>;
}

/** Starts a file; it is called `NAME.tmp` until it is finished. ASCII only: a character is a byte. */
export async function createTextFile(path: string): Promise<TextFile> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.tmp`;
  const handle = await open(temporary, "w");
  let parts: string[] = [];
  let buffered = 0;
  let size = 0;
  let finished = false;
  const flush = async (): Promise<void> => {
    if (buffered === 0) return;
    const bytes = new TextEncoder().encode(parts.join(""));
    parts = [];
    buffered = 0;
    await handle.writeFile(bytes);
    size += bytes.length;
  };
  return {
    async write(text) {
      parts.push(text);
      buffered += text.length;
      if (buffered >= BUFFER_CHARACTERS) await flush();
    },
    async finish(modified) {
      await flush();
      await handle.close();
      await utimes(temporary, modified, modified);
      await rename(temporary, path);
      finished = true;
      return size;
    },
    async [Symbol.asyncDispose]() {
      if (finished) return;
      await handle.close().catch(() => {});
      await rm(temporary, { force: true });
    },
  };
}
