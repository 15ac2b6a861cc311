import { expect, test } from "vitest";
import { Releasers } from "./releasers.ts";

test("everything is released in reverse, whatever fails or hangs, and only once", async () => {
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
  await releasers.release(5);
  await releasers.release(5);
  expect(done).toEqual(["http", "database"]);
  expect(problems).toEqual(["failing: no", "hanging: not done after 5 ms"]);
});
