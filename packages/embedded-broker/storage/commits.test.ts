import { ErrorCode } from "@gmn/kafka-formats";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KafkaError } from "../protocol/kafka_error.ts";
import { Commits } from "./commits.ts";
import { closeDatabase, openDatabase } from "./database.ts";

let directory: string;
let db: DatabaseSync;
let commits: Commits;
let storageErrors: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "gmn-commits-"));
  db = openDatabase(directory);
  db.exec("CREATE TABLE line (text TEXT UNIQUE)");
  storageErrors = [];
  commits = new Commits(db, (reason) => storageErrors.push(reason));
});

afterEach(async () => {
  closeDatabase(db, directory);
  await rm(directory, { recursive: true });
});

const insert = (text: string) => db.prepare("INSERT INTO line VALUES (?)").run(text);
const lines = () => db.prepare("SELECT text FROM line ORDER BY rowid").all().map((r) => r.text);

describe("writes that wait together", () => {
  test("share a transaction, in the order in which they came", async () => {
    await Promise.all(["a", "b", "c"].map((text) => commits.write(() => insert(text))));
    expect(lines()).toEqual(["a", "b", "c"]);
    expect(commits.counts).toEqual({ transactions: 1, writes: 3 });
  });

  test("are split when they are large", async () => {
    const large = 10 * 1024 * 1024;
    await Promise.all(["a", "b", "c"].map((text) => commits.write(() => insert(text), large)));
    expect(lines()).toEqual(["a", "b", "c"]);
    expect(commits.counts.transactions).toBe(3);
  });

  test("succeed or fail individually when one is refused", async () => {
    const refusal = new KafkaError(ErrorCode.INVALID_RECORD);
    const results = await Promise.allSettled([
      commits.write(() => insert("a")),
      commits.write(() => {
        throw refusal;
      }),
      commits.write(() => insert("b")),
    ]);
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(lines()).toEqual(["a", "b"]);
    expect(storageErrors).toEqual([]);
  });

  test("all fail when the database fails, and their state in memory is rolled back", async () => {
    const memory: string[] = [];
    const results = await Promise.allSettled([
      commits.write((transaction) => {
        transaction.onCommit(() => memory.push("committed"));
        transaction.onRollback(() => memory.push("forgotten"));
        insert("a");
      }),
      commits.write(() => insert("a")), // breaks UNIQUE
    ]);
    for (const result of results) {
      expect(result).toMatchObject({ reason: { code: ErrorCode.KAFKA_STORAGE_ERROR } });
    }
    expect(memory).toEqual(["forgotten"]);
    expect(lines()).toEqual([]);
    expect(storageErrors).toEqual([expect.stringContaining("UNIQUE")]);
    await commits.write(() => insert("later")); // the queue continues
    expect(lines()).toEqual(["later"]);
  });
});

test("a commit updates the memory before the waiting caller resumes", async () => {
  const order: string[] = [];
  await commits.write((transaction) => {
    transaction.onCommit(() => order.push("memory"));
  }).then(() => order.push("answer"));
  expect(order).toEqual(["memory", "answer"]);
});

test("drained() also waits for writes that follow from other writes", async () => {
  const first = commits.write(() => insert("a"));
  const second = first.then(() => commits.write(() => insert("b")));
  await first;
  await commits.drained();
  await second;
  expect(lines()).toEqual(["a", "b"]);
});
