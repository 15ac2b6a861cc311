/**
 * Rebuilds the projections from the log, beside the live tables, and never makes things worse.
 *
 *     one at a time (lease) ─▶ scan the log ─▶ create the schema of the build ─▶ fill its tables up to the log's end
 *        ▲                                                                          │
 *        │        ┌── behind the live tables: release, read on ◀────────────────────┤
 *        │        ▼                                                                 ▼
 *        │   one transaction: lock the live offsets ─▶ wait for the build to reach them ─▶ compare
 *        ├─ somebody has decided about the log meanwhile ─▶ roll back, fail
 *        │        ├─ only verified, or something would be lost that was not accepted ─▶ roll back, report
 *        │        └─ else ─▶ publish new dead letters ─▶ apply the differences, take over the offsets ─▶ commit
 *        └── in every case: drop the schema
 *
 * The service may run, consume and answer meanwhile. Its loads wait while the live offsets are locked, which is as long as reading the
 * tables once takes; queries never wait. A crash at any moment leaves the old tables or the new ones, as PostgreSQL's transactions
 * promise, and at most a schema that the next rebuild drops.
 */
import { type Backoff, PermanentError, retry, TransientError } from "@gmn/failures";
import { createGiveUp } from "../dead_letters/give_up.ts";
import type { Kafka } from "../events/kafka_client.ts";
import type { Publisher } from "../events/publisher.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import { readWatermarks } from "../events/start_position.ts";
import { IAU_SHOWER, TOPICS, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import type { Observe } from "../observe/observe.ts";
import {
  beginBuiltOffsets,
  lockBuiltOffsets,
  lockLiveOffsets,
  type PartitionOffset,
  readSchemaOffsets,
  takeBuiltOffsets,
} from "../store/build_offsets.ts";
import {
  analyzeBuilt,
  assertStillOurs,
  type BuildSchema,
  createBuildSchema,
  dropBuildSchema,
} from "../store/build_schema.ts";
import type { Sql, TransactionSql } from "../store/connection.ts";
import { deadLetterTable, readCollectedDeadLetters } from "../store/dead_letters.ts";
import { followListing } from "../store/iau_showers.ts";
import { assertSameBinding, type LogBinding } from "../store/log_binding.ts";
import {
  PROJECTED_TOPICS,
  scratchTablesOf,
  tablesOf,
  topicsToBuild,
} from "../store/projections.ts";
import {
  applyDifferences,
  compareTables,
  replaceFileMembers,
  takeRunLeader,
} from "../store/table_differences.ts";
import { type OpenBuilder, TableBuild } from "./build_tables.ts";
import {
  describeDifferences,
  lossesByEnd,
  lossesInLog,
  lossesInTables,
  type PartitionRange,
  type ShorterPartition,
} from "./rebuild_losses.ts";
import { RebuildRefusedError, type Rebuilt } from "./rebuild_report.ts";
import { type LogScan, type PartitionScan, scanLog } from "./scan_log.ts";

/** The progress of a rebuild, in records. */
export interface RebuildProgress {
  /** The log is read twice: to check it, and into the tables. */
  readonly phase: "check" | "rebuild";
  readonly done: number;
  readonly total: number;
}

export interface RebuildOptions {
  readonly kafka: Kafka;
  readonly registry: SchemaRegistry;
  readonly publisher: Publisher;
  /** The live tables. */
  readonly sql: Sql;
  /** The log that the data store is bound to, read before anything of it. */
  readonly binding: Pick<LogBinding, "logId" | "boundAt">;
  readonly openBuilder: OpenBuilder;
  /** The topics whose projections are rebuilt; all by default. */
  readonly topics?: readonly string[] | undefined;
  /** Only compare; the live tables stay as they are. */
  readonly isOnlyVerified: boolean;
  /** Replace the tables whatever is lost. */
  readonly isLossAccepted: boolean;
  /** Damaged ranges whose records the log has again, at its end. */
  readonly coveredRanges: readonly PartitionRange[];
  readonly observe: Observe;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RebuildProgress) => void;
}

/** While the live offsets are locked, the service loads nothing. Longer than the build takes for what came in the meantime. */
const HOLD_MS_MAX = 10_000;
/** Attempts to replace the tables; each begins when the build has reached the live tables once more. */
const REPLACE_BACKOFF: Backoff = { base_ms: 500, cap_ms: 10_000, attempts: 10 };
/** Dead letters published at a time; each may have a megabyte. */
const DEAD_LETTERS_PER_PAGE = 20;

