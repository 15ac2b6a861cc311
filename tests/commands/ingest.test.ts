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
  stampLine,
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
  expect(err).toMatch(
    /good\.txt: 3 rows read, 3 published, 0 unchanged, 0 rejected, 3 loaded \(3 new, 0 changed, 0 repeated, 0 stale\) in/,
  );
  expect(code).toBe(0);
}, TEST_MS);

test(
  "a stamp ahead of the clock is ignored, with a warning, and the next file changes the row",
  async () => {
    const id = "20260101000000_caseA";
    const two = fileText(
      [row({ id, numStat: "   2", stations: "UK000H,UK0012" })],
      "lfcr",
      stampLine("2206-11-01 01:00:00"),
    );
    const three = fileText([row({ id })], "lfcr", stampLine("2024-11-29 01:00:00"));
    const of = (err: string) => err.split("\n").slice(1).join("\n");

    const future = await ingest(await fileOf("1_future.txt", two));
    expect(future.code).toBe(0);
    expect(of(future.err)).toMatch(/1_future\.txt: .*1 loaded \(1 new, 0 changed/);
    expect(of(future.err)).toMatch(
      /warning: its stamp 2206-11-01T01:00:00.000Z lies ahead of the clock and is ignored/,
    );
    expect(service.events.find(({ name }) => name === "file.stamp_ignored")).toBeUndefined();

    const right = await ingest(await fileOf("2_right.txt", three));
    expect(of(right.err)).toMatch(
      /2_right\.txt: .*1 loaded \(0 new, 1 changed, 0 repeated, 0 stale/,
    );
    expect(of(right.err)).not.toMatch(/warning/);
    const stale = await ingest(await fileOf("3_old.txt", fileText([row({ id, numStat: "   1" })])));
    expect(of(stale.err)).toMatch(/3_old\.txt: .*1 loaded \(0 new, 0 changed, 0 repeated, 1 stale/);
    expect(
      await service.database.sql`
      select num_stat::int, (select count(*)::int from participating_station where meteor_id = ${id}) as stations
      from meteor_summary where unique_trajectory_identifier = ${id}`,
    ).toEqual([{ num_stat: 3, stations: 3 }]);

    // The run says it, too, in its files and in its history.
    const { runs } = await (await service.api("/runs?limit=3")).json();
    const [, , { id: runId }] = runs;
    const run = await (await service.api(`/runs/${runId}`)).json();
    expect(run.file_list).toMatchObject([
      { generated_at: null, stamp_ahead: "2206-11-01T01:00:00.000Z" },
    ]);
    const history = await (await service.api(`/runs/${runId}/history`)).json();
    expect(history.events).toContainEqual(expect.objectContaining({
      ...{ name: "file_extracted", level: "warning" },
      message: expect.stringContaining(
        "its stamp 2206-11-01T01:00:00.000Z lies ahead of the clock",
      ),
    }));
  },
  TEST_MS,
);

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
