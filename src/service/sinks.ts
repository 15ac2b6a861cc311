/** The sinks of all topics, wired to the log and the database: for the consumer role, and for a rebuild. */
import { createRunSink } from "../consumer/run_sink.ts";
import { createShowerSink } from "../consumer/shower_sink.ts";
import { createTrajectorySink } from "../consumer/trajectory_sink.ts";
import { createDeadLetterSink } from "../dead_letters/dead_letter_sink.ts";
import { createDeadLetterIds } from "../dead_letters/dead_letter_ids.ts";
import { createGiveUp, type GiveUp, giveUpUnreadable } from "../dead_letters/give_up.ts";
import type { TopicSink } from "../events/topic_sink.ts";
import type { Observe } from "../observe/observe.ts";
import type { Sql } from "../store/connection.ts";
import { writeAtOffset } from "../store/consumer_offsets.ts";
import { deadLetterTable, writeDeadLetters } from "../store/dead_letters.ts";
import { createTrajectoryLoader } from "../store/trajectory_loader.ts";
import type { Log } from "./open_log.ts";

/** What sinks need. */
export interface SinkWiring {
  readonly observe: Observe;
  readonly sql: Sql;
  /** Loaders have their own connections. */
  readonly databaseUrl: string;
  /** Where `sql` and the loaders look up tables; see `DriverOptions`. */
  readonly searchPath?: string;
  readonly log: Pick<Log, "registry" | "publisher" | "hasTimedIds">;
  /** What happens to records that are given up; by default their dead letters are published. */
  readonly giveUp?: GiveUp;
}

/** All sinks, and a function that closes their connections. */
export interface Sinks {
  readonly sinks: readonly TopicSink[];
  close(): Promise<void>;
}

/** Creates the sinks; nothing is connected before the first batch. */
export function createSinks(wiring: SinkWiring): Sinks {
  const { observe, sql, databaseUrl, searchPath } = wiring;
  const { registry, publisher } = wiring.log;
  const ids = createDeadLetterIds(() => wiring.log.hasTimedIds());
  const giveUp = wiring.giveUp ?? createGiveUp({
    table: deadLetterTable((question) => question(sql)),
    publisher,
    observe,
  });
  const trajectories = createTrajectorySink({
    registry,
    createLoader: () => createTrajectoryLoader({ url: databaseUrl, searchPath, observe }),
    giveUp,
    ids,
    observe,
  });
  return {
    sinks: [
      giveUpUnreadable(trajectories, giveUp, ids),
      giveUpUnreadable(createRunSink({ sql, registry, observe }), giveUp, ids),
      giveUpUnreadable(createShowerSink({ sql, registry, observe }), giveUp, ids),
      createDeadLetterSink({
        registry,
        observe,
        ids,
        write: (batch, deadLetters) =>
          writeAtOffset(sql, batch, (transaction) => writeDeadLetters(transaction, deadLetters)),
      }),
    ],
    close: () => trajectories.close(),
  };
}
