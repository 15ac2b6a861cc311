/** Every value that the data store can have survives: stored, read, encoded, decoded, stored again it is the same row. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
import { readStoredRows, type StoredRow } from "../../src/store/stored_rows.ts";
import { createTrajectoryLoader } from "../../src/store/trajectory_loader.ts";
import { createTrajectoryDecoder, encodeTrajectory } from "../../src/trajectory/codec.ts";
import { type FieldValue, summaryOf } from "../../src/trajectory/record.ts";
import { TRAJECTORY_FIELDS, TRAJECTORY_SCHEMA_TEXT } from "../../src/trajectory/schema.ts";
import type { TrajectorySummary } from "../../src/trajectory/summary.ts";
import { EXACT_LONG_MAX } from "../../src/trajectory/untrusted_types.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { readWhole } from "../support/read_whole.ts";
import { fileText, rows } from "../support/summary_file.ts";
import { rowLines, summaryText } from "../producer/summary_text.ts";
import { batchOf, generation } from "../support/trajectories.ts";

const SEED = 20261129;
const decode = createTrajectoryDecoder(TRAJECTORY_SCHEMA_TEXT);

let first: TestDatabase, second: TestDatabase;
beforeAll(async () => {
  first = await createTestDatabase();
  second = await createTestDatabase();
});
afterAll(async () => {
  await first.drop();
  await second.drop();
});

/** A text that PostgreSQL can store: no NUL, no lone surrogate. */
const text = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
/** Values that can be stored and some that are stored as others: NaN, -1, "...", stations in disorder. */
const VALUES: Record<string, fc.Arbitrary<FieldValue>> = {
  string: fc.oneof(text, fc.constant("...")),
  double: fc.oneof(fc.double({ noDefaultInfinity: true }), fc.constantFrom(-0, 5e-324, 0.1 + 0.2)),
  long: fc.integer({ min: -EXACT_LONG_MAX, max: EXACT_LONG_MAX }),
  // The years 1827 to 2112, to the microsecond.
  timestamp_micros: fc.integer({ min: -EXACT_LONG_MAX, max: EXACT_LONG_MAX }),
  boolean: fc.boolean(),
  string_array: fc.array(fc.option(text)),
};
const SPECIAL: Partial<Record<keyof TrajectorySummary, fc.Arbitrary<FieldValue>>> = {
  iau_no: fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 2 ** 31 - 1 })),
};
const anySummary = fc.tuple(
  ...TRAJECTORY_FIELDS.map(({ name, kind }) => fc.option(SPECIAL[name] ?? VALUES[kind]!)),
).map((values) => summaryOf(values));

async function load(to: TestDatabase, summaries: readonly TrajectorySummary[]): Promise<void> {
  await to.empty();
  const loader = createTrajectoryLoader({ url: to.url, observe: unobserved });
  try {
    await loader.load(batchOf(
      0,
      summaries.map((summary, at) => ({
        summary,
        lineage: { sourceLine: at, sourceGeneratedAt: generation(at) },
      })),
    ));
  } finally {
    await loader.close();
  }
}

async function storedIn(database: TestDatabase): Promise<StoredRow[]> {
  const stored: StoredRow[] = [];
  for await (const page of readStoredRows(database.sql, { kind: "all" })) stored.push(...page);
  return stored;
}

const columnsOf = (database: TestDatabase) =>
  database.sql`
    select to_jsonb(m) - '{created_at,updated_at,topic_offset,source_line,source_generated_at}'::text[] as row
    from meteor m order by id`;

test("every column survives", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anySummary, { minLength: 1, maxLength: 20 }), async (summaries) => {
      for (const [at, summary] of summaries.entries()) {
        summary.unique_trajectory_identifier = String(at).padStart(3, "0");
      }
      await load(first, summaries);
      const stored = await storedIn(first);
      expect(stored.map(({ sourceLine }) => sourceLine)).toEqual(summaries.map((_, at) => at));
      await load(second, stored.map(({ summary }) => decode(encodeTrajectory(summary, 1))));
      expect(await columnsOf(second)).toEqual(await columnsOf(first));
    }),
    { numRuns: 20, seed: SEED },
  );
});

test("a row from a file becomes the same bytes that the producer had published", async () => {
  const summaries = readWhole(summaryText(rowLines(60))).rows.map(({ summary }) => summary)
    .toSorted((a, b) => a.unique_trajectory_identifier! < b.unique_trajectory_identifier! ? -1 : 1);
  expect(summaries.some(({ iau_no }) => iau_no === -1)).toBe(true);
  await load(first, summaries);
  const bytes = (summary: TrajectorySummary) => [...encodeTrajectory(summary, 1)];
  expect((await storedIn(first)).map(({ summary }) => bytes(summary)))
    .toEqual(summaries.map(bytes));
});

test("pages have every row once, and selections the right ones", async () => {
  const [example] = readWhole(fileText(rows(1))).rows;
  const summaries = Array.from({ length: 4_500 }, (_, at) => {
    const id = `20260101000000_${String(at).padStart(5, "0")}`;
    return Object.assign(summaryOf(TRAJECTORY_FIELDS.map(() => null)), example!.summary, {
      unique_trajectory_identifier: id,
    });
  });
  await load(first, summaries);
  const ids = (await storedIn(first)).map(({ id }) => id);
  expect(ids).toEqual(summaries.map((summary) => summary.unique_trajectory_identifier));

  const found: string[] = [];
  const range = { kind: "offsets", partition: 0, first: 4_000n, last: 4_002n } as const;
  for await (const page of readStoredRows(first.sql, range)) {
    found.push(...page.map(({ id }) => id));
  }
  expect(found).toEqual(ids.slice(4_000, 4_003));
  await first.sql`update meteor set topic_offset = -1 where id = ${ids[7]!}`;
  for await (const page of readStoredRows(first.sql, { kind: "not in the log" })) {
    expect(page.map(({ id }) => id)).toEqual([ids[7]]);
  }
});
