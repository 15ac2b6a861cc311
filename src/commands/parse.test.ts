/** The command as a process: arguments, streams, exit codes. */
import { Buffer } from "node:buffer";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../tests/support/poll.ts";
import { taskCommand } from "../../tests/support/task_command.ts";
import { TRAJECTORY_FIELDS } from "../trajectory/schema.ts";
import {
  fileText,
  headerLines,
  row,
  rows,
  STAMP_LINE,
  withLineEnds,
} from "../../tests/support/summary_file.ts";

const COMMAND = taskCommand("parse").args;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parse-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(name: string, text: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/** Runs the command with only the permissions of its task. */
async function parse(args: string[], stdin = "") {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...COMMAND, ...args],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

describe("parse", () => {
  test("prints each row as JSON, with the schema's names in their order", async () => {
    const file = await fileOf(
      "good.txt",
      fileText([row(), row({ sigmaRaGeo: "None", f: "-0.000" })]),
    );
    const { code, out, err } = await parse([file]);
    expect(err).toBe(`${file}: 2 rows, 0 lines rejected; generated 2024-08-24T06:06:14.542Z\n`);
    expect(code).toBe(0);
    const [first, second] = out.trimEnd().split("\n").map((line) => JSON.parse(line));
    expect(Object.keys(first)).toEqual(TRAJECTORY_FIELDS.map((field) => field.name));
    expect(first).toMatchObject({
      unique_trajectory_identifier: "20240812031415_aB3xZ",
      beginning_utc_time: 1723432455099949,
      rageo_deg: 46.12345,
      beg_in_fov: true,
      participating_stations: ["HR0002", "HR000D", "SI0001"],
    });
    expect(second).toMatchObject({ sigma: null, f_param: -0 });
    expect(Object.keys(second)).toEqual(Object.keys(first));
  });

  test("reports rejected lines by number and reason, and goes on", async () => {
    const [a, b] = rows(2);
    const file = await fileOf("bad.txt", fileText([a, row({ f: "abc" }), "hello", b]));
    const { code, out, err } = await parse([file]);
    expect(code).toBe(1);
    expect(out.trimEnd().split("\n")).toHaveLength(2);
    expect(err.split("\n")).toEqual([
      `${file}:6: column 79 (F param) says "abc", expected a number`,
      `${file}:7: 1 fields where the header has 86 columns`,
      `${file}: 2 rows, 2 lines rejected; generated 2024-08-24T06:06:14.542Z`,
      "",
    ]);
  });

  test("reads standard input, and reports a cut last line", async () => {
    const { code, out, err } = await parse(["-"], fileText(rows(2)).slice(0, -20));
    expect(code).toBe(1);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    expect(err).toContain("-: 1 rows, 0 lines rejected, the last line is cut");
  });

  test("reports missing and unknown columns", async () => {
    const [first, second, ruler] = headerLines([0, 78]);
    const lines = [STAMP_LINE, `${first}; Colour`, `${second}; nm`, ruler];
    const file = await fileOf(
      "few.txt",
      withLineEnds([...lines, "20240812031415_aB3xZ; 0.5; 550"], "lf"),
    );
    const { code, err } = await parse([file]);
    expect(code).toBe(0);
    expect(err).toContain("columns not known, ignored: Colour nm\n");
    expect(err).toContain("columns missing, null in every row: beginning_julian_date, ");
  });

  test("refuses a file that is not a summary file, but reads the others", async () => {
    const html = await fileOf("page.txt", "<!DOCTYPE html>\n<html></html>\n");
    const empty = await fileOf("empty.txt", "");
    const good = await fileOf("good2.txt", fileText(rows(1)));
    const { code, out, err } = await parse([html, empty, join(folder, "none.txt"), good]);
    expect(code).toBe(2);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    expect(err).toContain(`${html}: this is a web page, not a summary file: line 1`);
    expect(err).toContain(`${empty}: the file is empty. The source may be writing it right now`);
    expect(err).toContain("none.txt: No such file");
    expect(err).toContain(`${good}: 1 rows, 0 lines rejected`);
  });

  test("accepts files after --, as deno task passes them on", async () => {
    const file = await fileOf("dashes.txt", fileText(rows(1)));
    expect(await parse(["--", file])).toMatchObject({ code: 0 });
    expect(await parse(["--", file, file])).toMatchObject({ code: 0 });
    expect(await parse(["--", "-"], fileText(rows(1)))).toMatchObject({ code: 0 });
  });

  test("names the format of a compressed file, and reads the others", async () => {
    const packed = await fileOf("a.txt.gz", gzipSync(fileText(rows(1))));
    const wide = await fileOf("utf16.txt", Buffer.from(`\ufeff${fileText(rows(1))}`, "utf16le"));
    const { code, err } = await parse([packed, wide]);
    expect(code).toBe(2);
    expect(err).toContain("this is a gzip file, not plain text. Unpack it first: gunzip -c");
    expect(err).toContain("this is UTF-16 text, not plain text. PowerShell's >");
  });

  test("prints its help", async () => {
    expect(await parse(["--help"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("exit code"),
    });
    expect(await parse([])).toMatchObject({
      code: 2,
      err: expect.stringContaining("no file is given"),
    });
    expect(await parse(["--fast"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("there is no option --fast"),
    });
  });

  test.skipIf(Deno.build.os !== "linux")("keeps no data that it has read", async () => {
    // After the first count, the heap has reached its steady size.
    const [first, second] = [100_000_000, 300_000_000];
    const child = new Deno.Command(Deno.execPath(), {
      args: [...COMMAND, "-"],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let printed = 0;
    const reading = child.stdout.pipeTo(
      new WritableStream({
        write(chunk) {
          for (const byte of chunk) if (byte === 0x0a) printed++;
        },
      }),
    );
    const line = new TextEncoder().encode(`${row()}\n`);
    const block = new Uint8Array(line.length * 1000);
    for (let at = 0; at < block.length; at += line.length) block.set(line, at);
    const writer = child.stdin.getWriter();
    await writer.write(
      new TextEncoder().encode(withLineEnds([STAMP_LINE, ...headerLines()], "lf")),
    );
    let sent = 0;
    /** The peak memory once the rows of this many bytes have been printed. */
    const peakAfter = async (bytes: number) => {
      for (; sent * line.length < bytes; sent += 1000) await writer.write(block);
      // The last row may wait for the input that follows it.
      await until("the rows", () => printed >= sent - 1, 60_000);
      const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
      return Number(/VmHWM:\s+(\d+)/.exec(status)![1]) * 1024;
    };
    const before = await peakAfter(first);
    const after = await peakAfter(second);
    await writer.close();
    await reading;
    expect((await child.status).code).toBe(0);
    expect(after - before).toBeLessThan((second - first) / 2);
  }, 90_000);

  test("ends quietly when its reader has ended", async () => {
    const file = await fileOf("long.txt", fileText(rows(3000)));
    const child = new Deno.Command(Deno.execPath(), {
      args: [...COMMAND, file],
      cwd: ROOT,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
    const stderr = await new Response(child.stderr).text();
    expect({ code: (await child.status).code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});
