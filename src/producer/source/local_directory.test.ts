/** The data directory on a real disk. */
import { appendFile, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileChangedError, type OpenedFile } from "./data_directory.ts";
import { LocalDirectory } from "./local_directory.ts";
import { openDataDirectory } from "./open_data_directory.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "gmn-local-"));
  await mkdir(join(root, "daily"));
  await writeFile(join(root, "daily", "b.txt"), "hello world");
  await writeFile(join(root, "daily", "a.txt"), "x".repeat(600_000));
  await writeFile(join(root, "daily", "a.txt.tmp"), "x");
  await mkdir(join(root, "daily", "folder.txt"));
  await utimes(join(root, "daily", "b.txt"), 1_700_000_000, 1_700_000_000);
});
afterEach(() => rm(root, { recursive: true }));

async function opened(open: Promise<OpenedFile | "unchanged" | "missing">): Promise<OpenedFile> {
  const file = await open;
  if (typeof file === "string") throw new Error(`expected a file, got ${file}`);
  return file;
}
async function textOf(file: OpenedFile): Promise<string> {
  let text = "";
  for await (const chunk of file.chunks) text += new TextDecoder().decode(chunk);
  return text;
}

describe("a folder on the disk", () => {
  test("lists its text files with date and size", async () => {
    const directory = new LocalDirectory(root);
    const [a, b, ...more] = await directory.list("daily") as Exclude<
      Awaited<ReturnType<typeof directory.list>>,
      "missing"
    >;
    expect(more).toEqual([]);
    expect(a).toMatchObject({ path: "daily/a.txt", size_bytes: 600_000 });
    expect(b).toEqual({
      path: "daily/b.txt",
      name: "b.txt",
      listed: "2023-11-14T22:13:20.000Z 11",
      modified: new Date(1_700_000_000_000),
      size_bytes: 11,
    });
    expect(await directory.list("monthly")).toBe("missing");
    expect(await new LocalDirectory(join(root, "no")).list("")).toBe("missing");
    expect(await new LocalDirectory(join(root, "daily", "b.txt")).list("")).toBe("missing");
  });

  test("opens files whole, from a byte, or not at all", async () => {
    const directory = new LocalDirectory(root);
    const whole = await opened(directory.open("daily/b.txt"));
    expect(whole).toMatchObject({ from: 0, identity: { size_bytes: 11 } });
    expect(await textOf(whole)).toBe("hello world");
    const { identity } = whole;
    const rest = await opened(directory.open("daily/b.txt", { from: { byteOffset: 6, identity } }));
    expect(await textOf(rest)).toBe("world");
    expect(await directory.open("daily/b.txt", { unlessSame: identity })).toBe("unchanged");
    expect(await directory.open("daily/c.txt")).toBe("missing");
    await utimes(join(root, "daily", "b.txt"), 1_700_000_001, 1_700_000_001);
    const changed = await opened(
      directory.open("daily/b.txt", { from: { byteOffset: 6, identity }, unlessSame: identity }),
    );
    expect(changed.from).toBe(0);
    await changed.close();
    await changed.close();
    expect(() => directory.open("../x.txt")).toThrow(/not a path of the data directory/);
  });

  test("notices that a file changes while it is read", async () => {
    const file = await opened(new LocalDirectory(root).open("daily/a.txt"));
    const reading = (async () => {
      let first = true;
      for await (const _ of file.chunks) {
        if (first) await appendFile(join(root, "daily", "a.txt"), "more");
        first = false;
      }
    })();
    await expect(reading).rejects.toThrow(FileChangedError);
  });

  test("stops reading when asked to", async () => {
    const signal = AbortSignal.abort(new Error("stopped"));
    const file = await opened(new LocalDirectory(root).open("daily/a.txt", { signal }));
    await expect(textOf(file)).rejects.toThrow("stopped");
  });
});

describe("openDataDirectory", () => {
  test("distinguishes URLs from paths", () => {
    expect(openDataDirectory(root).location).toBe(root);
    expect(openDataDirectory(pathToFileURL(root).href).location).toBe(root);
    expect(openDataDirectory(".").location).toBe(process.cwd());
    expect(openDataDirectory("https://gmn.test/data?x=1#y").location).toBe(
      "https://gmn.test/data/",
    );
    expect(openDataDirectory("http://gmn.test").location).toBe("http://gmn.test/");
  });
  test.each(["", "ftp://gmn.test/", "http://", "https://user:pw@gmn.test/", "file://host/x"])(
    "refuses %j with the setting's name",
    (text) => expect(() => openDataDirectory(text)).toThrow(/GMN_DATA_URL is/),
  );
});