/**
 * Rebuilds, or only compares.
 * @throws RebuildRefusedError when something would be lost; LogDecidedError when somebody decides meanwhile; PermanentError when a topic is unknown, the role may not create a schema, …;
 *   TransientError when a part is unavailable, and the signal's reason. The live tables are as they were in all these cases.
 */
export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  const { kafka, registry, sql, signal, onProgress } = options;
  assertKnown(options.topics);
  const topics = topicsToBuild(options.topics ?? PROJECTED_TOPICS);
  const scan = await scanLog({
    kafka,
    registry,
    topics: TOPICS.filter(({ name }) => topics.includes(name)),
    signal,
    onProgress: (progress) => onProgress({ phase: "check", ...progress }),
  });
  // The sink of the shower list writes to `iau_shower` too.
  const tables = new Set([...tablesOf(topics), ...scratchTablesOf(topics), "iau_shower"]);
  const schemas = await createBuildSchema(sql, [...tables]);
  const starts = scan.partitions.map(({ low, ...at }) => ({ ...at, nextOffset: low }));
  await beginBuiltOffsets(sql, schemas, starts);
  const build = new TableBuild({ ...options, schemas, topics });
  try {
    return await new Rebuild(options, topics, schemas, build, scan).run();
  } finally {
    await build.close();
    // Whatever this fails of, the next rebuild drops it.
    await dropBuildSchema(sql).catch(() => {});
  }
}

function assertKnown(topics: readonly string[] | undefined): void {
  const unknown = topics?.filter((topic) => !PROJECTED_TOPICS.includes(topic)) ?? [];
  if (unknown.length === 0 && topics?.length !== 0) return;
  throw new PermanentError(`no projection is made from a topic ${unknown.join(", ")}`, {
    hint: `topics with projections are ${PROJECTED_TOPICS.join(", ")}`,
  });
}

/** Where reading ends: nothing ever comes from a gap at the end of the log. */
function endOf({ gaps, high }: PartitionScan): bigint {
  const last = gaps.at(-1);
  return last !== undefined && last.last === high - 1n ? last.first : high;
}

/** Thrown to roll back the transaction in which the tables were compared. */
class OnlyCompared extends Error {
  constructor(readonly report: Rebuilt) {
    super("compared");
  }
}

/** One rebuild, from the created schema to the verdict. */
class Rebuild {
  readonly #starts: readonly PartitionOffset[];
  readonly #ends: readonly PartitionOffset[];
  /** Compared tables. */
  readonly #tables: readonly string[];

