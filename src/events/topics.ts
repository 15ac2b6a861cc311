/**
 * The topics of the service: names, partitions, retention and which schema their values have.
 *
 * Everything is kept forever: the log is the source of truth, and the database is rebuilt from it. `trajectory_summary_raw` has
 * three partitions, as in the system it replaces. Its key is the trajectory id, so the versions of a trajectory stay in order.
 */

/** A topic and the settings it is created with. */
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

/** The history of runs, key = run id. One partition, so that the order of the events is the order of the decisions. */
export const INGESTION_RUN: Topic = {
  name: "ingestion_run",
  partitions: 1,
  cleanupPolicy: "delete",
  schemaFile: "ingestion_run_event.avsc",
};

/** The IAU's list of showers, key = IAU number. The latest record of each number is the valid one. */
export const IAU_SHOWER: Topic = {
  name: "iau_shower",
  partitions: 1,
  cleanupPolicy: "compact",
  schemaFile: "iau_shower.avsc",
};

/** Which log this is, which data store works on it, and what was done to it as a whole; key = log id (events/log_identity.ts). */
export const LOG_IDENTITY: Topic = {
  name: "gmn_log_identity",
  partitions: 1,
  cleanupPolicy: "delete",
  schemaFile: "log_identity_event.avsc",
};

/** The topics that the database is built from. Each has a projection. */
export const TOPICS: readonly Topic[] = [
  TRAJECTORY_SUMMARY_RAW,
  DEAD_LETTER,
  INGESTION_RUN,
  IAU_SHOWER,
];

/** All topics this process creates and registers at boot: those with projections, and the log's identity. */
export const ALL_TOPICS: readonly Topic[] = [...TOPICS, LOG_IDENTITY];

/** The subject of a topic's value schema (Confluent's TopicNameStrategy). */
export function valueSubject(topic: Topic): string {
  return `${topic.name}-value`;
}

/** Header names of a raw event. */
export const HEADERS = {
  runId: "gmn-run-id",
  /** The epoch of the leader that published the row (runs/run_event.ts), in decimal digits; absent when it was not a leader. */
  runEpoch: "gmn-run-epoch",
  sourceFile: "gmn-source-file",
  sourceLine: "gmn-source-line",
  /** ISO 8601 in UTC. */
  sourceGeneratedAt: "gmn-source-generated-at",
  /** Set on a replay: the id of the dead letter that was replayed. */
  deadLetterId: "gmn-dead-letter-id",
  /** 8 bytes, big-endian: the digest of the line that the record was made from (store/value_digest.ts). */
  sourceDigest: "gmn-source-digest",
  /**
   * The trajectories of this partition that the record's file generation still has with the values the log already has (ids as in
   * wire_format/trajectory_ids.ts, the record's own included): none of them is published again (decision 21).
   */
  unchanged: "gmn-unchanged",
  /**
   * On a record that was published again from the data store (recovery/republish.ts): which command did it. Such a record counts for no
   * run, and is of no file generation unless it has `unchanged`.
   */
  republished: "gmn-republished",
  /**
   * On some of these records: what the data store had counted of runs in the record's partition, as JSON
   * (`[{"run_id":…,"rows_loaded":…,"rows_dead":…}, …]`).
   */
  runCounts: "gmn-run-counts",
} as const;
