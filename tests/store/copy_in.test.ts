import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { unobserved } from "../../src/observe/observe.ts";
import { CopyBinaryWriter } from "../../src/store/copy_binary.ts";
import { copyIn } from "../../src/store/postgresjs/copy_in.ts";
import { openDriver, type Sql } from "../../src/store/postgresjs/driver.ts";
import { until } from "../support/poll.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase({ empty: true });
  await database.sql`create table target (n int4 not null, t text check (t <> 'forbidden'))`;
});
beforeEach(() => {
  ({ sql } = openDriver({
    url: database.url,
    max: 1,
    applicationName: "copier",
    observe: unobserved,
  }));
});
afterEach(async () => {
  await sql.end({ timeout: 0 });
  await database.sql`truncate target`;
});
afterAll(() => database.drop());

const COPY = "copy target from stdin (format binary)";
const ROWS = 2000;

/** `ROWS` rows in chunks of `rowsPerChunk`; `spoil` writes the invalid row `bad`. */
function* chunks(
  rowsPerChunk: number,
  bad = -1,
  spoil: (writer: CopyBinaryWriter) => void = () => {},
): Generator<Uint8Array> {
  const writer = new CopyBinaryWriter();
  writer.begin();
  for (let n = 0; n < ROWS; n++) {
    if (n === bad) spoil(writer);
    else {
      writer.row(2);
      writer.int4(n);
      writer.text(`row ${n} ${"x".repeat(100)}`);
    }
    if (n % rowsPerChunk === rowsPerChunk - 1) {
      yield writer.bytes();
      writer.clear();
    }
  }
  writer.end();
  yield writer.bytes();
}

const count = async (): Promise<number> =>
  (await database.sql`select count(*)::int as n from target`)[0]?.n;
/** Asserts that the connection is usable: it answers, and is in no transaction. */
const usable = async () => expect(await sql`select 1 as one`).toMatchObject([{ one: 1 }]);

test.each([1, 100, ROWS])("sends rows in chunks of %d", async (rowsPerChunk) => {
  await copyIn(sql, COPY, chunks(rowsPerChunk));
  expect(await count()).toBe(ROWS);
  await usable();
});

describe("a refused COPY ends, wherever the bad row is and however the rows are chunked", () => {
  const FAULTS: Record<string, [string, (writer: CopyBinaryWriter) => void]> = {
    "a value of the wrong length": ["22P03", (writer) => {
      writer.row(2);
      writer.float8(1);
      writer.text("x");
    }],
    "too few values": ["22P04", (writer) => {
      writer.row(1);
      writer.int4(1);
    }],
    "a null in a column that is not null": ["23502", (writer) => {
      writer.row(2);
      writer.null();
      writer.text("x");
    }],
    "a constraint": ["23514", (writer) => {
      writer.row(2);
      writer.int4(1);
      writer.text("forbidden");
    }],
    "a NUL": ["22021", (writer) => {
      writer.row(2);
      writer.int4(1);
      writer.text("a\0b");
    }],
  };
  const cases = Object.entries(FAULTS).flatMap(([name, [code, spoil]]) =>
    [[0, ROWS], [ROWS - 1, ROWS], [ROWS / 2, 10], [5, 1]].map(([bad, rowsPerChunk]) =>
      [name, bad!, rowsPerChunk!, code, spoil] as const
    )
  );
  test.each(cases)(
    "%s in row %d, %d rows a chunk: %s",
    async (_name, bad, rowsPerChunk, code, spoil) => {
      await expect(copyIn(sql, COPY, chunks(rowsPerChunk, bad, spoil))).rejects.toMatchObject({
        code,
      });
      await usable();
      expect(await count()).toBe(0);
    },
  );

  test("in a transaction: it can be rolled back", async () => {
    await sql.unsafe("begin");
    await expect(copyIn(sql, COPY, chunks(ROWS, 7, FAULTS["a constraint"]![1]))).rejects
      .toMatchObject({ code: "23514" });
    await expect(sql.unsafe("select 1")).rejects.toMatchObject({ code: "25P02" });
    await sql.unsafe("rollback");
    await usable();
  });

  test("of the statement itself", async () => {
    await expect(copyIn(sql, "copy nowhere from stdin", chunks(1))).rejects.toMatchObject({
      code: "42P01",
    });
    await usable();
  });

  test("by a time-out of the server", async () => {
    await sql.unsafe("set statement_timeout = '150ms'");
    await database.sql.begin(async (other) => {
      await other`lock table target in access exclusive mode`;
      await expect(copyIn(sql, COPY, chunks(100))).rejects.toMatchObject({ code: "57014" });
    });
    await usable();
  });

  test("by the sender: an error while the rows are generated", async () => {
    const failing = function* (): Generator<Uint8Array> {
      yield [...chunks(10)][0]!;
      throw new RangeError("of the encoder");
    };
    await expect(copyIn(sql, COPY, failing())).rejects.toThrow(RangeError);
    // The connection is still in the COPY: its owner must discard it.
  });
});

describe("a backend that dies", () => {
  const kill = () =>
    database.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'copier' and datname = current_database()`.execute();

  test("in the middle of the rows", async () => {
    const dying = function* (): Generator<Uint8Array> {
      let n = 0;
      for (const chunk of chunks(10)) {
        if (n++ === 3) kill();
        yield chunk;
      }
      // More than all buffers between client and server can hold.
      for (let more = 0; more < 1000; more++) yield new Uint8Array(64 * 1024);
    };
    await expect(copyIn(sql, COPY, dying())).rejects.toThrow();
    expect(await count()).toBe(0);
  });

  test("after the last row was sent, before the server has answered", async () => {
    await database.sql.unsafe(`
      create function wait_for_lock() returns trigger language plpgsql as
        'begin perform pg_advisory_xact_lock(1); return new; end';
      create trigger wait before insert on target for each row execute function wait_for_lock()`);
    await database.sql.begin(async (other) => {
      await other`select pg_advisory_xact_lock(1)`;
      const copying = copyIn(sql, COPY, chunks(ROWS));
      copying.catch(() => {});
      await until(
        "a COPY that waits",
        async () =>
          (await database.sql`select from pg_locks where locktype = 'advisory' and not granted`)
            .length > 0,
      );
      await kill();
      await expect(copying).rejects.toThrow();
    });
    expect(await count()).toBe(0);
  });
});
