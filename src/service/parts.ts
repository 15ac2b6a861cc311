/**
 * How the parts of the service are, for `/status` and `/readyz`: asked when somebody asks, not watched in between.
 */
import type { LogProbe } from "../events/log_probe.ts";
import type { SchemaRegistry } from "../events/schema_registry.ts";
import type { Subscription } from "../events/subscription.ts";
import { TOPICS } from "../events/topics.ts";
import { explain, TransientError } from "../failures/failures.ts";
import type { PartStatus } from "../http/api_ports.ts";
import type { Sql } from "../store/connection.ts";
import { readOffsets } from "../store/consumer_offsets.ts";

export interface Parts {
  readonly sql: Sql;
  readonly probe: LogProbe;
  readonly registry: SchemaRegistry;
  /** null when this process has no consumer role. */
  readonly subscription: Subscription | null;
  /** What each is, in a few words. */
  readonly names: { readonly broker: string; readonly registry: string; readonly database: string };
}

export interface TopicLag {
  readonly topic: string;
  readonly partition: number;
  readonly position: bigint;
  readonly end: bigint;
}

/** Somebody waits for the answer in a browser; a database that takes longer counts as away. */
const DATABASE_TIMEOUT_MS = 3_000;

/** The state of each part, with how far the data store is behind the log (null when one of the two is away). */
export async function askParts(
  parts: Parts,
): Promise<
  {
    status: Record<"broker" | "registry" | "database" | "consumer", PartStatus>;
    lag: TopicLag[] | null;
  }
> {
  const names = TOPICS.map((topic) => topic.name);
  const [watermarks, registry, offsets] = await Promise.allSettled([
    parts.probe.watermarks(names),
    parts.registry.ping(),
    inTime(
      Promise.all(
        names.map(async (topic) => [topic, await readOffsets(parts.sql, topic)] as const),
      ),
    ),
  ]);
  const lag = watermarks.status === "fulfilled" && offsets.status === "fulfilled"
    ? lagOf(watermarks.value, new Map(offsets.value))
    : null;
  return {
    status: {
      broker: partOf(watermarks, parts.names.broker),
      registry: partOf(registry, parts.names.registry),
      database: partOf(offsets, parts.names.database),
      consumer: parts.subscription === null
        ? { ready: true, detail: "not a role of this process" }
        : parts.subscription.connected()
        ? { ready: true, detail: `${parts.subscription.lag().length} partition(s) assigned` }
        : { ready: false, detail: "has not joined the group (again) yet" },
    },
    lag,
  };
}

function partOf(answer: PromiseSettledResult<unknown>, name: string): PartStatus {
  return answer.status === "fulfilled" ? { ready: true, detail: name } : {
    ready: false,
    detail: `${name}: ${explain(answer.reason)}`,
  };
}

type Watermarks = Awaited<ReturnType<LogProbe["watermarks"]>>;

function lagOf(
  watermarks: Watermarks,
  offsets: ReadonlyMap<string, ReadonlyMap<number, bigint>>,
): TopicLag[] {
  return [...watermarks].flatMap(([topic, partitions]) =>
    [...partitions].map(([partition, { low, high }]) => ({
      topic,
      partition,
      position: offsets.get(topic)?.get(partition) ?? low,
      end: high,
    }))
  ).sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new TransientError(`no answer within ${DATABASE_TIMEOUT_MS} ms`)),
          DATABASE_TIMEOUT_MS,
        );
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
