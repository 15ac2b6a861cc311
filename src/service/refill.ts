/** Sets up a refill of the log: one at a time, and in the end the binding, and the runs loaded again from the log. */
import { PermanentError, wait } from "@gmn/failures";
import { startSink } from "../consumer/sink.ts";
import { readLogIdentity } from "../events/log_identity.ts";
import { INGESTION_RUN } from "../events/topics.ts";
import { readWatermarks } from "../events/start_position.ts";
import type { Observe } from "../observe/observe.ts";
import { decideLog, type PreparedDecision, prepareDecision } from "../recovery/decide_log.ts";
import { refill, type Refilled, type RefillOptions } from "../recovery/refill.ts";
import { recordBinding } from "../recovery/settle_log.ts";
import { takeLease } from "../store/advisory_lease.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import { rebind } from "../store/log_binding.ts";
import { beginRefill, readRefill } from "../store/log_refills.ts";
import type { LogBench } from "./log_bench.ts";
import { createSinks } from "./sinks.ts";

export interface RefillRequest extends Pick<RefillOptions, "signal" | "onProgress"> {
  readonly observe: Observe;
}

/** Between two looks at how far the runs are loaded. */
const LOOK_INTERVAL_MS = 100;

/** What has to be decided about the log, or null. @throws TransientError, PermanentError */
export async function prepareRefill(
  { log: { kafka, registry, ungated: publisher }, sql }: LogBench,
  signal: AbortSignal,
): Promise<PreparedDecision | null> {
  return await prepareDecision({ kafka, registry, sql, publisher, signal });
}

/**
 * Refills the log from the data store, and binds the data store to it.
 * @throws PermanentError when another refill runs, or the log is not empty
 */
export async function refillLog(
  bench: LogBench,
  { facts, logId }: PreparedDecision,
  { observe, signal, onProgress }: RefillRequest,
): Promise<Refilled> {
  const { log: { kafka, registry, ungated: publisher }, sql, databaseUrl: url } = bench;
  const lease = await takeLease({ url, lease: "refill", observe });
  if (lease === null) {
    throw new PermanentError("another refill from this data store runs", {
      hint: "wait until it is complete; deno task log status says when",
    });
  }
  try {
    const refilled = await refill({
      sql,
      kafka,
      registry,
      publisher,
      logId,
      async bind({ positions, also }) {
        await recordBinding(publisher, facts, logId, "refill");
        await rebind(sql, {
          logId,
          decision: "refill",
          expected: facts.positions,
          positions: positions.map((position) => ({ ...position, keepsWitness: false })),
          also,
        });
      },
      signal: AbortSignal.any([signal, lease.lost]),
      onProgress,
    });
    await loadRuns(bench, observe, signal);
    return refilled;
  } finally {
    await lease.release();
  }
}

/**
 * Accepts a log that has records of its own, and remembers that it has to get what it lacks.
 * @throws TransientError, PermanentError
 */
export async function acceptForRefill(
  { log: { kafka, registry, ungated: publisher }, sql }: LogBench,
  prepared: PreparedDecision,
  signal: AbortSignal,
): Promise<void> {
  await beginRefill(sql, prepared.logId, { isAnew: true });
  await decideLog({ kafka, registry, sql, publisher, signal }, prepared, "adopt");
}

/** The log that was accepted for a refill which has not ended yet; null when there is none. @throws TransientError */
export async function unfinishedRefill(
  { log: { kafka, registry }, sql }: LogBench,
): Promise<string | null> {
  const logId = (await readLogIdentity(kafka, registry))?.logId;
  if (logId === undefined || await readRefill(sql, logId) === null) return null;
  return logId;
}

/** Waits until the runs are loaded from the log again: by the running service, or else by this process. */
async function loadRuns(
  { log, sql, databaseUrl, isJoined }: LogBench,
  observe: Observe,
  signal: AbortSignal,
): Promise<void> {
  const sinks = createSinks({ observe, sql, databaseUrl, log });
  const [runSink] = sinks.sinks.filter(({ topic }) => topic === INGESTION_RUN.name);
  const subscription = isJoined
    ? null
    : startSink({ kafka: log.kafka, sql, sinks: [runSink!], observe });
  try {
    const ends = await readWatermarks(log.kafka, INGESTION_RUN.name);
    const isLoaded = async () => {
      const offsets = await readOffsets(sql, INGESTION_RUN.name);
      return [...ends].every(([partition, { high }]) => (offsets.get(partition) ?? 0n) >= high);
    };
    while (!await isLoaded()) await wait(LOOK_INTERVAL_MS, signal);
  } finally {
    await subscription?.stop();
    await sinks.close();
  }
}
