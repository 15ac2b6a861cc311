/**
 * `ingest` as a process of its own, with its task's permissions, against a whole service: good files, and files that it can't read.
 */
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  fileText,
  headerLines,
  row,
  rows,
  STAMP_LINE,
  withLineEnds,
} from "../support/summary_file.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { taskCommand } from "../support/task_command.ts";

const TEST_MS = 60_000;
const TEXT = fileText(rows(3));
/** As published before 2022-03-16: 85 columns, the identifier is not among them. */
const WITHOUT_ID = withLineEnds([
  STAMP_LINE,
  ...headerLines(Array.from({ length: 85 }, (_, index) => index + 1)),
  row().slice(22),
], "lfcr");

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ sample: null });
});
afterAll(() => service[Symbol.asyncDispose]());

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(service.sourceFolder, name);
  await writeFile(path, content);
  return path;
}

function ingest(...files: string[]) {
  return new Promise<{ code: number | null; err: string }>((resolve, reject) => {
    const { args, environment } = taskCommand("ingest");
    const child = spawn(process.execPath, [...args, ...files], {
      cwd: service.sourceFolder,
      env: {
        ...process.env,
        ...environment,
        NO_COLOR: "1",
        DATA_DIR: join(service.sourceFolder, "../data"),
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let err = "";
    child.stderr.on("data", (chunk) => err += chunk);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, err }));
  });
}

test("joins the running service, and says what became of the rows", async () => {
  const { code, err } = await ingest(await fileOf("good.txt", TEXT));
  expect(err).toMatch(/loaded by the service that runs on/);
  expect(err).toMatch(/good\.txt: 3 rows read, 3 published, 0 unchanged, 0 rejected, 3 loaded in/);
  expect(code).toBe(0);
}, TEST_MS);

const REFUSED: [string, string | Uint8Array<ArrayBuffer>, RegExp][] = [
  ["no_id.txt", WITHOUT_ID, /85 columns.*identifier.*get a newer copy of the file/],
  [
    "a.txt.gz",
    Uint8Array.from(gzipSync(TEXT)),
    /this is a gzip file, not plain text\. Unpack it first: gunzip -c/,
  ],
  [
    "utf16.txt",
    Uint8Array.from(Buffer.from(`\ufeff${TEXT}`, "utf16le")),
    /this is UTF-16 text, not plain text\. PowerShell's >.*iconv -f UTF-16/,
  ],
];

describe("what can't be read", () => {
  test.each(REFUSED)("%s: ingest says why, and what to do", async (name, content, reason) => {
    const { code, err } = await ingest(await fileOf(name, content));
    expect(err).toMatch(reason);
    expect(code).toBe(1);
  }, TEST_MS);

  test.each(REFUSED)("%s: so does an upload", async (_name, content, reason) => {
    const answer = await service.api("/trajectories", { method: "POST", body: content });
    expect(answer.status).toBe(422);
    expect((await answer.json()).detail).toMatch(reason);
  });

  test("does not keep the others from being loaded", async () => {
    const good = await fileOf("other.txt", fileText(rows(2)));
    const { code, err } = await ingest(join(service.sourceFolder, "none.txt"), good);
    expect(err).toMatch(/none\.txt: .*no such file/i);
    expect(err).toMatch(/other\.txt: 2 rows read, 2 published/);
    expect(code).toBe(1);
  }, TEST_MS);
});
