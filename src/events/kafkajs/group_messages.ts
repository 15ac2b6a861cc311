/**
 * Groups a request's messages by partition in one pass.
 *
 * Upstream, in kafkajs 2.2.4: src/producer/groupMessagesPerPartition.js copies the list of all previous messages for each message,
 * so its time is quadratic in the number of messages (tulios/kafkajs pull request 1576, never released).
 */
import { replaceExports } from "./patch.ts";

/** The arguments of kafkajs's grouping function. */
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
