/**
 * Reads the log as one member of a consumer group. The position is kept in the database, with the results.
 *
 * The offsets committed to Kafka are only for lag tools. The position that counts is stored by the `PartitionReader`, in the same
 * transaction as the rows:
 *
 *     gate open ──▶ joined ──▶ each assigned partition is paused ──▶ its position is read ──▶ seek, resume ──▶ fetch, process …
 *        ▲                                                                                    │
 *        └──────────── rebalance, lost connection, position lost (another member took over) ◀┘
 *
 * A partition's records pass through its lane (`lane.ts`), so partitions are loaded in parallel and a slow one does not block
 * the others. A full lane pauses its partition. Losing the broker ends the session; new sessions are tried with back-off until
 * `stop`. While it is undecided whether this is the log of the data store (`log_gate.ts`), no session is opened, and an open one ends.
 */
import type { Batch, Consumer, Kafka } from "kafkajs";
import { type Backoff, backoffDelayMs, explain, PermanentError, wait } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { PositionLostError, type RecordBatch } from "./consumed_record.ts";
import { takeFetch } from "./fetched_batch.ts";
import { GroupOffsets } from "./group_offsets.ts";
import { Lane, type LaneLimits } from "./lane.ts";
import { leaveGroup } from "./leave_group.ts";
import { type LogGate, LogUndecidedError, OPEN_GATE } from "./log_gate.ts";
import { readWatermarks, startPosition } from "./start_position.ts";

/** Where the records go. Calls for the same partition never overlap. */
export interface PartitionReader {
  /**
   * The offset of the next record to read, or null when no record of this partition was ever stored.
   * @throws LogUndecidedError when this may not be the log of the data store
   */
  position(topic: string, partition: number): Promise<bigint | null>;
  /** Stores `at`, the beginning of the log, as the position of a partition that has none. Called before reading starts. */
  begin(topic: string, partition: number, at: bigint): Promise<void>;
  /**
   * Stores a batch and its `nextOffset` in one transaction. Retries transient failures itself until `signal` aborts.
   * @throws PositionLostError when the stored position is not `batch.firstOffset`
   */
  process(batch: RecordBatch, signal: AbortSignal): Promise<void>;
}

/** How far one partition is behind. */
export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  /** The offset after the last record that was stored. */
  readonly position: bigint;
  /** The offset after the last record in the log, when it was last seen. */
  readonly end: bigint;
}

export interface Subscription {
  /** Partitions assigned to this process, with their lag as last seen. */
  lag(): PartitionLag[];
  /** Whether a session has joined the group. */
  connected(): boolean;
  /**
   * Finishes the batch being stored and leaves the group. Records still queued in memory are read again at the next start. If
   * leaving the group takes too long, the session time-out ends the membership.
   */
  stop(): Promise<void>;
}

export interface SubscriptionOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly reader: PartitionReader;
  readonly limits: LaneLimits;
  /** Always open by default. */
  readonly gate?: LogGate;
  readonly observe: Observe;
  /** Milliseconds without a heartbeat after which the group gives a member's partitions to others. */
  readonly sessionTimeout_ms?: number;
  /** See `LeaveOptions`. */
  readonly leaveTimeout_ms?: number;
}

/** Kafka's default is 45 s. 30 s hands over faster and is still longer than a long garbage collection. */
const SESSION_TIMEOUT_MS = 30_000;
/**
 * How long a fetch waits at the broker while there are no records; new records are returned at once. A longer wait means less work
 * while idle, but a slower stop. (The wait is shorter while a partition is paused: kafkajs/fetch_wait.ts.)
 */
const FETCH_MAX_WAIT_MS = 1_000;
/** About 1,100 trajectory summaries per fetch and partition. A batch is several fetches; more costs memory (bench/memory.ts). */
const FETCH_MAX_PARTITION_BYTES = 1024 * 1024;
const FETCH_MAX_BYTES = 3 * 1024 * 1024;
/** An unavailable broker is retried without limit. */
const SESSION_BACKOFF: Backoff = { base_ms: 250, cap_ms: 10_000, attempts: Infinity };

