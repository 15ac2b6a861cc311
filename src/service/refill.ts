/** Sets up a refill: engines that no service uses meanwhile, and a lease, so that there is one refill at a time. */
import { PermanentError, wait } from "@gmn/failures";
import type { Config } from "../config.ts";
import { startSink } from "../consumer/sink.ts";
import { INGESTION_RUN } from "../events/topics.ts";
import { readWatermarks } from "../events/start_position.ts";
import type { Observer } from "../observe/observe.ts";
import { refill, type Refilled, type RefillOptions } from "../recovery/refill.ts";
import { takeLease } from "../store/advisory_lease.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import { switchPositions } from "../store/log_refills.ts";
import { readAddresses } from "./address_file.ts";
import { startService } from "./service.ts";
import { createSinks } from "./sinks.ts";

export type RefillRequest = Pick<RefillOptions, "signal" | "onProgress">;

/** Between two looks at how far the runs are projected. */
const LOOK_INTERVAL_MS = 100;

/**
 * Refills the log that the settings name from the database that they name, and switches the database to it.
 * @throws PermanentError when a service runs on the data directory, another refill runs, or the log is not empty
 */
export async function refillLog(
  config: Config,
  observer: Observer,
  request: RefillRequest,
): Promise<Refilled> {
  const addresses = await readAddresses(config.dataDirectory);
  if (addresses !== null) {
    throw new PermanentError(
      `a service runs on ${config.dataDirectory} (process ${addresses.pid})`,
      { hint: "stop it first" },
    );
  }
  const { observe } = observer;
  // No roles: only the engines.
  const service = await startService({
    config: { ...config, roles: new Set() },
    observer,
    signal: request.signal,
    isForOneCommand: true,
  });
  const { store: { sql }, log } = service.parts.running!;
  const { databaseUrl } = service.addresses;
  const lease = await takeLease({ url: databaseUrl, lease: "refill", observe });
  const sinks = createSinks({ observe, sql, databaseUrl, log });
  try {
    if (lease === null) throw new PermanentError("another refill of a log from this database runs");
    const refilled = await refill({
      ...request,
      sql,
      kafka: log.kafka,
      registry: log.registry,
      publisher: log.publisher,
      logId: "",
      bind: ({ positions, also }) =>
        switchPositions(
          sql,
          positions.map(({ nextOffset: offset, ...of }) => ({ ...of, offset })),
          also,
        ),
    });
    const runSink = sinks.sinks.filter(({ topic }) => topic === INGESTION_RUN.name);
    const subscription = startSink({ kafka: log.kafka, sql, sinks: runSink, observe });
    try {
      const { high } = (await readWatermarks(log.kafka, INGESTION_RUN.name)).get(0)!;
      while (((await readOffsets(sql, INGESTION_RUN.name)).get(0) ?? 0n) < high) {
        await wait(LOOK_INTERVAL_MS, request.signal);
      }
    } finally {
      await subscription.stop();
    }
    return refilled;
  } finally {
    await lease?.release();
    await sinks.close();
    await service.stop("the refill is over");
  }
}