  constructor(
    private readonly options: RebuildOptions,
    private readonly topics: readonly string[],
    private readonly schemas: BuildSchema,
    private readonly build: TableBuild,
    private readonly scan: LogScan,
  ) {
    const { partitions } = scan;
    this.#starts = partitions.map(({ low, topic, partition }) => ({
      topic,
      partition,
      nextOffset: low,
    }));
    this.#ends = partitions.map((scan) => ({
      topic: scan.topic,
      partition: scan.partition,
      nextOffset: endOf(scan),
    }));
    this.#tables = tablesOf(topics);
  }

  async run(): Promise<Rebuilt> {
    const { options, build } = this;
    const total = this.scan.partitions.reduce((sum, { low, high }) => sum + Number(high - low), 0);
    // To be compared, the build must be where the live tables are, and not ahead of them.
    if (!options.isOnlyVerified) build.allow(this.#ends);
    return await retry(async () => {
      await this.#allowLive(await this.#live(options.sql));
      await build.reached(this.#starts, {
        onProgress: (left) =>
          options.onProgress({
            phase: "rebuild",
            done: Math.max(total - Number(left), 0),
            total,
          }),
      });
      return await this.#attempt();
    }, { backoff: REPLACE_BACKOFF, signal: options.signal });
  }

  #live(sql: Sql): Promise<PartitionOffset[]> {
    return readSchemaOffsets(sql, this.schemas.live, this.topics);
  }

  /** Lets the build read as far as the live tables are, but no further than the log goes. Returns partitions that end before. */
  async #allowLive(live: readonly PartitionOffset[]): Promise<ShorterPartition[]> {
    const highs = new Map<string, ReadonlyMap<number, { readonly high: bigint }>>();
    const shorter: ShorterPartition[] = [];
    const limits: PartitionOffset[] = [];
    for (const { topic, partition, nextOffset } of live) {
      let high = this.#ends.find((end) => end.topic === topic && end.partition === partition)
        ?.nextOffset ?? 0n;
      if (nextOffset > high) {
        // Perhaps the log has grown since the scan.
        if (!highs.has(topic)) highs.set(topic, await readWatermarks(this.options.kafka, topic));
        const now = highs.get(topic)!.get(partition)?.high ?? 0n;
        if (nextOffset > now) shorter.push({ topic, partition, loaded: nextOffset, high: now });
        const seen = this.scan.partitions.find((scan) =>
          scan.topic === topic && scan.partition === partition
        );
        if (now !== seen?.high) high = now;
      }
      limits.push({ topic, partition, nextOffset: nextOffset > high ? high : nextOffset });
    }
    this.build.allow(limits);
    return shorter;
  }

  /** Compares and, if nothing stands against it, replaces, in one transaction. @throws TransientError when it is worth another try */
  async #attempt(): Promise<Rebuilt> {
    const { options, schemas, build } = this;
    await analyzeBuilt(options.sql, schemas, this.#tables);
    try {
      return await options.sql.begin(async (transaction) => {
        await assertStillOurs(transaction, schemas);
        const live = await lockLiveOffsets(transaction, schemas, this.#starts);
        // The log may have lost something since it was scanned, and its offsets may be others.
        await assertSameBinding(transaction, options.binding);
        const shorter = await this.#allowLive(live);
        if (!await build.reached(this.#starts, { patience_ms: HOLD_MS_MAX })) {
          throw new TransientError(
            "the rebuilt tables are still behind the live ones, which are being loaded",
            { hint: "try again when less is loaded" },
          );
        }
        await lockBuiltOffsets(transaction, schemas);
        const report = await this.#compare(transaction, shorter);
        if (options.isOnlyVerified) throw new OnlyCompared(report);
        if (report.losses.length > 0 && !options.isLossAccepted) {
          throw new RebuildRefusedError(report);
        }
        await this.#publishDeadLetters();
        await this.#replace(transaction);
        return { ...report, isApplied: true };
      }) as Rebuilt;
    } catch (error) {
      if (error instanceof OnlyCompared) return error.report;
      throw error;
    }
  }

  async #compare(
    transaction: TransactionSql,
    shorter: readonly ShorterPartition[],
  ): Promise<Rebuilt> {
    const tables = await compareTables(transaction, this.schemas, this.#tables);
    const compacted = new Set(
      TOPICS.filter(({ cleanupPolicy }) => cleanupPolicy === "compact").map(({ name }) => name),
    );
    const covered = this.options.coveredRanges;
    return {
      records: this.scan.records,
      isApplied: false,
      tables,
      differences: describeDifferences(tables),
      losses: [
        ...lossesInTables(tables),
        ...lossesByEnd(shorter),
        ...lossesInLog(this.scan, { covered, compacted }),
      ],
      newDeadLetters: this.build.collected,
    };
  }

  /** Those that the topic does not have yet. They come behind what was rebuilt: whoever consumes loads them like any other. */
  async #publishDeadLetters(): Promise<void> {
    const { options: { publisher, observe }, build } = this;
    const table = deadLetterTable((question) => question(build.sql));
    const giveUp = createGiveUp({ table, publisher, observe });
    for (let after = "";;) {
      const page = await readCollectedDeadLetters(build.sql, after, DEAD_LETTERS_PER_PAGE);
      if (page.length === 0) return;
      await giveUp(page);
      after = page.at(-1)!.id;
    }
  }

  async #replace(transaction: TransactionSql): Promise<void> {
    const { schemas, topics } = this;
    const apply = () => applyDifferences(transaction, schemas, this.#tables);
    const isListAlone = topics.includes(IAU_SHOWER.name) &&
      !topics.includes(TRAJECTORY_SUMMARY_RAW.name);
    await (isListAlone ? followListing(transaction, apply) : apply());
    const scratch = scratchTablesOf(topics);
    if (scratch.includes("source_file_member")) await replaceFileMembers(transaction, schemas);
    if (scratch.includes("run_leader")) await takeRunLeader(transaction, schemas);
    await takeBuiltOffsets(transaction, schemas);
  }
}
