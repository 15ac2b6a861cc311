/**
 * The state and identity of the broker, which the APIs work with.
 */
import type { Groups } from "../groups/groups.ts";
import type { ProducerIds } from "../log/producer_ids.ts";
import type { Topics } from "../log/topics.ts";
import type { Sweeper } from "../log/sweeper.ts";
import type { Commits } from "../storage/commits.ts";

/** There is only one node, which leads all partitions. */
export const NODE_ID = 0;

export interface Broker {
  readonly clusterId: string;
  /** The address that Metadata returns to clients. The port is known once the listener is bound. */
  readonly host: string;
  port: number;
  readonly commits: Commits;
  readonly topics: Topics;
  readonly groups: Groups;
  readonly producerIds: ProducerIds;
  readonly sweeper: Sweeper;
  /** Whether Metadata creates missing topics that a client requests, if the client allows it. */
  readonly autoCreateTopics: boolean;
  /** Number of partitions when the creator of a topic does not specify it. */
  readonly defaultPartitions: number;
  /** True while clients have too many unread response bytes: no more records are then read from the log. */
  isCongested(): boolean;
}
