/**
 * The two loops, started with what they need: the consumer (log to database) and the producer (source to log, schedule).
 */
import { createDeadLetterSink } from "../consumer/dead_letter_sink.ts";
import { createRunSink } from "../consumer/run_sink.ts";
import { startSink } from "../consumer/sink.ts";
import { createTrajectorySink } from "../consumer/trajectory_sink.ts";
import type { Subscription } from "../events/subscription.ts";
import { explain } from "../failures/failures.ts";
import type { Observe } from "../observe/observe.ts";
import { RunEngine } from "../producer/run_engine.ts";
import { Schedule } from "../producer/schedule.ts";
import { openDataDirectory } from "../producer/source/open_data_directory.ts";
import { isFinished } from "../runs/run.ts";
import { takeLease } from "../store/advisory_lease.ts";
import type { Sql } from "../store/connection.ts";
import { readLastRequested } from "../store/run_states.ts";
import { readRunLoaded } from "../store/run_views.ts";
import { createTrajectoryLoader } from "../store/trajectory_loader.ts";
import { encodeTrajectory } from "../trajectory/codec.ts";
import { createRunHistory, OWNER, waitForRows } from "./run_access.ts";
import { VERSION, type Wiring } from "./service.ts";

/** Starts consuming every topic into the database. */
export function startConsumer(
  { observe, store, databaseUrl, log, releasers }: Wiring,
): Subscription {
  const trajectories = createTrajectorySink({
    registry: log.registry,
    createLoader: () => createTrajectoryLoader({ url: databaseUrl, observe }),
    publishLetters: (letters) => log.publishLetters(letters),
    observe,
  });
  releasers.add("loaders", () => trajectories.close());
  const subscription = startSink({
    kafka: log.kafka,
    sql: store.sql,
    sinks: [
      trajectories,
      createRunSink({ sql: store.sql, registry: log.registry, observe }),
      createDeadLetterSink({ sql: store.sql, registry: log.registry, observe }),
    ],
    observe,
  });
  releasers.add("consumer", () => subscription.stop());
  return subscription;
}

/** The producer loop with its schedule, if it has one. */
export interface Producer {
  readonly engine: RunEngine;
  readonly schedule: Schedule | null;
}

/** Starts the run engine, which takes up unfinished runs, and the schedule. */
export function startProducer(
  wiring: Wiring,
  { isForOneCommand }: { isForOneCommand: boolean },
): Producer {
  const { config, observe, store, databaseUrl, log, releasers, signal } = wiring;
  const directory = openDataDirectory(config.gmnDataUrl, {
    interval_ms: config.gmnRequestInterval_ms,
    userAgent: `gmn-data-store-ingestion/${VERSION}`,
    observe,
  });
  // A pattern that can't be is refused before any run is taken up.
  const schedule = isForOneCommand ? null : new Schedule({
    pattern: config.schedule,
    requestDaily: async () => {
      const selection = { days: config.extractDays };
      return (await engine.submit({ kind: "daily", selection, requestedBy: "schedule" })).run
        .runId;
    },
    lastDailyRun: async () => {
      // A run that was asked for a moment ago may not be projected yet.
      const asked = engine.current().filter(({ kind }) => kind === "daily").map((
        { requestedAt },
      ) => requestedAt);
      const projected = await readLastRequested(store.sql, "daily");
      return [...asked, ...(projected === null ? [] : [projected])].toSorted((a, b) =>
        +b - +a
      )[0] ?? null;
    },
    tryBecomeLeader: () => takeLease({ url: databaseUrl, lease: "schedule", observe }),
    observe,
  });
  const engine = new RunEngine({
    directory,
    journal: log.journal,
    history: createRunHistory(store.sql, log.probe, signal),
    tools: { publisher: log.publisher, encodeTrajectory, encodeDeadLetter: log.encodeLetter },
    owner: OWNER,
    observe,
  });
  releasers.add("runs", () => engine.stop());
  releasers.add("loaded watch", tellWhenLoaded(engine, store.sql, observe, signal));
  // Not awaited by the boot: taking up old runs needs the consumer to have caught up with the journal.
  if (!isForOneCommand) {
    engine.start().then(() => schedule?.start()).catch((error) => {
      if (!signal.aborted) observe("producer.failed", { reason: explain(error) });
    });
  }
  if (schedule !== null) releasers.add("schedule", () => schedule.stop());
  return { engine, schedule };
}

/** Says so when all rows of a run that has ended are in the data store. */
function tellWhenLoaded(
  engine: RunEngine,
  sql: Sql,
  observe: Observe,
  signal: AbortSignal,
): () => void {
  return engine.watch((event, state) => {
    if (event.type !== "completed" && event.type !== "failed") return;
    if (!isFinished(state)) return;
    const { runId, kind, requestedAt } = state;
    waitForRows(sql, state.nextOffsets, signal)
      .then(() => readRunLoaded(sql, runId))
      .then(({ loaded }) =>
        observe("run.loaded", {
          runId,
          kind,
          rowsLoaded: loaded,
          took_ms: Date.now() - requestedAt.getTime(),
        })
      )
      .catch((error) => {
        if (!signal.aborted) {
          observe("log.client", {
            level: "warning",
            message: `waiting for ${runId}: ${explain(error)}`,
          });
        }
      });
  });
}