/** Starts reading in the background and returns at once; `connected` says whether the group has been joined. */
export function subscribe(options: SubscriptionOptions): Subscription {
  const stopping = new AbortController();
  const { gate = OPEN_GATE } = options;
  let session: Session | null = null;

  const loop = (async () => {
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      await gate.decided(stopping.signal).catch(() => {});
      if (stopping.signal.aborted) break;
      session = new Session(options);
      const current = session;
      const unlisten = gate.onUndecided((error) => current.end(error));
      try {
        await session.run(stopping.signal, () => attempt = 0);
      } catch (error) {
        if (stopping.signal.aborted) break;
        // The guard has reported it; the next session waits for the decision.
        if (error instanceof LogUndecidedError) continue;
        const delay_ms = backoffDelayMs(SESSION_BACKOFF, Math.max(attempt, 1));
        options.observe("consumer.retry", {
          reason: explain(error),
          attempt: Math.max(attempt, 1),
          delay_ms,
        });
        await wait(delay_ms, stopping.signal).catch(() => {});
      } finally {
        unlisten();
        await session.close();
      }
    }
  })();

  return {
    lag: () => session?.lag() ?? [],
    connected: () => session?.joined ?? false,
    async stop() {
      stopping.abort(new Error("the subscription is stopped"));
      await loop;
    },
  };
}

