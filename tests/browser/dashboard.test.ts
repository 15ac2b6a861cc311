/**
 * The dashboard in a real browser, on a real service: what a person does with it, and that nothing goes wrong on the way.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Browser, Page } from "playwright-core";
import { startTestService, type TestService } from "../support/service.ts";
import { accessibilityProblems, NO_BROWSER, openPage, startBrowser } from "./browser.ts";

/** A start of PostgreSQL, broker and browser on a busy machine. */
const START_TIMEOUT_MS = 120_000;
const TEST_TIMEOUT_MS = 120_000;

if (NO_BROWSER !== null) console.warn(`skipped: the dashboard's browser tests (${NO_BROWSER})`);

describe.skipIf(NO_BROWSER !== null)("the dashboard", { timeout: TEST_TIMEOUT_MS }, () => {
  let service: TestService;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    [service, browser] = await Promise.all([
      startTestService({ withSchedule: true }),
      startBrowser(),
    ]);
    url = service.service.addresses.http!;
    await service.run("/extract", { days: 366 });
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    await service?.[Symbol.asyncDispose]();
  }, START_TIMEOUT_MS);

  test("shows how the service is, and pauses and resumes the schedule", async () => {
    await using opened = await openPage(browser, url);
    const { page } = opened;
    await page.goto("/");
    const parts = page.getByRole("region", { name: "Parts of the service" });
    await parts.getByText("Ready").nth(3).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    const meteors = await (await service.api("/statistics/totals")).json();
    await page.locator(".tile", { hasText: "Meteors in the data store" })
      .getByText(meteors.meteors.toLocaleString("en-US"), { exact: true }).waitFor();

    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Paused", { exact: true }).waitFor();
    expect((await (await service.api("/status")).json()).schedule.next).toBeNull();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    expect(opened.troubles).toEqual([]);
  });

  test("a backfill: previewed, started, watched to its end without loading the page again", async () => {
    await using opened = await openPage(browser, url);
    const { page } = opened;
    await page.goto("/#/runs");
    await page.evaluate(() => document.body.dataset.same = "yes");
    await page.getByRole("button", { name: "Start a backfill…" }).click();
    const dialog = page.getByRole("dialog", { name: "Start a backfill" });
    await dialog.getByLabel("First day (UTC)").fill("2026-11-18");
    await dialog.getByLabel("Last day").fill("2026-11-19");
    await dialog.getByRole("button", { name: "Preview" }).click();
    await dialog.getByRole("list", { name: "Files of the backfill" }).getByText("2026-11-19")
      .waitFor();
    await dialog.getByRole("button", { name: "Start the backfill" }).click();

    await page.getByRole("link", { name: "See the run" }).click();
    await page.getByRole("heading", { name: "Backfill, 2026-11-18 to 2026-11-19" }).waitFor();
    await page.locator(".facts").getByText("Completed").waitFor();
    await page.getByText("everything is accounted for").waitFor();
    const runId = page.url().split("/").at(-1)!;
    const { rows } = await (await service.api(`/runs/${runId}`)).json();
    const outcomes = ["new", "changed", "repeated", "stale", "duplicate"] as const;
    const sum = page.locator(".sum", { hasText: "repeated" });
    expect(await sum.locator(".value").allTextContents()).toEqual(
      [rows.loaded, ...outcomes.map((outcome) => rows[outcome])].map((n) =>
        n.toLocaleString("en-US")
      ),
    );
    expect(await page.evaluate(() => document.body.dataset.same)).toBe("yes");

    await page.goBack();
    await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
    expect(opened.troubles).toEqual([]);
  });

  test("the grid of runs leads to a file of a run, with the keyboard", async () => {
    await using opened = await openPage(browser, url);
    const { page } = opened;
    await page.goto("/#/runs");
    const grid = page.getByRole("table", { name: /State of each file/ });
    await grid.locator('a.cell[tabindex="0"]').focus();
    await page.keyboard.press("ArrowDown");
    const file = await page.evaluate(() => (document.activeElement as HTMLElement).dataset.file);
    expect(file).toMatch(/^daily\//);
    await page.keyboard.press("Enter");
    await page.locator('tr[aria-current="true"]').waitFor();
    expect(new URL(page.url()).hash).toContain(encodeURIComponent(file!));
    expect(opened.troubles).toEqual([]);
  });

  test("a meteor: found on the map of radiants, with its fields and where it comes from; and back to the same filter", async () => {
    await using opened = await openPage(browser, url);
    const { page } = opened;
    await page.goto("/#/meteors?shower=sporadic&last=all");
    const map = page.getByRole("application", { name: /Map of \d+ radiants/ });
    await map.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    const lineage = page.getByRole("region", { name: "Where it comes from" });
    await lineage.getByText(/^daily\/traj_summary_/).waitFor();
    const id = await page.getByRole("heading", { level: 1 }).textContent();
    const { lineage: stored, fields } = await (await service.api(`/meteors/${id}`)).json();
    await lineage.getByText(`${stored.topic_partition}, ${stored.topic_offset}`, { exact: true })
      .waitFor();
    expect(await page.locator(".fields-table tbody tr").count()).toBe(fields.length);
    await lineage.getByRole("link", { name: stored.run_id }).waitFor();

    await page.getByRole("navigation", { name: "Above this page" }).getByRole("link").click();
    await map.waitFor();
    expect(new URL(page.url()).hash).toContain("shower=sporadic");
    expect(opened.troubles).toEqual([]);
  });

  test("filters go into the address, and every plot follows", async () => {
    await using opened = await openPage(browser, url);
    const { page } = opened;
    await page.goto("/#/meteors");
    const { showers } = await (await service.api("/statistics/showers")).json();
    await page.getByText("the IAU list of November 2021 that ships with the service").waitFor();
    await page.getByRole("combobox", { name: "Shower" }).selectOption(showers[0].code);
    await page.locator(".sum-up").getByText(`${showers[0].meteors} meteor`).waitFor();
    expect(new URL(page.url()).hash).toContain(`shower=${showers[0].code}`);
    await page.getByRole("application", { name: `Map of ${showers[0].meteors} radiants` })
      .waitFor();
    expect(opened.troubles).toEqual([]);
  });

  test("a rejected line is shown as text, with the wrong value marked, and replayed where the API can", async () => {
    const rejected = await uploadBadLine(service);
    await using opened = await openPage(browser, url, { expected: /40\d|Failed to load resource/ });
    const { page } = opened;
    await page.goto("/#/dead-letters");
    // Found by what stays: a replay that fails gives the dead letter a new reason, which names the field and not the column of the file.
    const deadLetter = page.getByRole("article").filter({ hasText: "upload/bad.txt" });
    await deadLetter.getByText(rejected).first().waitFor();
    expect(await deadLetter.locator("mark").textContent()).toBe("<b id=injected>fast</b>");
    expect(await page.locator("#injected").count()).toBe(0);

    const { paths } = await (await service.api("/openapi.json")).json();
    const canReplay = paths["/dead-letters/{id}/replay"]?.post !== undefined;
    const replay = deadLetter.getByRole("button", { name: "Replay" });
    if (canReplay) {
      // The line is as wrong as before: the answer says so, and the dead letter stays.
      await replay.click();
      await deadLetter.getByText("The replay failed again.").waitFor();
    } else expect(await replay.count()).toBe(0);
    await deadLetter.waitFor();
    expect(opened.troubles).toEqual([]);
  });

  test("a lost connection is shown, and made again", async () => {
    await using opened = await openPage(browser, url, { expected: /Failed to load resource|ERR_/ });
    const { page } = opened;
    await page.route("**/events", (route) => route.abort());
    await page.goto("/");
    await page.getByText("Reconnecting", { exact: true }).waitFor();
    await page.unroute("**/events");
    await page.getByText("Live", { exact: true }).waitFor();
    expect(opened.troubles).toEqual([]);
  });

  test("a run's events are there after a restart, page by page, and new ones come by themselves", async () => {
    const { runs } = await (await service.api("/runs?limit=1")).json();
    await service.database.sql`
      insert into ingestion_run_event (run_id, event_offset, at, name, file, detail)
      select ${
      runs[0].id
    }, 1000000 + n, now(), 'file_skipped', 'daily/' || n, '{"reason": "of a test"}'
      from generate_series(1, 150) n`;
    await service.restart();
    url = service.service.addresses.http!;
    await using opened = await openPage(browser, url);
    const { page } = opened;
    await page.goto(`/#/runs/${runs[0].id}`);
    const events = page.getByRole("list", { name: "Events of the run, newest first" });
    await events.getByText("daily/150 skipped: of a test").waitFor();
    const requested = events.getByText(/ run requested by http/);
    expect(await requested.count()).toBe(0);
    await page.getByRole("button", { name: "Older events" }).click();
    await requested.waitFor();
    await page.getByRole("button", { name: "Newest events" }).click();
    await events.getByText("daily/150 skipped: of a test").waitFor();

    const asked = await service.api("/extract", {
      method: "POST",
      body: JSON.stringify({ days: 366 }),
      headers: { "content-type": "application/json" },
    });
    expect(asked.status).toBe(202);
    const { run_id } = await asked.json();
    await page.goto(`/#/runs/${run_id}`);
    await events.getByText("completed: every file is read or skipped").waitFor();
    // Not recorded: only this process's stream has it.
    await events.getByText(/ loaded: /).waitFor();
    await events.getByText("daily run requested by http: the last 366 days").waitFor();
    expect(opened.troubles).toEqual([]);
  });

  test.each(["light", "dark"] as const)(
    "axe finds nothing wrong in any view, %s",
    async (colorScheme) => {
      await uploadBadLine(service);
      const { meteors } = await (await service.api("/meteors?limit=1&order=-time")).json();
      const { runs } = await (await service.api("/runs?limit=1")).json();
      const views: [string, (page: Page) => Promise<unknown>][] = [
        ["#/now", (page) => page.getByText("Ready").nth(3).waitFor()],
        ["#/runs", (page) => page.locator("a.cell").first().waitFor()],
        [
          `#/runs/${runs[0].id}`,
          (page) => page.getByRole("list", { name: "Events of the run, newest first" }).waitFor(),
        ],
        ["#/dead-letters", (page) => page.locator("mark").first().waitFor()],
        [
          "#/meteors?last=all",
          (page) => page.getByRole("row", { name: /daily|UKS|km/ }).first().waitFor(),
        ],
        [
          `#/meteors/${meteors[0].unique_trajectory_identifier}`,
          (page) => page.locator(".orbit").first().waitFor(),
        ],
        ["#/nowhere", (page) => page.getByText("There is no such page").waitFor()],
      ];
      const found: string[] = [];
      await using opened = await openPage(browser, url, {
        colorScheme,
        bypassCSP: true,
        reducedMotion: "reduce",
      });
      for (const [hash, seen] of views) {
        await opened.page.goto(`/${hash}`);
        await seen(opened.page);
        found.push(
          ...(await accessibilityProblems(opened.page)).map((problem) => `${hash} ${problem}`),
        );
      }
      await opened.page.goto("/#/now");
      await opened.page.getByRole("button", { name: "Start a backfill…" }).click();
      await opened.page.getByRole("dialog").waitFor();
      found.push(
        ...(await accessibilityProblems(opened.page)).map((problem) => `dialog ${problem}`),
      );
      expect(found).toEqual([]);
      expect(opened.troubles).toEqual([]);
    },
  );

  test.each([360, 768, 1920])("nothing is wider than a window of %i pixels", async (width) => {
    await using opened = await openPage(browser, url, { viewport: { width, height: 800 } });
    const { page } = opened;
    for (const view of ["now", "runs", "dead-letters", "meteors"]) {
      await page.goto(`/#/${view}`);
      await page.locator(".card").first().waitFor();
      await page.waitForLoadState("load");
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), view)
        .toBeLessThanOrEqual(0);
    }
    expect(opened.troubles).toEqual([]);
  });
});

