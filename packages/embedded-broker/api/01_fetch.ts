/**
 * Fetch (key 1): reads record batches from partitions, waiting for new ones.
 *
 * Behaviour
 * - Returns whole batches, beginning with the one that contains the fetch offset (clients skip earlier records).
 * - Returns at least one batch, however small the limits, so that a reader always makes progress. Otherwise both limits hold,
 *   and a response is never much larger than MAX_RESPONSE_BYTES.
 * - With less than `min_bytes` available it waits for appends, up to `max_wait_ms`. An error is answered at once.
 * - Reads stop at the high watermark: only records on disk are returned.
 * - While clients leave too much unread (a congested broker), fetches wait, then return no records.
 *
 * Versions 4 to 11. Left out: fetch sessions (KIP-227: every answer has session id 0, which tells clients to send full
 * requests), isolation levels (there are no transactions, so the last stable offset is the high watermark), followers,
 * rack awareness, leader epochs (there is one).
 */
import { ApiKey, ErrorCode, wire } from "@gmn/kafka-formats";
import type { Partition } from "../log/partition.ts";
import type { Api, RequestContext } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { KafkaError } from "../protocol/kafka_error.ts";

/** Upper limit of one response, whatever the client allows. It bounds the memory that one slow reader can occupy. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;
/** Upper limit of `min_bytes`: a fetch is answered as soon as it has this much. It must be well below MAX_RESPONSE_BYTES. */
const MAX_MIN_BYTES = 1024 * 1024;
/** Upper limit of `max_wait_ms`, whatever the client asks for. */
const MAX_WAIT_MS = 5 * 60_000;

const WANTED = wire.struct({
  number: wire.int32,
  _leaderEpoch: wire.since(9, wire.fixed(wire.int32, -1)),
  offset: wire.int64,
  _followersStart: wire.since(5, wire.fixed(wire.int64, -1)),
  max_bytes: wire.int32,
});
const REQUEST = wire.struct({
  _replica: wire.fixed(wire.int32, -1),
  max_wait_ms: wire.int32,
  min_bytes: wire.int32,
  max_bytes: wire.int32,
  _isolationLevel: wire.fixed(wire.int8, 0),
  _session: wire.since(7, wire.fixed(wire.int32, 0)),
  _sessionEpoch: wire.since(7, wire.fixed(wire.int32, -1)),
  topics: wire.topicsOf(WANTED),
});
const PARTITION = wire.struct({
  number: wire.int32,
  errorCode: wire.errorCode,
  highWatermark: wire.int64,
  lastStableOffset: wire.int64,
  startOffset: wire.since(5, wire.int64, -1),
  _abortedTransactions: wire.fixed(wire.int32, -1), // null
  _preferredReplica: wire.since(11, wire.fixed(wire.int32, -1)),
  batches: wire.recordsOut,
});
const RESPONSE = wire.struct({
  _throttle: wire.THROTTLE,
  _errorCode: wire.since(7, wire.fixed(wire.int16, 0)),
  _session: wire.since(7, wire.fixed(wire.int32, 0)),
  topics: wire.topicsOf(PARTITION),
});
type WantedPartition = wire.ValueOf<typeof WANTED>;
type Request = wire.ValueOf<typeof REQUEST>;
type PartitionResult = wire.ValueOf<typeof PARTITION>;
type Response = wire.ValueOf<typeof RESPONSE>;

const NOTHING = { highWatermark: -1, lastStableOffset: -1, startOffset: -1, batches: [] };

/** The result of one pass over the requested partitions. */
interface Found {
  readonly response: Response;
  readonly bytes: number;
  readonly hasError: boolean;
  readonly partitions: readonly Partition[];
}

/** Reads the records available now. */
function readNow(broker: Broker, { topics, max_bytes }: Request): Found {
  const limit = broker.isCongested() ? 0 : Math.min(max_bytes, MAX_RESPONSE_BYTES);
  const partitions: Partition[] = [];
  let bytes = 0;
  let hasError = false;
  const readOne = (topic: string, wanted: WantedPartition): PartitionResult => {
    try {
      const partition = broker.topics.partition(topic, wanted.number);
      partitions.push(partition);
      const remaining_bytes = Math.min(wanted.max_bytes, limit - bytes);
      const batches = partition.read(wanted.offset, remaining_bytes, limit > 0 && bytes === 0);
      bytes += batches.reduce((sum, batch) => sum + batch.length, 0);
      return {
        number: wanted.number,
        errorCode: ErrorCode.NONE,
        highWatermark: partition.highWatermark,
        lastStableOffset: partition.highWatermark,
        startOffset: partition.startOffset,
        batches,
      };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      hasError = true;
      return { number: wanted.number, errorCode: error.code, ...NOTHING };
    }
  };
  const results = wire.mapPartitions(topics, (wanted, name) => readOne(name, wanted));
  return { response: { topics: results }, bytes, hasError, partitions };
}

/** Reads until there are enough bytes, the wait is over or a partition has an error. */
async function readEnough(
  broker: Broker,
  request: Request,
  context: RequestContext,
): Promise<Response> {
  const deadline = Date.now() + Math.min(Math.max(request.max_wait_ms, 0), MAX_WAIT_MS);
  for (;;) {
    const found = readNow(broker, request);
    context.hold(found.bytes);
    const missing_bytes = Math.min(request.min_bytes, MAX_MIN_BYTES) - found.bytes;
    const left_ms = deadline - Date.now();
    if (missing_bytes <= 0 || found.hasError || left_ms <= 0 || context.signal.aborted) {
      return found.response;
    }
    await appended(found.partitions, missing_bytes, left_ms, context.signal);
  }
}

/** The Fetch API. */
export function fetch(broker: Broker): Api<Request, Response> {
  return {
    key: ApiKey.Fetch,
    minVersion: 4,
    maxVersion: 11,
    request: REQUEST,
    response: RESPONSE,
    answer: (request, context) => readEnough(broker, request, context),
    fail: ({ topics }, errorCode) => ({
      topics: wire.mapPartitions(topics, ({ number }) => ({ number, errorCode, ...NOTHING })),
    }),
  };
}

/** Resolves when `missing_bytes` were appended to the partitions, `wait_ms` is over, or the signal aborts. */
function appended(
  partitions: readonly Partition[],
  missing_bytes: number,
  wait_ms: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const endings: (() => void)[] = [];
    const end = () => {
      for (const ending of endings) ending();
      resolve();
    };
    const timer = setTimeout(end, wait_ms);
    endings.push(() => clearTimeout(timer));
    signal.addEventListener("abort", end, { once: true });
    endings.push(() => signal.removeEventListener("abort", end));
    let missing = missing_bytes;
    for (const partition of partitions) {
      endings.push(partition.onAppend((bytes) => (missing -= bytes) <= 0 && end()));
    }
  });
}
