/** Starts the two loops with what they need: the consumer (log to database) and the producer (source to log, schedule). */
import { PermanentError } from "@gmn/failures";
import { startSink } from "../consumer/sink.ts";
import type { Subscription } from "../events/subscription.ts";
import { withGate } from "../events/publisher_gate.ts";
import { IAU_SHOWER, INGESTION_RUN, TRAJECTORY_SUMMARY_RAW } from "../events/topics.ts";
import { Leadership } from "../producer/run_leadership.ts";
import { RunDesk } from "../producer/run_desk.ts";
import { RunEngine } from "../producer/run_engine.ts";
import { UnchangedRows } from "../producer/unchanged_rows.ts";
import { Schedule } from "../producer/schedule.ts";
import { fetchShowerList } from "../producer/shower_list_source.ts";
import { ShowerNames } from "../producer/shower_names.ts";
import { openDataDirectory } from "../producer/source/open_data_directory.ts";
import { LeaseCandidate } from "../store/renewed_lease.ts";
import { readRunLeader } from "../store/run_leader.ts";
import { createKeyLock } from "../store/key_lock.ts";
import {
  readListedShowers,
  readShowerListFetch,
  writeShowerListFetch,
} from "../store/iau_showers.ts";
import { readOffsets } from "../store/consumer_offsets.ts";
import { findKnownLines } from "../store/known_lines.ts";
import { readSchedulePause, writeSchedulePause } from "../store/schedule_pause.ts";
import { shippedShowers } from "../trajectory/shipped_showers.ts";
import { createWithdrawals, watchLoaded } from "./loaded_watch.ts";
import { createRunHistory, OWNER, waitForTopic } from "./run_access.ts";
import { createRunEpochs } from "./run_epochs.ts";
import { type Producer, type Runs, VERSION, type Wiring } from "./parts.ts";
import { createSinks } from "./sinks.ts";

/** Starts consuming every topic into the database. */
export function startConsumer(
  { config, observe, store, databaseUrl, log, releasers }: Wiring,
): Subscription {
  const { sinks, close } = createSinks({ observe, sql: store.sql, databaseUrl, log });
  releasers.add("loaders", close);
  const subscription = startSink({
    kafka: log.kafka,
    sql: store.sql,
    sinks,
    gate: log.guard ?? undefined,
    sessionTimeout_ms: config.kafkaSessionTimeout_ms,
    observe,
  });
  releasers.add("consumer", () => subscription.stop());
  return subscription;
}

/** Creates the engine and its desk. The engine does not lead yet, unless it is for one command's own runs. */
export function openRuns(
  wiring: Wiring,
  { isForOneCommand, retryPause_ms }: { isForOneCommand: boolean; retryPause_ms?: number },
): Runs {
  const { config, observe, store, databaseUrl, log, disks, releasers, signal } = wiring;
  const directory = openDataDirectory(config.gmnDataUrl, {
    interval_ms: config.gmnRequestInterval_ms,
    userAgent: `gmn-data-store-ingestion/${VERSION}`,
    observe,
  });
  const records = createRunHistory(store.sql, log.probe, signal);
  const { journal } = log;
  const keys = createKeyLock({ url: databaseUrl, observe });
  releasers.add("keys of requests", () => keys.close());
  const engine = new RunEngine({
    directory,
    journal,
    history: records,
    // Only the rows of runs: the events of runs are small, and a run must be cancelled on a full disk, too.
    publisher: withGate(log.publisher, () => disks.assertRoom()),
    assertRoom: () => disks.assertRoom(),
    unchanged: createUnchangedRows(wiring),
    withKeyLock: keys.withKeyLock,
    owner: OWNER,
    leads: isForOneCommand,
    retryPause_ms,
    observe,
    signal,
  });
  releasers.add("runs", () => engine.stop());
  // Not even a tombstone of a process that no longer leads.
  const asLeader = withGate(log.publisher, () => {
    if (!engine.isLeading) throw new PermanentError("this process no longer leads");
  });
  const withdrawals = createWithdrawals(wiring, records, asLeader);
  const watch = watchLoaded({ engine, sql: store.sql, observe, withdrawals, signal });
  releasers.add("loaded watch", watch);
  const desk = new RunDesk({ engine, journal, history: records, directory });
  return { engine, desk, records, withdrawals };
}

