/** Asks the broker that coordinates a consumer group for its members, and removes groups. */
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

/** Removes a group that nobody uses any more. A courtesy that may fail: brokers remove an empty group by themselves after some days. */
export async function forgetGroup(kafka: Kafka, groupId: string): Promise<void> {
  await withAdmin(
    kafka,
    `removing the group ${groupId}`,
    (admin) => admin.deleteGroups([groupId]),
    { retry: { retries: 0 } },
  ).catch(() => {});
}
