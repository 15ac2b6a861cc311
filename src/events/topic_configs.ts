/** Reads topics' configurations. */
import type { Admin, Kafka } from "kafkajs";
import { withAdmin } from "./kafka_client.ts";
import { ConfigResourceTypes } from "./kafkajs/kafkajs.ts";

/** Values by name, by topic. A configuration that the broker does not know is missing. */
export type ConfigsByTopic = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Reads the named configurations of topics that exist. @throws TransientError, PermanentError */
export async function readTopicConfigs(
  kafka: Kafka,
  topics: readonly string[],
  names: readonly string[],
): Promise<ConfigsByTopic> {
  return await withAdmin(
    kafka,
    "reading the topics' configurations",
    (admin) => askTopicConfigs(admin, topics, names),
  );
}

/** The same through a connected admin client. @throws kafkajs's errors */
export async function askTopicConfigs(
  admin: Admin,
  topics: readonly string[],
  names: readonly string[],
): Promise<ConfigsByTopic> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({
      type: ConfigResourceTypes.TOPIC,
      name,
      configNames: [...names],
    })),
  });
  return new Map(resources.map(({ resourceName, configEntries }) =>
    [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ] as const
  ));
}
