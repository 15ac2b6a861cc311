/**
 * What the APIs work with: the state of the broker and who it is.
 */
import type { Groups } from "../groups/groups.ts";
import type { ProducerIds } from "../log/producer_ids.ts";
import type { Topics } from "../log/topics.ts";
import type { Sweeper } from "../log/sweeper.ts";
import type { Commits } from "../storage/commits.ts";

/** There is one node, and it leads everything. */
export const NODE_ID = 0;

export interface Broker {
  readonly clusterId: string;
  /** The address that Metadata gives clients. The port is known once the listener is bound. */
  readonly host: string;
  port: number;
  readonly commits: Commits;
  readonly topics: Topics;
  readonly groups: Groups;
  readonly producerIds: ProducerIds;
  readonly sweeper: Sweeper;
  /** Whether Metadata creates topics that a client asks for (and allows to be created). */
  readonly autoCreateTopics: boolean;
  /** Partitions of a topic whose creator leaves the number to the broker. */
  readonly defaultPartitions: number;
  /** Clients have too many bytes of responses unread: no more records are read from the log while this is true. */
  isCongested(): boolean;
}
