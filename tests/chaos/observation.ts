/** What the service has made of the source, read by SQL and from the topics, without any of its code. */
import { Kafka, logLevel } from "kafkajs";
import type postgres from "postgres";
import type { Stage } from "./stage.ts";

/** The group of the service's consumers. */
const GROUP = "gmn-data-store";
export const RAW_TOPIC = "trajectory_summary_raw";
const TOPICS = [RAW_TOPIC, "trajectory_summary_dead_letter", "ingestion_run", "iau_shower"];
/** Columns of a summary, which come first in the table, in the order of the file. */
const SUMMARY_COLUMNS = 86;

/** A row of the table `meteor`. */
export interface Meteor {
  readonly id: string;
  /** By column, as JSON. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly isWithdrawn: boolean;
  readonly partition: number;
  readonly offset: bigint;
}

/** A partition's positions. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  /** End of the log. */
  readonly end: bigint;
  /** How far the data store is; null before its first record. */
  readonly stored: bigint | null;
  /** What the group has committed; null before that. */
  readonly committed: bigint | null;
}

export interface RunSeen {
  readonly id: string;
  readonly state: string;
  readonly files: Readonly<Record<"planned" | "extracted" | "skipped" | "failed", number>>;
  readonly rows: Readonly<
    Record<"read" | "published" | "unchanged" | "rejected" | "loaded" | "dead", number>
  >;
}

export interface Observation {
  /** Names of the columns of a summary, in the order of the file. */
  readonly columns: readonly string[];
  readonly meteors: readonly Meteor[];
  /** Pairs of meteor and station. */
  readonly stations: number;
  readonly positions: readonly Position[];
  /** As the API shows them: the newest first. */
  readonly runs: readonly RunSeen[];
  readonly unfinishedRuns: readonly { id: string; state: string; owner: string | null }[];
  readonly deadLetters: readonly { id: string; stage: string }[];
  /** Connections to the database, and those that hold a transaction open for long. */
  readonly connections: number;
  readonly idleInTransaction: number;
}

/** A kafkajs client of the stage's broker. */
export function clientOf(broker: string): Kafka {
  return new Kafka({
    clientId: "chaos",
    brokers: [broker],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 8 },
  });
}

/** Looks at everything. `change` is made first and undone afterwards: the data store as it would be then. */
export async function observe(
  stage: Stage,
  change: (sql: postgres.TransactionSql) => Promise<unknown> = () => Promise.resolve(),
): Promise<Observation> {
  const runs = await (await stage.api("/runs?limit=20")).json() as { runs: RunSeen[] };
  // The log after the store: what the store has must be there by then.
  const store = await stage.withSql((sql) => observeStore(sql, change));
  return { ...store, runs: runs.runs, positions: await positionsOf(stage, store.offsets) };
}

type Offsets = readonly { topic: string; partition: number; next: string }[];

class Undone extends Error {}

async function observeStore(
  sql: postgres.Sql,
  change: (sql: postgres.TransactionSql) => Promise<unknown>,
) {
  let found: Awaited<ReturnType<typeof readStore>> | undefined;
  await sql.begin("isolation level repeatable read", async (transaction) => {
    await change(transaction);
    found = await readStore(transaction);
    throw new Undone();
  }).catch((error) => {
    if (!(error instanceof Undone)) throw error;
  });
  return found!;
}

async function readStore(sql: postgres.TransactionSql) {
  const columns = await sql<{ name: string }[]>`
    select column_name as name from information_schema.columns
    where table_schema = 'public' and table_name = 'meteor'
    order by ordinal_position limit ${SUMMARY_COLUMNS}`;
  const meteors = await sql<Meteor[]>`
    select id, to_jsonb(m) as values, withdrawn_at is not null as "isWithdrawn",
      topic_partition as partition, topic_offset::text as offset
    from meteor m`;
  const [counts] = await sql<{ stations: number; connections: number; idle: number }[]>`
    select (select count(*)::integer from participating_station) as stations,
      (select count(*)::integer from pg_stat_activity where backend_type = 'client backend') as connections,
      (select count(*)::integer from pg_stat_activity
        where state like 'idle in transaction%' and state_change < now() - interval '30 s') as idle`;
  const offsets: Offsets = await sql`
    select topic, partition, next_offset::text as next from consumer_offset`;
  const unfinishedRuns = await sql<{ id: string; state: string; owner: string | null }[]>`
    select id, state, owner from ingestion_run where state in ('requested', 'running')`;
  const deadLetters = await sql<{ id: string; stage: string }[]>`select id, stage from dead_letter`;
  return {
    columns: columns.map(({ name }) => name),
    meteors: meteors.map((meteor) => ({ ...meteor, offset: BigInt(meteor.offset) })),
    stations: counts!.stations,
    connections: counts!.connections,
    idleInTransaction: counts!.idle,
    offsets,
    unfinishedRuns: [...unfinishedRuns],
    deadLetters: [...deadLetters],
  };
}

async function positionsOf(stage: Stage, stored: Offsets): Promise<Position[]> {
  const { broker } = (await stage.direct())!;
  const admin = clientOf(broker).admin();
  await admin.connect();
  try {
    const ends = await Promise.all(TOPICS.map(async (topic) => ({
      topic,
      partitions: await admin.fetchTopicOffsets(topic),
    })));
    const committed = await admin.fetchOffsets({ groupId: GROUP, topics: TOPICS });
    return ends.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, high }): Position => {
        const next = stored.find((one) => one.topic === topic && one.partition === partition)?.next;
        const ofGroup = committed.find((one) => one.topic === topic)?.partitions
          .find((one) => one.partition === partition)?.offset ?? "-1";
        return {
          topic,
          partition,
          end: BigInt(high),
          stored: next === undefined ? null : BigInt(next),
          committed: BigInt(ofGroup) < 0n ? null : BigInt(ofGroup),
        };
      })
    );
  } finally {
    await admin.disconnect();
  }
}
