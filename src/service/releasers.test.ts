import { expect, test } from "vitest";
import { HURRIED_LIMITS, Releasers } from "./releasers.ts";

test("everything is released in reverse order, even if a part fails or hangs, and only once", async () => {
  const done: string[] = [];
  const problems: string[] = [];
  const releasers = new Releasers((name, reason) => problems.push(`${name}: ${reason}`));
  releasers.add("database", () => void done.push("database"));
  releasers.add("hanging", () => new Promise(() => {}));
  releasers.add("failing", () => Promise.reject(new Error("no")));
  releasers.add("http", async () => {
    await Promise.resolve();
    done.push("http");
  });
  await releasers.release({ each_ms: 5, all_ms: 1_000 });
  await releasers.release({ each_ms: 5, all_ms: 1_000 });
  expect(done).toEqual(["http", "database"]);
  expect(problems).toEqual(["failing: no", "hanging: not done after 5 ms"]);
});

test("the total limit holds, and part of it is reserved for the engines, which come last", async () => {
  const problems: string[] = [];
  const releasers = new Releasers((name, reason) => problems.push(`${name}: ${reason}`));
  const hang = () => new Promise<void>(() => {});
  releasers.add("http", hang);
  releasers.add("database", hang, { reserve_ms: 60 });
  releasers.add("broker", hang, { reserve_ms: 40 });
  for (const name of ["pool", "log", "consumer", "runs"]) releasers.add(name, hang);
  const began = performance.now();
  await releasers.release({ each_ms: 70, all_ms: 200 });
  const took_ms = performance.now() - began;
  expect(took_ms).toBeGreaterThan(190);
  expect(problems.map((problem) => problem.split(":")[0]))
    .toEqual(["runs", "consumer", "log", "pool", "broker", "database", "http"]);
  const waited_ms = problems.map((problem) => Number(/after (\d+) ms/.exec(problem)![1]));
  expect(waited_ms[0]).toBe(70);
  expect(waited_ms.slice(0, 4).reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(100);
  expect(waited_ms.reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(201);
});

test("a hurried stop abandons a hanging part within seconds, and goes on with the rest", async () => {
  const problems: string[] = [];
  const done: string[] = [];
  const hurry = new AbortController();
  const releasers = new Releasers((name, reason) => problems.push(`${name}: ${reason}`));
  releasers.add("database", () => void done.push("database"), { reserve_ms: 25_000 });
  releasers.add("hanging", () => {
    hurry.abort();
    return new Promise(() => {});
  });
  const began = performance.now();
  await releasers.release({ each_ms: 30_000, all_ms: 80_000 }, hurry.signal);
  expect(performance.now() - began).toBeLessThan(2 * HURRIED_LIMITS.each_ms);
  expect(problems).toEqual([`hanging: not done after ${HURRIED_LIMITS.each_ms} ms`]);
  expect(done).toEqual(["database"]);
});
