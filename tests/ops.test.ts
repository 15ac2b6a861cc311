/**
 * Keeps alerts, dashboard and runbook true: they name metrics that there are, and every alert has its paragraph.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { createMetrics } from "../src/observe/metrics.ts";

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
  const text = await createMetrics().scrape(null);
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
