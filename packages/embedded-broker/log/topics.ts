/**
 * The topics of the broker: in memory for reading, in the database for durability. Every change goes through a transaction
 * and becomes visible when that is on disk.
 */
import { ErrorCode } from "@gmn/kafka-formats";
import type { DatabaseSync } from "node:sqlite";
import { KafkaError } from "../protocol/kafka_error.ts";
import type { Commits, Transaction } from "../storage/commits.ts";
import { BatchStore } from "./batch_store.ts";
import { Partition } from "./partition.ts";
import { ProducerStore } from "./producers.ts";
import { maxMessageBytes, type TopicConfigs } from "./topic_configs.ts";

/** Limit of all partitions. Each costs a little memory and a row; this catches thousands created by mistake. */
const MAX_PARTITIONS = 10_000;
/** Kafka's rule for topic names, which are file names there. */
const LEGAL_NAME = /^[a-zA-Z0-9._-]{1,249}$/;

/** A topic; `partitions[n].number === n`. */
export interface Topic {
  readonly id: number;
  readonly name: string;
  configs: TopicConfigs;
  maxMessage_bytes: number;
  readonly partitions: Partition[];
}

/** All topics. */
export class Topics {
  private readonly byName = new Map<string, Topic>();
  private readonly batches: BatchStore;
  private readonly producers: ProducerStore;
  private readonly sql;

  constructor(db: DatabaseSync, private readonly commits: Commits) {
    this.batches = new BatchStore(db);
    this.producers = new ProducerStore(db);
    this.sql = {
      insertTopic: db.prepare("INSERT INTO topic (name, configs) VALUES (?, ?)"),
      setConfigs: db.prepare("UPDATE topic SET configs = ? WHERE topic_id = ?"),
      deleteTopic: db.prepare("DELETE FROM topic WHERE topic_id = ?"),
      insertPartition: db.prepare(
        "INSERT INTO partition (topic_id, number, start_offset) VALUES (?, ?, 0)",
      ),
      deletePartitions: db.prepare("DELETE FROM partition WHERE topic_id = ?"),
      doomPartitions: db.prepare(
        "INSERT INTO doomed_partition SELECT partition_id FROM partition WHERE topic_id = ?",
      ),
      deleteProducers: db.prepare(
        "DELETE FROM producer WHERE partition_id IN (SELECT partition_id FROM partition WHERE topic_id = ?)",
      ),
      deleteOffsets: db.prepare("DELETE FROM group_offset WHERE topic = ?"),
      setStart: db.prepare("UPDATE partition SET start_offset = ? WHERE partition_id = ?"),
    };
    this.load(db);
  }

  private load(db: DatabaseSync): void {
    for (const row of db.prepare("SELECT topic_id, name, configs FROM topic").all()) {
      const configs = new Map<string, string>(JSON.parse(row.configs as string));
      this.remember(row.topic_id as number, row.name as string, configs);
    }
    const partitions = db.prepare(
      `SELECT partition_id, name, number, start_offset FROM partition JOIN topic USING (topic_id)
       ORDER BY topic_id, number`,
    ).all();
    for (const row of partitions) {
      this.addPartition(
        this.get(row.name as string),
        row.partition_id as number,
        row.start_offset as number,
      );
    }
  }

  private remember(id: number, name: string, configs: TopicConfigs): Topic {
    const topic = { id, name, configs, maxMessage_bytes: maxMessageBytes(configs), partitions: [] };
    this.byName.set(name, topic);
    return topic;
  }

  private addPartition(topic: Topic, id: number, startOffset: number): void {
    const number = topic.partitions.length;
    topic.partitions.push(
      new Partition(id, topic.name, number, startOffset, this.batches, this.producers),
    );
  }

  /** All topics, in order of their names. */
  list(): Topic[] {
    return [...this.byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): Topic | undefined {
    return this.byName.get(name);
  }

  /** @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION */
  get(name: string): Topic {
    const topic = this.byName.get(name);
    if (topic === undefined) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    return topic;
  }

  /** @throws KafkaError UNKNOWN_TOPIC_OR_PARTITION */
  partition(topic: string, number: number): Partition {
    const partition = this.byName.get(topic)?.partitions[number];
    if (partition === undefined) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    return partition;
  }

  /**
   * Checks whether a topic could be created.
   * @throws KafkaError INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS or POLICY_VIOLATION
   */
  checkCreation(name: string, partitions: number): void {
    if (!LEGAL_NAME.test(name) || name === "." || name === "..") {
      throw new KafkaError(
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        `topic names are 1 to 249 letters, digits, '.', '_' and '-'`,
      );
    }
    if (this.byName.has(name)) {
      throw new KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, `topic ${name} exists`);
    }
    if (partitions < 1) {
      throw new KafkaError(ErrorCode.INVALID_PARTITIONS, `${partitions} partitions`);
    }
    this.checkPartitionLimit(partitions);
  }