describe.skipIf(NO_BROWSER !== null)("the dashboard while runs wait", {
  timeout: TEST_TIMEOUT_MS,
}, () => {
  test(
    "for a file and for each other: it says so, counts down, and fits a phone in both themes",
    async () => {
      // Longer than the test: the first attempt stays the last.
      await using service = await startTestService({ retryPause_ms: 500_000 });
      await cutFile(service);
      const browser = await startBrowser();
      try {
        const url = service.service.addresses.http!;
        const ask = async () => {
          const answer = await service.api("/extract", { method: "POST" });
          expect(answer.status).toBe(202);
          return (await answer.json()).run_id as string;
        };
        const first = await ask();
        await service.next("file.deferred");
        const second = await ask();
        await using opened = await openPage(browser, url);
        const { page } = opened;
        await page.goto("/#/runs");
        const waits =
          /^Waiting for \S+: attempt 1 of 3 failed \(.*middle of a line.*\); next in \d min/;
        await page.getByRole("row").getByText(waits).waitFor();
        await page.getByRole("table", { name: /State of each file/ })
          .getByRole("link", { name: "Waiting", exact: true }).waitFor();
        const queued = page.getByRole("row").filter({
          hasText: `Queued behind run …${first.slice(-6)}`,
        });
        await queued.getByText("Queued", { exact: true }).waitFor();
        await queued.getByRole("link", { name: /^run …/ }).click();

        await page.locator(".facts").getByText("Waiting").waitFor();
        const next = page.locator(".note time");
        const left = async () => {
          const [, min, s = 0] = /in (\d) min(?: (\d+) s)?/.exec(await next.textContent() ?? "") ??
            [];
          return Number(min) * 60 + Number(s);
        };
        const before = await left();
        expect(before).toBeGreaterThan(0);
        await expect.poll(left, { timeout: 10_000 }).toBeLessThan(before);
        await page.getByRole("row", { name: /^Waiting/ }).getByText("attempt 1 of 3 failed")
          .waitFor();
        await page.getByRole("list", { name: "Events of the run, newest first" })
          .getByText(/can't be read yet \(attempt 1 of 3\): .*; next attempt at [\d:]+ UTC$/)
          .waitFor();
        expect(opened.troubles).toEqual([]);

        for (const colorScheme of ["light", "dark"] as const) {
          await using phone = await openPage(browser, url, {
            colorScheme,
            bypassCSP: true,
            reducedMotion: "reduce",
            viewport: { width: 360, height: 800 },
          });
          for (const view of ["now", "runs", `runs/${first}`, `runs/${second}`]) {
            await phone.page.goto(`/#/${view}`);
            await phone.page.getByText(/^(Waiting for|Queued behind) /).first().waitFor();
            expect(
              await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
              view,
            ).toBeLessThanOrEqual(0);
            expect(await accessibilityProblems(phone.page), view).toEqual([]);
          }
        }
      } finally {
        await browser.close();
      }
    },
    START_TIMEOUT_MS,
  );
});

describe.skipIf(NO_BROWSER !== null)("the dashboard of a service with a token", {
  timeout: TEST_TIMEOUT_MS,
}, () => {
  const TOKEN = "a-token-of-the-browser-tests";

  test("asks for it until it is right; then starts a run, and cancels it", async () => {
    await using service = await startTestService({
      // The second file would be fetched in an hour: the run stays running until it is cancelled.
      environment: { API_TOKEN: TOKEN, GMN_REQUEST_INTERVAL_MS: "3600000" },
    });
    const browser = await startBrowser();
    try {
      // A 401 is an error in the browser's console whatever the page does with it.
      await using opened = await openPage(browser, service.service.addresses.http!, {
        expected: /401/,
      });
      const { page } = opened;
      await page.goto("/");
      await page.getByRole("button", { name: "Run the daily extraction" }).click();
      const dialog = page.getByRole("dialog", { name: "API token" });
      await dialog.getByLabel(/^Token/).fill("wrong");
      await dialog.getByRole("button", { name: "Use this token" }).click();
      await dialog.getByText("That was not the right token.").waitFor();
      await dialog.getByLabel(/^Token/).fill(TOKEN);
      await dialog.getByRole("button", { name: "Use this token" }).click();

      await page.getByRole("link", { name: "See the run" }).click();
      await page.locator(".facts").getByText("Running").waitFor();
      await page.getByRole("button", { name: "Cancel this run" }).click();
      await page.locator(".facts").getByText("Cancelled").waitFor();
      await page.getByRole("button", { name: "Retry the remaining files" }).waitFor();
      expect(
        await page.evaluate(() => Object.keys(localStorage).filter((key) => /token/.test(key))),
      ).toEqual([]);
      expect(opened.troubles).toEqual([]);
    } finally {
      await browser.close();
    }
  }, START_TIMEOUT_MS);
});

/** Uploads a file with one line that can't be read, and waits for its dead letter; gives the beginning of the reason. */
async function uploadBadLine(service: TestService): Promise<string> {
  const { readdir, readFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const folder = join(service.sourceFolder, "daily");
  const name = (await readdir(folder)).find((one) => one.includes("solrange"))!;
  const lines = (await readFile(join(folder, name), "utf8")).split("\n").filter((line) =>
    line.trim() !== ""
  );
  const head = lines.filter((line) => line.trim().startsWith("#"));
  const cells = lines.find((line) => !line.trim().startsWith("#"))!.split(";");
  cells[15] = " <b id=injected>fast</b>";
  const body = [...head, cells.join(";"), ""].join("\n");
  const sent = await service.api("/trajectories?name=bad.txt", { method: "POST", body });
  expect((await sent.json()).rows.rejected).toBe(1);
  for (;;) {
    const { dead_letters } = await (await service.api("/dead-letters")).json();
    const deadLetter = dead_letters.find(({ reason }: { reason: string }) =>
      reason.includes("injected")
    );
    if (deadLetter !== undefined) return deadLetter.reason.slice(0, 20);
  }
}

/** Cuts a daily file in the middle of a line, as if it was being written. */
async function cutFile({ sample, sourceFolder }: TestService): Promise<void> {
  const { readFile, writeFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const { name } = sample.files.find(({ name }) => /^daily\/.*_20\d{6}_/.test(name))!;
  const path = join(sourceFolder, name);
  await writeFile(path, (await readFile(path)).subarray(0, -100));
}
