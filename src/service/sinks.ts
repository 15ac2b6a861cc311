/**
 * The sinks of all topics, wired to the log and the database: for the consumer role, and for a rebuild.
 */
import { createDeadLetterSink } from "../consumer/dead_letter_sink.ts";
import type { GiveUpOptions } from "../consumer/give_up.ts";
import { createRunSink } from "../consumer/run_sink.ts";
import { setAsideUnreadable } from "../consumer/set_aside.ts";
import { createShowerSink } from "../consumer/shower_sink.ts";
import type { TopicSink } from "../consumer/topic_sink.ts";
import { createTrajectorySink } from "../consumer/trajectory_sink.ts";
import type { Observe } from "../observe/observe.ts";
import type { Sql } from "../store/connection.ts";
import { classifyDatabaseError } from "../store/database_errors.ts";
import { readKnownLetters } from "../store/dead_letters.ts";
import { createTrajectoryLoader } from "../store/trajectory_loader.ts";
import type { Log } from "./open_log.ts";

/** What sinks need. */
export interface SinkWiring {
  readonly observe: Observe;
  readonly sql: Sql;
  /** Loaders have connections of their own. */
  readonly databaseUrl: string;
  readonly log: Pick<Log, "registry" | "publishLetters">;
}

/** All sinks, and how to close their connections. */
export interface Sinks {
  readonly sinks: readonly TopicSink[];
  close(): Promise<void>;
}

/** Makes the sinks; nothing is connected before the first batch. */
export function createSinks({ observe, sql, databaseUrl, log }: SinkWiring): Sinks {
  const { registry } = log;
  const letters: GiveUpOptions = {
    knownLetters: async (ids) => {
      try {
        return await readKnownLetters(sql, ids);
      } catch (error) {
        throw classifyDatabaseError(error);
      }
    },
    publishLetters: (letters) => log.publishLetters(letters),
    observe,
  };
  const trajectories = createTrajectorySink({
    registry,
    createLoader: () => createTrajectoryLoader({ url: databaseUrl, observe }),
    ...letters,
  });
  return {
    sinks: [
      setAsideUnreadable(trajectories, letters),
      setAsideUnreadable(createRunSink({ sql, registry, observe }), letters),
      setAsideUnreadable(createShowerSink({ sql, registry, observe }), letters),
      // It does so itself.
      createDeadLetterSink({ sql, registry, observe }),
    ],
    close: () => trajectories.close(),
  };
}
