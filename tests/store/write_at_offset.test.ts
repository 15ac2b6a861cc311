/** The fence of the small topics: what is written with an offset that could not be moved is rolled back, all of it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TransactionSql } from "../../src/store/connection.ts";
import { OffsetMismatchError, writeAtOffset } from "../../src/store/consumer_offsets.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const step = (firstOffset: bigint) => ({
  topic: "things",
  partition: 0,
  firstOffset,
  nextOffset: firstOffset + 1n,
});
/** Several statements, each sent after the answer to the one before; `onEnd` is called when none is under way any more. */
const writeStations =
  (codes: readonly string[], onEnd = () => {}) => async (transaction: TransactionSql) => {
    for (const code of codes) await transaction`insert into station (code) values (${code})`;
    onEnd();
  };
const stations = async () =>
  (await database.sql<{ code: string }[]>`select code from station order by code`)
    .map(({ code }) => code);

test("a write at another offset than the stored one leaves nothing behind", async () => {
  await writeAtOffset(database.sql, step(0n), writeStations(["A", "B"]));
  expect(await stations()).toEqual(["A", "B"]);
  const codes = Array.from({ length: 20 }, (_, at) => `C${at}`);
  // The fence refuses long before the last statement: none of them may come after the rollback.
  let hasEnded = false;
  const refused = writeAtOffset(database.sql, step(0n), writeStations(codes, () => hasEnded = true))
    .finally(() => expect(hasEnded).toBe(true));
  await expect(refused).rejects.toThrow(OffsetMismatchError);
  await writeAtOffset(database.sql, step(1n), writeStations(["D"]));
  expect(await stations()).toEqual(["A", "B", "D"]);
});
