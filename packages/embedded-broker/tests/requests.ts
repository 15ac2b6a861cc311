/**
 * One request of each API for the topic `t` with two partitions: its fields in kafkajs's form, the versions that the broker
 * serves, and the answer that kafkajs must decode.
 */
const produceFields = {
  acks: -1,
  timeout: 1000,
  compression: 0,
  transactionalId: null,
  producerId: -1,
  producerEpoch: -1,
  topicData: [{
    topic: "t",
    partitions: [{ partition: 1, firstSequence: -1, messages: [{ key: "k", value: "v" }] }],
  }],
};

/** Request fields and the expected answer, for APIs with the same request in all versions. */
export const REQUESTS: [api: string, min: number, max: number, fields: object, answer: object][] = [
  ["Produce", 3, 7, produceFields, {
    topics: [{ topicName: "t", partitions: [{ partition: 1, errorCode: 0 }] }],
  }],
  ["Fetch", 4, 11, {
    maxWaitTime: 0,
    minBytes: 0,
    maxBytes: 100_000,
    isolationLevel: 1,
    topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset: "0", maxBytes: 10_000 }] }],
  }, {
    responses: [{
      topicName: "t",
      partitions: [{ partition: 0, errorCode: 0, highWatermark: "0", messages: [] }],
    }],
  }],
  [
    "ListOffsets",
    1,
    3,
    { topics: [{ topic: "t", partitions: [{ partition: 0, timestamp: -1 }] }] },
    {
      responses: [{ topic: "t", partitions: [{ partition: 0, errorCode: 0, offset: "0" }] }],
    },
  ],
  ["Metadata", 0, 6, { topics: ["t"], allowAutoTopicCreation: false }, {
    brokers: [{ nodeId: 0, host: "127.0.0.1" }],
    topicMetadata: [{
      topic: "t",
      topicErrorCode: 0,
      partitionMetadata: [
        { partitionId: 0, leader: 0, replicas: [0], isr: [0] },
        { partitionId: 1, leader: 0, replicas: [0], isr: [0] },
      ],
    }],
  }],
  ["OffsetCommit", 0, 5, {
    groupId: "simple",
    groupGenerationId: -1,
    memberId: "",
    retentionTime: "-1",
    topics: [{ topic: "t", partitions: [{ partition: 0, offset: "42", metadata: "m" }] }],
  }, { responses: [{ topic: "t", partitions: [{ partition: 0, errorCode: 0 }] }] }],
  ["OffsetFetch", 1, 4, {
    groupId: "simple",
    topics: [{ topic: "t", partitions: [{ partition: 0 }] }],
  }, {
    responses: [{
      topic: "t",
      partitions: [{ partition: 0, offset: "42", metadata: "m", errorCode: 0 }],
    }],
  }],
  ["GroupCoordinator", 0, 2, { groupId: "g" }, {
    errorCode: 0,
    coordinator: { nodeId: 0, host: "127.0.0.1" },
  }],
  ["DescribeGroups", 0, 2, { groupIds: ["nobody"] }, {
    groups: [{ errorCode: 0, groupId: "nobody", state: "Dead", members: [] }],
  }],
  ["ListGroups", 0, 2, {}, { errorCode: 0 }],
  ["InitProducerId", 0, 1, { transactionalId: null }, { errorCode: 0, producerEpoch: 0 }],
  ["DescribeConfigs", 0, 2, {
    includeSynonyms: true,
    resources: [{ type: 2, name: "t", configNames: ["max.message.bytes"] }],
  }, {
    resources: [{
      errorCode: 0,
      resourceType: 2,
      resourceName: "t",
      configEntries: [{ configName: "max.message.bytes", configValue: "1048576" }],
    }],
  }],
  [
    "DeleteRecords",
    0,
    1,
    { topics: [{ topic: "t", partitions: [{ partition: 0, offset: "0" }] }] },
    {
      topics: [{ topic: "t", partitions: [{ partition: 0, lowWatermark: 0n, errorCode: 0 }] }],
    },
  ],
];
