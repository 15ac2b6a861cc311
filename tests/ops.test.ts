/**
 * Keeps alerts, dashboard and runbook true: they name metrics that there are, Prometheus can read them, every alert has its section and
 * its panel. (tests/alerts/ proves that each alert fires.) And the systemd unit: systemd understands it, and it waits longer than a stop
 * takes.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parse } from "@std/yaml/parse.js";
import { expect, test } from "vitest";
import { createServiceMetrics } from "../src/service/endpoints.ts";
import { RELEASE_LIMITS } from "../src/service/releasers.ts";
import { promtool, WITHOUT_PROMTOOL } from "./alerts/prometheus.ts";

const ROOT = resolve(import.meta.dirname!, "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

const alerts = read("ops/prometheus/alerts.yml");
const dashboard = read("ops/grafana/dashboard.json");
const names = [...alerts.matchAll(/- alert: (\w+)/g)].map((match) => match[1]!);

test("every alert has its section in the runbook, and leads to it", () => {
  const sections = read("docs/runbook.md").split(/^## /m).slice(1)
    .map((text) => ({ name: text.split("\n", 1)[0]!, text }));
  expect(names.length).toBeGreaterThan(5);
  expect(sections.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  for (const { name, text } of sections) {
    const heads = [...text.matchAll(/^\*\*(.*?)\.\*\* \S/gm)].map((match) => match[1]);
    expect(heads, name).toEqual(["What it means", "What to look at", "What to do"]);
  }
  const links = [...alerts.matchAll(/runbook: docs\/runbook\.md#(\w+)/g)].map((match) => match[1]!);
  expect(links).toEqual(names.map((name) => name.toLowerCase()));
});

/** The metrics that an expression names. */
const metricsIn = (expression: string) =>
  [...expression.matchAll(/\b(up|(?:gmn|process)_[a-z_]+)\b(?!-)/g)].map((match) => match[1]!);
const queries = (JSON.parse(dashboard) as { panels: { targets: { expr: string }[] }[] }).panels
  .flatMap(({ targets }) => targets.map(({ expr }) => expr));

test("every metric that an alert asks for has a panel", () => {
  const rules = parse(alerts) as { groups: { rules: { expr: string }[] }[] };
  const asked = rules.groups.flatMap(({ rules }) => rules.flatMap(({ expr }) => metricsIn(expr)));
  expect(new Set(asked).size).toBeGreaterThan(10);
  const shown = new Set(queries.flatMap(metricsIn));
  expect([...new Set(asked)].filter((name) => !shown.has(name))).toEqual([]);
});

test.skipIf(WITHOUT_PROMTOOL !== "")(
  `Prometheus can read the alerts and the panels${WITHOUT_PROMTOOL}`,
  () => {
    promtool(["check", "rules"], parse(alerts));
    const rules = queries.map((expr, n) => ({
      record: `panel:${n}`,
      // A variable of Grafana.
      expr: expr.replaceAll("$__rate_interval", "2m"),
    }));
    promtool(["check", "rules"], { groups: [{ name: "panels", rules }] });
    const wrong = {
      groups: [{ name: "panels", rules: [{ record: "panel:x", expr: "max by (a" }] }],
    };
    expect(() => promtool(["check", "rules"], wrong)).toThrow(/parse error/);
  },
);

test("alerts and dashboard ask for metrics that there are", async () => {
  const text = await createServiceMetrics().scrape(null);
  const there = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map((match) => match[1]!));
  const asked = [...`${alerts}${dashboard}`.matchAll(/\b((?:gmn|process)_[a-z_]+)\b(?!-)/g)]
    .map((match) => match[1]!.replace(/_(bucket|count|sum)$/, ""));
  expect(asked.length).toBeGreaterThan(20);
  expect([...new Set(asked)].filter((name) => !there.has(name))).toEqual([]);
});

test("the dashboard is one that Grafana reads", () => {
  const { panels, uid } = JSON.parse(dashboard) as {
    panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
    uid: string;
  };
  expect(uid).toBe("gmn-ingestion");
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  // No two lie on each other.
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + n % w},${y + Math.floor(n / w)}`)
  );
  expect(new Set(cells).size).toBe(cells.length);
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
