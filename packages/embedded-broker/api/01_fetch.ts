/**
 * Fetch (key 1): reads record batches from partitions, waiting for new ones.
 *
 * Behaviour
 * - Gives whole batches, from the one that holds the wanted offset on (clients skip what comes before it).
 * - At least one batch is given however small the limits, so that a reader always gets on; otherwise both limits hold,
 *   and a response is never much larger than MAX_RESPONSE_BYTES.
 * - With less than `min_bytes` to give it waits for appends, up to `max_wait_ms`. An error is answered at once.
 * - Reads stop at the high watermark: only what is on disk is ever given.
 * - While clients leave too much unread (a congested broker), fetches wait too, then answer with nothing.
 *
 * Versions 4 to 11. Left out: fetch sessions (KIP-227: every answer has session id 0, which clients take as "send full
 * requests"), isolation levels (there are no transactions, so the last stable offset is the high watermark), followers,
 * rack awareness, leader epochs (there is one).
 */
import type { Partition } from "../log/partition.ts";
import type { Api, RequestContext } from "../protocol/api.ts";
import { ApiKey } from "../protocol/api_key.ts";
import type { Broker } from "../protocol/broker.ts";
import { ErrorCode, KafkaError } from "../protocol/error_code.ts";

/** Upper limit of one response, whatever the client allows: what one slow reader can hold in memory. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;
/** Who wants to wait for more gets an answer with this much: it must be well below what one response can hold. */
const MAX_MIN_BYTES = 1024 * 1024;
/** Nobody waits longer, whatever the client asks for. */
const MAX_WAIT_MS = 5 * 60_000;

interface WantedPartition {
  readonly number: number;
  readonly offset: number;
  readonly max_bytes: number;
}

interface Request {
  readonly max_wait_ms: number;
  readonly min_bytes: number;
  readonly max_bytes: number;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly WantedPartition[];
  }[];
}

interface PartitionResult {
  readonly number: number;
  readonly errorCode: ErrorCode;
  readonly highWatermark: number;
  readonly startOffset: number;
  readonly batches: readonly Uint8Array[];
}

interface Response {
  readonly errorCode: ErrorCode;
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly PartitionResult[];
  }[];
}

const failed = (number: number, errorCode: ErrorCode): PartitionResult => ({
  number,
  errorCode,
  highWatermark: -1,
  startOffset: -1,
  batches: [],
});

/** What one pass over the wanted partitions found. */
interface Found {
  readonly response: Response;
  readonly bytes: number;
  readonly hasError: boolean;
  readonly partitions: readonly Partition[];
}

/** Reads what is there now. */
function readNow(broker: Broker, { topics, max_bytes }: Request): Found {
  const limit = broker.isCongested() ? 0 : Math.min(max_bytes, MAX_RESPONSE_BYTES);
  const partitions: Partition[] = [];
  let bytes = 0;
  let hasError = false;
  const readOne = (topic: string, wanted: WantedPartition): PartitionResult => {
    try {
      const partition = broker.topics.partition(topic, wanted.number);
      partitions.push(partition);
      const room = Math.min(wanted.max_bytes, limit - bytes);
      const batches = partition.read(wanted.offset, room, limit > 0 && bytes === 0);
      bytes += batches.reduce((sum, batch) => sum + batch.length, 0);
      return {
        number: wanted.number,
        errorCode: ErrorCode.NONE,
        highWatermark: partition.highWatermark,
        startOffset: partition.startOffset,
        batches,
      };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      hasError = true;
      return failed(wanted.number, error.code);
    }
  };
  const results = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((wanted) => readOne(name, wanted)),
  }));
  return { response: { errorCode: ErrorCode.NONE, topics: results }, bytes, hasError, partitions };
}

/** Reads until there is enough, the time is over or something is wrong. */
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
    name: "Fetch",
    minVersion: 4,
    maxVersion: 11,

    decode(reader, version) {
      reader.int32(); // replica id
      const max_wait_ms = reader.int32();
      const min_bytes = reader.int32();
      const max_bytes = reader.int32();
      reader.int8(); // isolation level
      if (version >= 7) reader.int64(); // session id and epoch
      const topics = reader.array(() => ({
        name: reader.string(),
        partitions: reader.array(() => {
          const number = reader.int32();
          if (version >= 9) reader.int32(); // current leader epoch
          const offset = reader.int64();
          if (version >= 5) reader.int64(); // the follower's start offset
          return { number, offset, max_bytes: reader.int32() };
        }),
      }));
      return { max_wait_ms, min_bytes, max_bytes, topics };
    },

    answer: (request, context) => readEnough(broker, request, context),

    encode(writer, { errorCode, topics }, version) {
      writer.int32(0); // throttle time
      if (version >= 7) {
        writer.int16(errorCode);
        writer.int32(0); // session id: none
      }
      writer.array(topics, ({ name, partitions }) => {
        writer.string(name);
        writer.array(partitions, (partition) => {
          writer.int32(partition.number);
          writer.int16(partition.errorCode);
          writer.int64(partition.highWatermark);
          writer.int64(partition.highWatermark); // last stable offset
          if (version >= 5) writer.int64(partition.startOffset);
          writer.int32(-1); // aborted transactions: null
          if (version >= 11) writer.int32(-1); // preferred read replica
          writer.bytesOf(partition.batches);
        });
      });
    },

    fail: ({ topics }, code) => ({
      errorCode: ErrorCode.NONE,
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ number }) => failed(number, code)),
      })),
    }),
  };
}

/** Resolves when `missing_bytes` were appended to the partitions, the time is over, or the signal aborts. */
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
