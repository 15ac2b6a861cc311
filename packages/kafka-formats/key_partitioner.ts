/**
 * Which partition a key goes to: murmur2 of the UTF-8 key, modulo partitions, as Kafka's Java client does it (and so
 * librdkafka's `murmur2_random`, kafkajs and franz-go), so that other producers put a trajectory where we do.
 *
 * The choice is made here and not left to kafkajs because the publisher must know how many records of a request went to each
 * partition: a reader that has got that far has seen them all. murmur2 is implemented here because kafkajs's own uses 64-bit
 * objects, which showed in a profile of the backfill; a test keeps the two equal.
 */

/** Returns the partition of a key; records without a key rotate over the partitions. */
export type KeyPartitioner = (key: string | null) => number;

/** The partitioner of a topic with this many partitions. */
export function createKeyPartitioner(partitions: number): KeyPartitioner {
  const encoder = new TextEncoder();
  let turn = 0;
  return (key) => {
    if (key === null) return turn++ % partitions;
    // Kafka clears the sign bit instead of taking the absolute value (Utils.toPositive).
    return (murmur2(encoder.encode(key)) & 0x7fffffff) % partitions;
  };
}

const SEED = 0x9747b28c | 0;
const M = 0x5bd1e995 | 0;
const R = 24;

/** 32-bit murmur2 as a signed integer (org.apache.kafka.common.utils.Utils.murmur2). */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  let h = SEED ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, M);
    k ^= k >>> R;
    k = Math.imul(k, M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = length & 3;
  if (rest === 3) h ^= data[whole + 2]! << 16;
  if (rest >= 2) h ^= data[whole + 1]! << 8;
  if (rest >= 1) h = Math.imul(h ^ data[whole]!, M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  h ^= h >>> 15;
  return h;
}
