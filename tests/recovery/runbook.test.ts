/** The runbook's pages about the log: their commands, run from top to bottom where there is something to decide. */
import { cp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { blocksOf, commandsOf } from "../documentation/blocks.ts";
import { startCommand } from "../support/command_process.ts";
import { rebuildOf } from "../support/rebuild.ts";
import { fileText, rows } from "../support/summary_file.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { deleteRecords, expectGoesOn, expectUndecided, settled, stateOf } from "./undecided.ts";

const TEST_MS = 240_000;
const ROOT = resolve(import.meta.dirname!, "../..");

const logFolder = (whole: TestService) => join(whole.config.dataDirectory, "broker");

async function lose(whole: TestService): Promise<void> {
  await whole.whileStopped(() => rm(logFolder(whole), { recursive: true }));
}

async function truncate(whole: TestService): Promise<void> {
  await deleteRecords(whole, TRAJECTORY_SUMMARY_RAW.name, [{ partition: 1, offset: "3" }]);
}

async function loseEnd(whole: TestService): Promise<void> {
  const copy = join(whole.sourceFolder, "../older");
  await whole.whileStopped(() => cp(logFolder(whole), copy, { recursive: true }));
  const upload = await whole.api("/trajectories", { method: "POST", body: fileText(rows(5)) });
  const { run_id } = await upload.json() as { run_id: string };
  await whole.next("run.loaded", ({ runId }) => runId === run_id);
  await whole.whileStopped(async () => {
    await rm(logFolder(whole), { recursive: true });
    await cp(copy, logFolder(whole), { recursive: true });
  });
}

test.each(
  [
    ["docs/runbook/log-replaced.md", lose, "emptied"],
    ["docs/runbook/log-truncated.md", truncate, "truncated"],
    ["docs/runbook/log-wal-lost.md", loseEnd, "shorter"],
  ] as const,
)("%s", async (page, damage, kind) => {
  await using whole = await startTestService({ sample: { days: 2, meteorsPerDay: 20 } });
  await whole.run("/backfill", { all: true });
  await settled(whole);
  await damage(whole);
  await expectUndecided(whole, kind, await stateOf(whole));
  const commands = blocksOf(ROOT, page).filter(({ language }) => language === "sh")
    .flatMap(commandsOf).map(({ text }) => text);
  expect(commands.length).toBeGreaterThanOrEqual(4);
  for (const [at, command] of commands.entries()) {
    const [, name, words] = /^deno task (\w+)(.*)$/.exec(command)!;
    const { ended } = startCommand(name!, words!.split(" ").filter((word) => word !== ""), {
      DATA_DIR: whole.config.dataDirectory,
    });
    const { code, out, err } = await ended;
    // The first one only looks; the next one decides, and the others find nothing left to decide.
    expect([command, code], `${out}\n${err}`).toEqual([command, at === 0 ? 1 : 0]);
    if (at === 0) expect(out).toContain(page);
    if (at === 1) {
      expect(command).toBe("deno task log refill --yes");
      await expectGoesOn(whole);
      const [row] = await whole.database.sql<{ without: number }[]>`
        select count(*)::integer as without from meteor where topic_offset < 0`;
      expect(row).toEqual({ without: 0 });
      const { losses } = await rebuildOf(whole, { isOnlyVerified: true });
      expect(losses).toEqual([]);
    }
  }
}, TEST_MS);