  private checkPartitionLimit(more: number): void {
    let partitions = more;
    for (const topic of this.byName.values()) partitions += topic.partitions.length;
    if (partitions > MAX_PARTITIONS) {
      throw new KafkaError(
        ErrorCode.POLICY_VIOLATION,
        `${partitions} partitions in all; the embedded broker has up to ${MAX_PARTITIONS}`,
      );
    }
  }

  /** Creates a topic. @throws KafkaError as `checkCreation` */
  create(name: string, partitions: number, configs: TopicConfigs): Promise<Topic> {
    return this.commits.write((transaction) => {
      this.checkCreation(name, partitions);
      const { lastInsertRowid } = this.sql.insertTopic.run(name, JSON.stringify([...configs]));
      // Registered at once, so that a second creation in the same group finds it; removed again if the group fails.
      const topic = this.remember(Number(lastInsertRowid), name, configs);
      transaction.onRollback(() => this.byName.delete(name));
      this.insertPartitions(topic, partitions);
      return topic;
    });
  }

  private insertPartitions(topic: Topic, count: number): void {
    for (let i = 0; i < count; i++) {
      const row = this.sql.insertPartition.run(topic.id, topic.partitions.length);
      this.addPartition(topic, Number(row.lastInsertRowid), 0);
    }
  }

  /** Raises the number of partitions to `total`. @throws KafkaError INVALID_PARTITIONS or POLICY_VIOLATION */
  addPartitions(name: string, total: number): Promise<void> {
    return this.commits.write((transaction) => {
      const topic = this.get(name);
      const had = topic.partitions.length;
      if (total <= had) {
        throw new KafkaError(ErrorCode.INVALID_PARTITIONS, `${name} has ${had} partitions already`);
      }
      this.checkPartitionLimit(total - had);
      transaction.onRollback(() => void topic.partitions.splice(had));
      this.insertPartitions(topic, total - had);
    });
  }

  /** Replaces a topic's configurations with the result of `change`. */
  configure(name: string, change: (configs: TopicConfigs) => TopicConfigs): Promise<void> {
    return this.commits.write((transaction) => {
      const topic = this.get(name);
      const before = topic.configs;
      const apply = (configs: TopicConfigs) => {
        topic.configs = configs;
        topic.maxMessage_bytes = maxMessageBytes(configs);
      };
      const after = change(before);
      transaction.onRollback(() => apply(before));
      this.sql.setConfigs.run(JSON.stringify([...after]), topic.id);
      apply(after);
    });
  }

  /**
   * Deletes a topic and its committed offsets. The `Sweeper` removes its batches later: there may be
   * gigabytes of them, and no client should wait for that.
   */
  delete(name: string): Promise<void> {
    return this.commits.write((transaction) => {
      const topic = this.get(name);
      const setAlive = (alive: boolean) => {
        for (const partition of topic.partitions) partition.alive = alive;
      };
      this.byName.delete(name);
      setAlive(false);
      transaction.onRollback(() => {
        this.byName.set(name, topic);
        setAlive(true);
      });
      this.sql.doomPartitions.run(topic.id);
      this.sql.deleteProducers.run(topic.id);
      this.sql.deletePartitions.run(topic.id);
      this.sql.deleteOffsets.run(name);
      this.sql.deleteTopic.run(topic.id);
    });
  }

  /**
   * Makes all records below `offset` unreadable (-1: all records). Returns the new start offset.
   * @throws KafkaError OFFSET_OUT_OF_RANGE
   */
  deleteRecords(partition: Partition, offset: number): Promise<number> {
    return this.commits.write((transaction: Transaction) => {
      const start = offset === -1 ? partition.highWatermark : offset;
      if (start < 0 || start > partition.highWatermark || !partition.alive) {
        throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE);
      }
      if (start > partition.startOffset) {
        this.sql.setStart.run(start, partition.id);
        transaction.onCommit(
          () => (partition.startOffset = Math.max(partition.startOffset, start)),
        );
      }
      return Math.max(start, partition.startOffset);
    });
  }
}
