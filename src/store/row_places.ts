/**
 * Where in the log each row's record should be, in the order of the log: what a check of the log reads beside it.
 *
 * One snapshot and a cursor per partition, so that millions of rows need no memory here. The server sorts them; there is no index on the
 * offset, which would cost every load and is needed for checks only.
 */
import type { Sql, TransactionSql } from "./connection.ts";

/** A row of `meteor` and the record that last changed it. */
export interface RowInLog {
  readonly id: string;
  readonly offset: bigint;
  /** Of the record's value; null when it is not known (changed by hand, or stored by an earlier version). */
  readonly digest: bigint | null;
  /** Then the record is a tombstone. */
  readonly isWithdrawn: boolean;
}

/** A row of `ingestion_run_event`. */
export interface RunEventPlace {
  readonly id: string;
  readonly offset: bigint;
  readonly name: string;
}

/** A dead letter as far as a check compares it. */
export interface DeadLetterMark {
  readonly id: string;
  readonly stage: string;
  readonly reason: string;
  /** The topic that the dead letter is about. */
  readonly topic: string | null;
}

/** Rows that a cursor gives at a time: half a megabyte. */
const PORTION_ROWS = 5_000;
/** Sorting three million places takes some seconds; a busy server may take minutes. */
const STATEMENT_MS_MAX = 600_000;
/** For the sort, per cursor. More goes to temporary files. */
const SORT_MEMORY = "32MB";

/** One snapshot of the data store, which nothing can be written in. */
export class StoreSnapshot {
  readonly #rows = new Map<number, PlaceCursor<RowInLog>>();
  #runEvents: PlaceCursor<RunEventPlace> | null = null;

  constructor(readonly sql: TransactionSql) {}

  /** The rows of a partition whose record is before `end`, without those that were given before. Negative offsets are left out. */
  async rowsBefore(partition: number, end: bigint): Promise<RowInLog[]> {
    let cursor = this.#rows.get(partition);
    if (cursor === undefined) {
      const { sql } = this;
      cursor = new PlaceCursor(sql, `rows_of_${partition}`);
      this.#rows.set(partition, cursor);
      await cursor.open(sql`
        select id, topic_offset as "offset", value_digest as digest, withdrawn_at is not null as "isWithdrawn"
        from meteor where topic_partition = ${partition} and topic_offset >= 0 order by topic_offset`);
    }
    return await cursor.before(end);
  }

  /** The same for the events of runs, whose topic has one partition. */
  async runEventsBefore(end: bigint): Promise<RunEventPlace[]> {
    if (this.#runEvents === null) {
      const { sql } = this;
      this.#runEvents = new PlaceCursor(sql, "run_events");
      await this.#runEvents.open(sql`
        select run_id as id, event_offset as "offset", name from ingestion_run_event order by event_offset`);
    }
    return await this.#runEvents.before(end);
  }

  /** Partitions that rows name, and how many rows are not in the log (offset -1). */
  async rowTotals(): Promise<{ rows: number; notInLog: number; partitions: number[] }> {
    const found = await this.sql<{ partition: number; rows: bigint; absent: bigint }[]>`
      select topic_partition as partition, count(*) as rows, count(*) filter (where topic_offset < 0) as absent
      from meteor group by 1 order by 1`;
    return {
      rows: found.reduce((sum, { rows }) => sum + Number(rows), 0),
      notInLog: found.reduce((sum, { absent }) => sum + Number(absent), 0),
      partitions: found.map(({ partition }) => partition),
    };
  }

  /** Those of the dead letters that the data store has. */
  async deadLetters(ids: readonly string[]): Promise<DeadLetterMark[]> {
    if (ids.length === 0) return [];
    return await this.sql<DeadLetterMark[]>`
      select id, stage, reason, topic from dead_letter where id = any(${[...ids]})`;
  }

  /** All dead letters after the id `after` ("": from the first), by id; at most `PORTION_ROWS`. Fewer: they are the last. */
  async deadLettersAfter(
    after: string,
  ): Promise<{ marks: DeadLetterMark[]; isLast: boolean }> {
    const marks = await this.sql<DeadLetterMark[]>`
      select id, stage, reason, topic from dead_letter where id > ${after} order by id limit ${PORTION_ROWS}`;
    return { marks: [...marks], isLast: marks.length < PORTION_ROWS };
  }
}

/**
 * Runs `work` with one snapshot of the data store. While it is open, PostgreSQL keeps what was current when it began.
 * @throws TransientError when the database is unavailable, and what `work` throws
 */
export async function withSnapshot<Result>(
  sql: Sql,
  work: (snapshot: StoreSnapshot) => Promise<Result>,
): Promise<Result> {
  return await sql.begin("isolation level repeatable read read only", async (transaction) => {
    await transaction`
      select set_config('statement_timeout', ${String(STATEMENT_MS_MAX)}, true),
        set_config('idle_in_transaction_session_timeout', '0', true), set_config('work_mem', ${SORT_MEMORY}, true)`;
    return await work(new StoreSnapshot(transaction));
  }) as Result;
}

/** A cursor on the server, and the rows that were fetched and are not wanted yet. */
class PlaceCursor<Place extends { readonly offset: bigint }> {
  #waiting: Place[] = [];
  #isAtEnd = false;

  constructor(private readonly sql: TransactionSql, private readonly name: string) {}

  async open(query: ReturnType<TransactionSql>): Promise<void> {
    await this.sql`declare ${this.sql(this.name)} no scroll cursor for ${query}`;
  }

  async before(end: bigint): Promise<Place[]> {
    while (!this.#isAtEnd && (this.#waiting.at(-1)?.offset ?? -1n) < end) {
      // Not prepared: the driver would reuse the columns of the first cursor that was fetched with this text.
      const rows = await this.sql.unsafe(`fetch ${PORTION_ROWS} from ${this.name}`);
      this.#isAtEnd = rows.length < PORTION_ROWS;
      this.#waiting.push(...rows as unknown as Place[]);
    }
    const at = this.#waiting.findIndex(({ offset }) => offset >= end);
    return at < 0 ? this.#waiting.splice(0) : this.#waiting.splice(0, at);
  }
}