/** Which lines of files the log already has, according to the database and the log. */
export function createUnchangedRows({ store, log }: Pick<Wiring, "store" | "log">): UnchangedRows {
  const { name } = TRAJECTORY_SUMMARY_RAW;
  return new UnchangedRows({
    find: (marks) => findKnownLines(store.sql, name, marks),
    loaded: () => readOffsets(store.sql, name),
    async ends() {
      const marks = (await log.probe.watermarks([name])).get(name) ?? new Map();
      return new Map([...marks].map(([partition, { high }]) => [partition, high]));
    },
    own: log.own,
  });
}

/** Starts leading whenever no other process does, which takes up unfinished runs; and starts the schedule. */
export function startProducer(
  wiring: Wiring,
  { engine, records, withdrawals }: Runs,
): Producer {
  const { config, observe, store, databaseUrl, log, releasers } = wiring;
  const candidateFor = (lease: "producer" | "schedule") =>
    new LeaseCandidate({
      url: databaseUrl,
      lease,
      holder: OWNER,
      reach: () => log.probe.watermarks([INGESTION_RUN.name]),
      observe,
    });
  const leaseOfRuns = candidateFor("producer");
  const leaseOfSchedule = candidateFor("schedule");
  const schedule = new Schedule({
    pattern: config.schedule,
    requestDaily: async () => {
      const selection = { days: config.extractDays };
      const { run } = await engine.submit({ kind: "daily", selection, requestedBy: "schedule" });
      return run.runId;
    },
    lastDailyRun: () => records.lastDailyRequest(),
    tryBecomeLeader: () => leaseOfSchedule.take(),
    pause: {
      pausedSince: () => readSchedulePause(store.sql),
      set: (isPaused) => writeSchedulePause(store.sql, isPaused),
    },
    observe,
  });
  const showers = createShowerNames(wiring);
  const leadership = new Leadership({
    engine: {
      async lead(until, term) {
        await engine.lead(until, term);
        // Those left by the previous leader, if it was killed between the end of a run and its withdrawals; and what is left of its own.
        void withdrawals.keep(until);
        void showers.keep(until);
      },
      follow: () => engine.follow(),
      reconcile: () => engine.reconcile(),
    },
    tryBecomeLeader: () => leaseOfRuns.take(),
    epochs: createRunEpochs({
      journal: log.journal,
      leader: () => readRunLeader(store.sql),
      caughtUp: (until) => waitForTopic(store.sql, log.probe, INGESTION_RUN.name, until),
      owner: OWNER,
      observe,
    }),
    observe,
    signal: wiring.signal,
  });
  releasers.add("leadership", () => leadership.stop());
  releasers.add("schedule", () => schedule.stop());
  leadership.start();
  // The boot does not await this: whether a run was missed is known only when the consumer has caught up with the journal.
  void schedule.start();
  return { schedule, showers };
}

function createShowerNames({ config, observe, store: { sql }, log }: Wiring): ShowerNames {
  const userAgent = `gmn-data-store-ingestion/${VERSION}`;
  return new ShowerNames({
    address: config.iauShowerUrl,
    fetch: (address, signal) => fetchShowerList(address, { userAgent, now: new Date(), signal }),
    shipped: shippedShowers(),
    store: {
      listed: () => readListedShowers(sql),
      lastFetch: (address) => readShowerListFetch(sql, address),
      latestFetch: () => readShowerListFetch(sql),
      fetched: (fetch) => writeShowerListFetch(sql, fetch),
    },
    log: {
      async state() {
        // The topic is read first: a record written between the two queries makes the database lag, so no decision is made.
        const { name } = IAU_SHOWER;
        const marks = (await log.probe.watermarks([name])).get(name) ?? new Map();
        const stored = await readOffsets(sql, name);
        return {
          isEmpty: marks.size > 0 && [...marks.values()].every(({ high }) => high === 0n),
          isCaughtUp: [...marks].every(([partition, { high }]) =>
            (stored.get(partition) ?? 0n) >= high
          ),
        };
      },
      publish: (showers) => log.publishShowers(showers),
    },
    observe,
  });
}
