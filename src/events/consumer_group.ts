/**
 * Who is in a consumer group, asked of the broker that coordinates it.
 */
import type { Kafka } from "kafkajs";
import { classifyKafkaError } from "./kafka_client.ts";

/** A member as the coordinator knows it. One that died is a member until its session has timed out. */
export interface GroupMember {
  readonly clientId: string;
  readonly host: string;
}

/**
 * The members of a group; none when there is no such group.
 * @throws TransientError when the broker can't be asked
 */
export async function groupMembers(kafka: Kafka, groupId: string): Promise<GroupMember[]> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { groups } = await admin.describeGroups([groupId]);
    return groups.flatMap(({ members }) =>
      members.map(({ clientId, clientHost }) => ({ clientId, host: clientHost }))
    );
  } catch (error) {
    throw classifyKafkaError(error, `asking who is in the group ${groupId}`);
  } finally {
    await admin.disconnect();
  }
}
