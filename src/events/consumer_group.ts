/** Asks the broker that coordinates a consumer group for its members. */
import type { Kafka } from "kafkajs";
import { withAdmin } from "./kafka_client.ts";

/** A member as the coordinator knows it. A member that died stays listed until its session times out. */
export interface GroupMember {
  readonly clientId: string;
  readonly host: string;
}

/**
 * The members of a group; none when the group does not exist.
 * @throws TransientError when the broker can't be reached
 */
export async function groupMembers(kafka: Kafka, groupId: string): Promise<GroupMember[]> {
  const { groups } = await withAdmin(
    kafka,
    `asking who is in the group ${groupId}`,
    (admin) => admin.describeGroups([groupId]),
  );
  return groups.flatMap(({ members }) =>
    members.map(({ clientId, clientHost }) => ({ clientId, host: clientHost }))
  );
}
