/**
 * Opens what a rebuild needs: the broker and the database of the service that runs on the data directory or, when none runs, engines
 * of its own; and the lease that makes it the only rebuild of this database.
 */
import { PermanentError } from "@gmn/failures";
import { readLogHome } from "../broker/log_home.ts";
import { type Config, DEMO_DATA_DIRECTORY } from "../config.ts";
import { readLogIdentity } from "../events/log_identity.ts";
import type { Observe, Observer } from "../observe/observe.ts";
import type { OpenBuilder } from "../recovery/build_tables.ts";
import { rebuild, type RebuildProgress } from "../recovery/rebuild.ts";
import { LOG_DECISIONS, type LogVerdict, RUNBOOK_PAGES } from "../recovery/log_verdict.ts";
import type { Rebuilt } from "../recovery/rebuild_report.ts";
import { readPositions } from "../store/consumer_offsets.ts";
import { takeLease } from "../store/advisory_lease.ts";
import { connectStore } from "../store/connection.ts";
import { readAddresses } from "./address_file.ts";
import { openLogBench } from "./log_bench.ts";
import type { Log } from "./open_log.ts";
import { createSinks } from "./sinks.ts";

export interface RebuildRequest {
  /** All by default. */
  readonly topics?: readonly string[] | undefined;
  /** Replace the tables whatever is lost. */
  readonly isLossAccepted: boolean;
  /** Only compare the tables with the log; nothing is changed. */
  readonly isOnlyVerified: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RebuildProgress) => void;
}

/** Connections of the build beside its loaders: the projections of three topics, and questions. */
const BUILD_CONNECTIONS = 4;

/** Without this check an empty log would be created, and the wrong tables compared. */
async function assertLogIsThere({ dataDirectory, kafkaBrokers }: Config): Promise<void> {
  if (kafkaBrokers !== null || await readLogHome(dataDirectory) !== null) return;
  throw new PermanentError(`there is no log in ${dataDirectory}`, {
    hint: `set DATA_DIR to the folder of the service (the demo's is ${DEMO_DATA_DIRECTORY})`,
  });
}

/**
 * Rebuilds the projections of the database that the settings name, or of the running service.
 * @throws PermanentError when there is no log, it is undecided, another rebuild runs, or the log would lose something; the tables are as
 *   they were
 */
export async function rebuildDatabase(
  config: Config,
  { observe, ...observer }: Observer,
  request: RebuildRequest,
): Promise<Rebuilt> {
  if (await readAddresses(config.dataDirectory) === null) await assertLogIsThere(config);
  const { log, sql, databaseUrl, close } = await openLogBench(
    config,
    { observe, ...observer },
    request.signal,
    "gmn rebuild",
  );
  try {
    const { verdict, boundLogId: logId, boundAt } = await log.guard!.look();
    // An undecided log may be compared; nothing is published to it.
    if (verdict.kind !== "ok" && !request.isOnlyVerified) throw undecidedRebuild(verdict);
    const lease = await takeLease({ url: databaseUrl, lease: "rebuild", observe });
    if (lease === null) {
      throw new PermanentError("another rebuild of this database is in progress", {
        hint: "wait until it is over",
      });
    }
    try {
      const identity = await readLogIdentity(log.kafka, log.registry);
      return await rebuild({
        ...request,
        coveredRanges: [
          ...identity?.repairs.map(({ firstOffset, lastOffset, ...repaired }) => ({
            ...repaired,
            first: firstOffset,
            last: lastOffset,
          })) ?? [],
          // A beginning that somebody has accepted. What it held and the log has nowhere else is still counted as missing.
          ...(await readPositions(sql)).filter(({ logStart }) => logStart > 0n)
            .map(({ topic, partition, logStart }) => ({
              topic,
              partition,
              first: 0n,
              last: logStart - 1n,
            })),
        ],
        signal: AbortSignal.any([request.signal, lease.lost]),
        kafka: log.kafka,
        registry: log.registry,
        publisher: log.publisher,
        sql,
        binding: { logId, boundAt },
        openBuilder: builderOf({ log, databaseUrl, observe }),
        observe,
      });
    } finally {
      await lease.release();
    }
  } finally {
    await close();
  }
}

/**
 * Why nothing is rebuilt from an undecided log. A rebuild would not decide about it: the service would go on waiting, with tables that
 * have only what is in a log that may be the wrong one.
 */
function undecidedRebuild(verdict: Exclude<LogVerdict, { readonly kind: "ok" }>): PermanentError {
  const decisions = LOG_DECISIONS.map(({ command }) => command).join(" or ");
  return new PermanentError(
    `nothing is rebuilt from an undecided log: ${verdict.summary}\n${
      verdict.found.map((fact) => `  ${fact}`).join("\n")
    }`,
    {
      hint:
        `decide first, with ${decisions} (${
          RUNBOOK_PAGES[verdict.kind]
        } says which), then rebuild; ` +
        "deno task rebuild -- --verify says what the log lacks, and changes nothing",
    },
  );
}

function builderOf(
  { log, databaseUrl, observe }: {
    readonly log: Log;
    readonly databaseUrl: string;
    readonly observe: Observe;
  },
): OpenBuilder {
  return ({ searchPath, giveUp }) => {
    const store = connectStore({
      url: databaseUrl,
      max: BUILD_CONNECTIONS,
      applicationName: "gmn rebuild: tables",
      searchPath,
      observe,
    });
    const sinks = createSinks({ observe, sql: store.sql, databaseUrl, searchPath, log, giveUp });
    return {
      sql: store.sql,
      sinks: sinks.sinks,
      async close() {
        await sinks.close();
        await store.close();
      },
    };
  };
}
