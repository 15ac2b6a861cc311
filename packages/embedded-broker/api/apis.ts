/**
 * All APIs of the broker, in order of their keys. A request for any other API closes the connection, as in Kafka;
 * docs/embedded-broker.md lists the unsupported APIs.
 */
import type { Api } from "../protocol/api.ts";
import type { Broker } from "../protocol/broker.ts";
import { produce } from "./00_produce.ts";
import { fetch } from "./01_fetch.ts";
import { listOffsets } from "./02_list_offsets.ts";
import { metadata } from "./03_metadata.ts";
import { offsetCommit } from "./08_offset_commit.ts";
import { offsetFetch } from "./09_offset_fetch.ts";
import { findCoordinator } from "./10_find_coordinator.ts";
import { joinGroup } from "./11_join_group.ts";
import { heartbeat } from "./12_heartbeat.ts";
import { leaveGroup } from "./13_leave_group.ts";
import { syncGroup } from "./14_sync_group.ts";
import { describeGroups } from "./15_describe_groups.ts";
import { listGroups } from "./16_list_groups.ts";
import { apiVersions } from "./18_api_versions.ts";
import { createTopics } from "./19_create_topics.ts";
import { deleteTopics } from "./20_delete_topics.ts";
import { deleteRecords } from "./21_delete_records.ts";
import { initProducerId } from "./22_init_producer_id.ts";
import { describeConfigs } from "./32_describe_configs.ts";
import { createPartitions } from "./37_create_partitions.ts";
import { deleteGroups } from "./42_delete_groups.ts";
import { incrementalAlterConfigs } from "./44_incremental_alter_configs.ts";

const APIS: readonly ((broker: Broker) => Api)[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  describeConfigs,
  createPartitions,
  deleteGroups,
  incrementalAlterConfigs,
];

/** All APIs, bound to `broker`. */
export function apisOf(broker: Broker): Api[] {
  const apis = APIS.map((api) => api(broker));
  apis.push(apiVersions(apis));
  return apis.sort((a, b) => a.key - b.key);
}
