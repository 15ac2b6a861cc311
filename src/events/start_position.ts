/** Where reading a partition starts, and the watermarks of the log. */
import type { Admin, Kafka } from "kafkajs";
import { TransientError } from "@gmn/failures";
import { withAdmin } from "./kafka_client.ts";

/** The offsets of a partition that are in the log, from `low` (inclusive) to `high` (exclusive). */
export interface Watermarks {
  readonly low: bigint;
  readonly high: bigint;
}

/**
 * Reading starts at the stored offset, or at the beginning of the log if nothing is stored. A stored offset that the log does not
 * have is not repaired here: it is another log, or one that lost records, and somebody must decide (recovery/log_verdict.ts).
 * @throws TransientError when the log does not have the stored offset
 */
export function startPosition(
  partition: string,
  stored: bigint | null,
  { low, high }: Watermarks,
): bigint {
  if (stored === null) return low;
  if (stored >= low && stored <= high) return stored;
  throw new TransientError(
    `${partition}: the database is at offset ${stored}, but the log has offsets ${low} to ${high}`,
    { hint: "deno task log status says what happened to the log and what can be done" },
  );
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