/** One connection to the group: from join to the first failure or stop. */
class Session {
  joined = false;
  readonly #options: SubscriptionOptions;
  readonly #consumer: Consumer;
  readonly #lanes = new Map<string, Lane>();
  /** Aborted when this session is over. */
  readonly #over = new AbortController();
  readonly #told: GroupOffsets;
  #fail: (error: unknown) => void = () => {};
  /** Settles when the session has joined or failed to join. */
  #starting: Promise<void> = Promise.resolve();
  /** Counts assignments; work for an older assignment stops. */
  #assignment = 0;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#consumer = options.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionTimeout_ms ?? SESSION_TIMEOUT_MS,
      heartbeatInterval: Math.floor((options.sessionTimeout_ms ?? SESSION_TIMEOUT_MS) / 10),
      maxWaitTimeInMs: FETCH_MAX_WAIT_MS,
      maxBytesPerPartition: FETCH_MAX_PARTITION_BYTES,
      maxBytes: FETCH_MAX_BYTES,
      allowAutoTopicCreation: false,
      // `subscribe` restarts sessions, in one place and with one back-off; kafkajs only reports the crash.
      retry: {
        retries: 3,
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        restartOnFailure: () => Promise.resolve(false),
      },
    });
    this.#told = new GroupOffsets((offsets) => this.#consumer.commitOffsets(offsets), options);
  }

  /** Joins and reads until `signal` aborts (resolves) or something breaks (rejects). */
  async run(signal: AbortSignal, onJoined: () => void): Promise<void> {
    const consumer = this.#consumer;
    const failed = new Promise<never>((_, reject) => this.#fail = reject);
    failed.catch(() => {});
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#fail(payload.error));
    consumer.on(consumer.events.REBALANCING, () => void this.#revokeAll());
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.joined = true;
      onJoined();
      // Synchronously, before kafkajs's first fetch: nothing may be read before the stored position is known.
      const assigned = Object.entries(payload.memberAssignment).map(([topic, partitions]) => ({
        topic,
        partitions,
      }));
      consumer.pause(assigned);
      this.#assign(assigned).catch((error) => this.#fail(error));
    });
    this.#starting = this.#start();
    // A failure to join is reported through `failed`; `run` does not await the join, so that a stop need not wait for it.
    this.#starting.catch((error) => this.#fail(error));
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([failed, aborted]);
  }

  async #start(): Promise<void> {
    const consumer = this.#consumer;
    await consumer.connect();
    await consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      // `#receive` resolves offsets itself, so that damaged batches are fetched again.
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: ({ batch, resolveOffset }) => Promise.resolve(this.#receive(batch, resolveOffset)),
    });
  }

  /** Ends the session with this error. */
  end(error: unknown): void {
    this.#fail(error);
  }

  lag(): PartitionLag[] {
    return [...this.#lanes.values()].map((lane) => lane.lag());
  }

  async close(): Promise<void> {
    this.joined = false;
    this.#over.abort(new Error("the session is over"));
    await this.#revokeAll();
    await leaveGroup(this.#consumer, { ...this.#options, starting: this.#starting });
  }

  async #revokeAll(): Promise<void> {
    const lanes = [...this.#lanes.values()];
    this.#lanes.clear();
    await Promise.all(lanes.map((lane) => lane.stop()));
    for (const { topic, partition } of lanes) {
      this.#options.observe("sink.revoked", { topic, partition });
    }
    await this.#told.commit();
  }

  /** Opens a lane for each assigned partition, at its stored position. */
  async #assign(assigned: { topic: string; partitions: number[] }[]): Promise<void> {
    const assignment = ++this.#assignment;
    await this.#revokeAll();
    for (const { topic, partitions } of assigned) {
      for (const partition of partitions) await this.#open(topic, partition, assignment);
    }
  }

  async #open(topic: string, partition: number, assignment: number): Promise<void> {
    const { kafka, reader, observe, limits } = this.#options;
    // The position first: reading it checks that this is the log of the data store.
    const stored = await reader.position(topic, partition);
    const watermarks = (await readWatermarks(kafka, topic)).get(partition);
    if (watermarks === undefined) {
      throw new PermanentError(`topic ${topic} has no partition ${partition}`);
    }
    const start = startPosition(laneKey(topic, partition), stored, watermarks);
    const isCurrent = () => assignment === this.#assignment && !this.#over.signal.aborted;
    if (!isCurrent()) return;
    if (stored === null) await reader.begin(topic, partition, start);
    if (!isCurrent()) return;
    const consumer = this.#consumer;
    const lane: Lane = new Lane({
      topic,
      partition,
      position: start,
      end: watermarks.high,
      limits,
      process: (batch, signal) => reader.process(batch, signal),
      onStored: (nextOffset) => this.#told.stored(topic, partition, nextOffset),
      pause: () => consumer.pause([{ topic, partitions: [partition] }]),
      resume: () => {
        if (!this.#over.signal.aborted) consumer.resume([{ topic, partitions: [partition] }]);
      },
      onFailure: (error) => this.#onLaneFailure(lane, error),
    });
    this.#lanes.set(laneKey(topic, partition), lane);
    observe("sink.assigned", { topic, partition, nextOffset: start });
    consumer.seek({ topic, partition, offset: start.toString() });
    consumer.resume([{ topic, partitions: [partition] }]);
  }

  /** When another member has taken over, continues from the stored position. Any other failure of a lane ends the session. */
  #onLaneFailure(lane: Lane, error: unknown): void {
    if (!(error instanceof PositionLostError)) return this.#fail(error);
    const { topic, partition } = lane;
    if (this.#lanes.get(laneKey(topic, partition)) !== lane) return;
    this.#consumer.pause([{ topic, partitions: [partition] }]);
    this.#lanes.delete(laneKey(topic, partition));
    this.#open(topic, partition, this.#assignment).catch((reopening) => this.#fail(reopening));
  }

  /**
   * Hands a fetch to its lane, up to the first damaged batch. The fetch of a partition without a lane (no longer assigned) is
   * dropped.
   */
  #receive(batch: Batch, resolve: (offset: string) => void): void {
    const { topic, partition } = batch;
    const lane = this.#lanes.get(laneKey(topic, partition));
    if (lane === undefined) return resolve(batch.lastOffset());
    const { fetched, resolved, again } = takeFetch(batch, lane.damage);
    if (fetched !== null) lane.receive(fetched);
    if (resolved !== null) resolve(resolved);
    if (again === null) return;
    const { batch: { firstOffset: offset, reason }, attempt, delay_ms } = again;
    lane.hold(delay_ms);
    const damaged = { topic, partition, offset, reason, attempt, delay_ms };
    this.#options.observe("sink.damaged", damaged);
  }
}

const laneKey = (topic: string, partition: number): string => `${topic}-${partition}`;
