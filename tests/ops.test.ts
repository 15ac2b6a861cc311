/**
 * Keeps alerts, dashboard and runbook true: they name metrics that there are, and every alert has its paragraph. And the systemd
 * unit: systemd understands it, and it waits longer than a stop takes.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { createServiceMetrics } from "../src/service/endpoints.ts";
import { RELEASE_LIMITS } from "../src/service/releasers.ts";

const ROOT = resolve(import.meta.dirname!, "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

const alerts = read("ops/prometheus/alerts.yml");
const dashboard = read("ops/grafana/dashboard.json");
const names = [...alerts.matchAll(/- alert: (\w+)/g)].map((match) => match[1]!);

test("every alert has its paragraph in the runbook, and leads to it", () => {
  const paragraphs = [...read("docs/runbook.md").matchAll(/^## (\w+)$/gm)].map((match) =>
    match[1]!
  );
  expect(names.length).toBeGreaterThan(5);
  expect(paragraphs.toSorted()).toEqual(names.toSorted());
  const links = [...alerts.matchAll(/runbook: docs\/runbook\.md#(\w+)/g)].map((match) => match[1]!);
  expect(links).toEqual(names.map((name) => name.toLowerCase()));
});

test("alerts and dashboard ask for metrics that there are", async () => {
  const text = await createServiceMetrics().scrape(null);
  const there = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map((match) => match[1]!));
  const asked = [...`${alerts}${dashboard}`.matchAll(/\b((?:gmn|process)_[a-z_]+)\b(?!-)/g)]
    .map((match) => match[1]!.replace(/_(bucket|count|sum)$/, ""));
  expect(asked.length).toBeGreaterThan(20);
  expect([...new Set(asked)].filter((name) => !there.has(name))).toEqual([]);
});

test("the dashboard is one that Grafana reads", () => {
  const { panels, uid } = JSON.parse(dashboard) as { panels: { id: number }[]; uid: string };
  expect(uid).toBe("gmn-ingestion");
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});

const UNIT = "ops/systemd/gmn-data-store.service";
const unit = read(UNIT);
/** The value of a setting of the unit. */
const setting = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1];

test("systemd waits longer than a stop takes, and asks the service alone to stop", () => {
  expect(Number(setting("TimeoutStopSec")) * 1000).toBeGreaterThan(RELEASE_LIMITS.all_ms);
  expect(setting("KillMode")).toBe("mixed");
  expect(setting("KillSignal")).toBe("SIGTERM");
  const task = setting("ExecStart")?.split(" ").at(-1) ?? "";
  expect(Object.keys(JSON.parse(read("deno.json")).tasks)).toContain(task);
});

const hasAnalyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
test.skipIf(!hasAnalyze)(
  `systemd-analyze verify finds nothing in ${UNIT}${
    hasAnalyze ? "" : ": skipped, it is not installed"
  }`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "gmn-unit-"));
    // It looks for the program of ExecStart. The installed one is not here, so the copy that is verified names this Deno instead.
    const [installed = ""] = setting("ExecStart")!.split(" ");
    const file = join(folder, "gmn-data-store.service");
    writeFileSync(file, unit.replaceAll(installed, process.execPath));
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], {
      encoding: "utf8",
    });
    rmSync(folder, { recursive: true });
    expect(`${stdout}${stderr}`.split("\n").filter((line) => line.includes("gmn-data-store")))
      .toEqual([]);
    expect(status).toBe(0);
  },
);
