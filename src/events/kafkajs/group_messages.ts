/**
 * Groups a request's messages by partition in one pass.
 *
 * Upstream, in kafkajs 2.2.4: src/producer/groupMessagesPerPartition.js copies, for each message, the list of all before it, which takes
 * a time that grows with the square of the messages (tulios/kafkajs pull request 1576, never released).
 */
import { replaceExports } from "./patch.ts";

/** What a request's messages are grouped by. */
interface Grouping<Metadata, Message> {
  readonly topic: string;
  readonly partitionMetadata: readonly Metadata[];
  readonly messages: readonly Message[];
  readonly partitioner: (
    of: { topic: string; partitionMetadata: readonly Metadata[]; message: Message },
  ) => number;
}

function groupMessages<Metadata, Message>(
  { topic, partitionMetadata, messages, partitioner }: Grouping<Metadata, Message>,
): Record<number, Message[]> {
  const groups: Record<number, Message[]> = {};
  if (partitionMetadata.length === 0) return groups;
  for (const message of messages) {
    (groups[partitioner({ topic, partitionMetadata, message })] ??= []).push(message);
  }
  return groups;
}

replaceExports<typeof groupMessages>({
  patch: "group_messages.ts",
  module: "producer/groupMessagesPerPartition.js",
  users: ["producer/sendMessages.js"],
}, () => groupMessages);
