/**
 * The topics of the service: names, partitions, retention and which schema their values have.
 *
 * Everything is kept for ever: the log is the truth, the database is rebuilt from it. `trajectory_summary_raw` has three
 * partitions, as in the system this one replaces; the key is the trajectory id, so one trajectory's versions stay in order.
 */

/** A topic as it is created. */
export interface Topic {
  readonly name: string;
  readonly partitions: number;
  readonly cleanupPolicy: "delete" | "compact";
  /** File name under `schemas/`; its subject is `<name>-value`. */
  readonly schemaFile: string;
}

/** Trajectory summaries, key = trajectory id. A null value is a tombstone: withdrawn at the source. */
export const TRAJECTORY_SUMMARY_RAW: Topic = {
  name: "trajectory_summary_raw",
  partitions: 3,
  cleanupPolicy: "delete",
  schemaFile: "trajectory_summary.avsc",
};

/** Dead letters, key = source file or topic-partition. */
export const DEAD_LETTER: Topic = {
  name: "trajectory_summary_dead_letter",
  partitions: 1,
  cleanupPolicy: "delete",
  schemaFile: "dead_letter.avsc",
};

/** The history of runs, key = run id. One partition: its order is the order in which things were decided. */
export const INGESTION_RUN: Topic = {
  name: "ingestion_run",
  partitions: 1,
  cleanupPolicy: "delete",
  schemaFile: "ingestion_run_event.avsc",
};

/** The IAU's list of showers, key = IAU number: the latest of each number counts. */
export const IAU_SHOWER: Topic = {
  name: "iau_shower",
  partitions: 1,
  cleanupPolicy: "compact",
  schemaFile: "iau_shower.avsc",
};

/** All topics this process creates and registers at boot. */
export const TOPICS: readonly Topic[] = [
  TRAJECTORY_SUMMARY_RAW,
  DEAD_LETTER,
  INGESTION_RUN,
  IAU_SHOWER,
];

/** The subject of a topic's value schema (Confluent's TopicNameStrategy). */
export function valueSubject(topic: Topic): string {
  return `${topic.name}-value`;
}

/** Header names of a raw event. */
export const HEADERS = {
  runId: "gmn-run-id",
  sourceFile: "gmn-source-file",
  sourceLine: "gmn-source-line",
  /** ISO 8601 in UTC. */
  sourceGeneratedAt: "gmn-source-generated-at",
  /** The record is the replay of the dead letter with this id. */
  deadLetterId: "gmn-dead-letter-id",
} as const;
