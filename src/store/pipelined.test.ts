import { expect, test } from "vitest";
import { pipelined } from "./pipelined.ts";

test("the results are in the order of the statements", async () => {
  const first = Promise.withResolvers<number>();
  const both = pipelined([first.promise, Promise.resolve("b")]);
  first.resolve(1);
  expect(await both).toEqual([1, "b"]);
});

test("a failure is thrown when the other statements have ended, and the first of the list wins", async () => {
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const steps: string[] = [];
  const failed = pipelined([first.promise, second.promise]).catch(({ message }: Error) => {
    steps.push(message);
  });
  second.reject(new Error("of the second"));
  await second.promise.catch(() => {});
  // All that follows from the failure has happened by the next turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
  steps.push("the first ends");
  first.reject(new Error("of the first"));
  await failed;
  expect(steps).toEqual(["the first ends", "of the first"]);
});
