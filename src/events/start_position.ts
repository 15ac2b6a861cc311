/** Decides where to start reading a partition, since the stored position and the log may disagree. */
import type { Admin, Kafka } from "kafkajs";
import { withAdmin } from "./kafka_client.ts";

/** The offsets of a partition that are in the log, from `low` (inclusive) to `high` (exclusive). */
export interface Watermarks {
  readonly low: bigint;
  readonly high: bigint;
}

/** Where to start, and the reason when it is not the stored position. */
export interface StartPosition {
  readonly offset: bigint;
  readonly problem: string | null;
}

/**
 * Reading starts at the stored offset if the log has it. It starts at the beginning of the log if nothing is stored, if the log
 * was cut beyond the stored offset (the records between are gone), or if the log ends before it (a new log has replaced the old
 * one: reading all of it is right, since loading is idempotent).
 */
export function startPosition(stored: bigint | null, { low, high }: Watermarks): StartPosition {
  if (stored === null) return { offset: low, problem: null };
  if (stored < low) {
    return {
      offset: low,
      problem: `offsets ${stored} to ${low - 1n} are no longer in the log; they were never loaded`,
    };
  }
  if (stored > high) {
    return {
      offset: low,
      problem:
        `the log ends at ${high}, before what is already loaded: it is not the log this database was loaded from. ` +
        `Everything in it is loaded (again)`,
    };
  }
  return { offset: stored, problem: null };
}

/** The watermarks of all partitions of a topic. @throws TransientError, PermanentError */
export async function readWatermarks(
  kafka: Kafka,
  topic: string,
): Promise<ReadonlyMap<number, Watermarks>> {
  const doing = `reading the offsets of ${topic}`;
  return await withAdmin(kafka, doing, (admin) => askWatermarks(admin, topic));
}

/** The same through a connected admin client. @throws kafkajs's errors */
export async function askWatermarks(
  admin: Admin,
  topic: string,
): Promise<ReadonlyMap<number, Watermarks>> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return new Map(
    offsets.map(({ partition, low, high }) =>
      [partition, { low: BigInt(low), high: BigInt(high) }] as const
    ),
  );
}
