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
  /** The address that clients are told to connect to. The port is known once the listener is bound. */
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
  /** Bytes of responses that clients have not taken yet: no more are read for them while this is true. */
  isCongested(): boolean;
}
