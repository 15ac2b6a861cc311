/** Which copies are asked for on which cluster, and when it is warned that there are too few. The real clusters: tests/kafka/. */
import { describe, expect, test } from "vitest";
import { PermanentError } from "@gmn/failures";
import { chooseReplication, replicationRisk } from "./replication.ts";

describe("the copies of new topics", () => {
  test.each([
    // factor, min.insync as set; brokers; chosen
    [null, null, 1, 1, 1],
    [null, null, 2, 2, 2],
    [null, null, 3, 3, 2],
    [null, null, 9, 3, 2],
    [1, null, 3, 1, 1],
    [2, null, 3, 2, 2],
    [5, null, 5, 5, 2],
    [null, 1, 3, 3, 1],
    [null, 3, 3, 3, 3],
    [4, 3, 4, 4, 3],
  ])("%s and %s, with %d brokers: %d and %d", (factor, minInsync, brokers, copies, inSync) => {
    expect(chooseReplication({ factor, minInsync }, brokers)).toEqual({
      factor: copies,
      minInsync: inSync,
    });
  });

  test.each([
    [3, null, 1, /KAFKA_REPLICATION_FACTOR=3: the cluster has 1 broker/],
    [null, 2, 1, /KAFKA_MIN_INSYNC_REPLICAS=2: a topic has 1 replica.* the cluster has 1 broker/],
    [2, 3, 3, /KAFKA_MIN_INSYNC_REPLICAS=3: a topic has 2 .*KAFKA_REPLICATION_FACTOR/],
  ])("%s and %s can't work with %d", (factor, minInsync, brokers, says) => {
    const choose = () => chooseReplication({ factor, minInsync }, brokers);
    expect(choose).toThrow(PermanentError);
    expect(choose).toThrow(says);
  });
});

describe("the warning", () => {
  const topic = (factor: number, minInsync: number | null) => ({ topic: "log", factor, minInsync });

  test.each([
    [3, [topic(3, 2)]],
    [5, [topic(5, 3)]],
    // Redpanda has no such configuration.
    [3, [topic(3, null)]],
  ])("none with %d brokers and %o", (brokers, topics) => {
    expect(replicationRisk(brokers, topics)).toBeNull();
  });

  test.each([
    [1, [topic(1, 1)], /has 1 broker.*log has replication factor 1.*min\.insync\.replicas=1/],
    [2, [topic(2, 2)], /has 2 broker.*log has replication factor 2$/],
    [3, [topic(2, 2)], /records: log has replication factor 2$/],
    [3, [topic(3, 1)], /records: log has min\.insync\.replicas=1$/],
  ])("with %d brokers and %o", (brokers, topics, says) => {
    const risk = replicationRisk(brokers, topics)!;
    expect(risk.reason).toMatch(says);
    expect(risk.advice).not.toBe("");
  });
});
