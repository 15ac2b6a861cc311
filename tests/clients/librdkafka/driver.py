"""Drives confluent-kafka (librdkafka) for the conformance suite; the requests are in driver_client.ts.

Usage: driver.py HOST:PORT. Works with confluent-kafka 1.7 (Debian 12) as with 2.x.
"""

import base64
import json
import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

BROKER = {"bootstrap.servers": sys.argv[1], "log_level": 3}
DEADLINE_S = 20
POLL_S = 0.2


def to_text(data):
    return None if data is None else base64.b64encode(data).decode()


def to_bytes(text):
    return None if text is None else base64.b64decode(text)


def to_json(message):
    return {
        "partition": message.partition(),
        "offset": message.offset(),
        "key": to_text(message.key()),
        "value": to_text(message.value()),
        "headers": [[name, to_text(value)] for name, value in message.headers() or []],
    }


def checked(message):
    """The message, or the error that came in its place; reading past the end is none."""
    error = message.error()
    if error is None:
        return message
    if error.code() == KafkaError._PARTITION_EOF:
        return None
    raise KafkaException(error)


class Driver:
    def __init__(self):
        self.admin = AdminClient(BROKER)
        self.consumer = None
        self.topic = None
        self.assigned = set()
        self.positions = {}

    def create_topic(self, topic, partitions):
        new = NewTopic(topic, num_partitions=partitions, replication_factor=1)
        self.admin.create_topics([new])[topic].result(DEADLINE_S)

    def delete_topic(self, topic):
        self.admin.delete_topics([topic])[topic].result(DEADLINE_S)

    def list_topics(self):
        return {"topics": list(self.admin.list_topics(timeout=DEADLINE_S).topics)}

    def produce(self, topic, compression, idempotent, records):
        config = {
            "compression.type": compression,
            "enable.idempotence": idempotent,
            "acks": "all",
            "linger.ms": 20,
            "message.timeout.ms": DEADLINE_S * 1000,
        }
        producer = Producer({**BROKER, **config})
        failures = []

        def delivered(error, _message):
            if error is not None:
                failures.append(KafkaException(error))

        for record in records:
            producer.produce(
                topic,
                value=to_bytes(record["value"]),
                key=to_bytes(record["key"]),
                partition=record["partition"],
                headers=[(name, to_bytes(value)) for name, value in record["headers"]],
                on_delivery=delivered,
            )
        left = producer.flush(DEADLINE_S)
        if failures:
            raise failures[0]
        if left:
            raise TimeoutError(f"{left} records were not acknowledged")

    def read(self, topic, partition, offset, count):
        consumer = Consumer({**BROKER, "group.id": "unused", "enable.auto.commit": False})
        try:
            consumer.assign([TopicPartition(topic, partition, offset)])
            records = []
            deadline = time.monotonic() + DEADLINE_S
            while len(records) < count:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{len(records)} of {count} records within {DEADLINE_S} s")
                got = [checked(one) for one in consumer.consume(count - len(records), POLL_S)]
                records += [to_json(one) for one in got if one is not None]
            return {"records": records}
        finally:
            consumer.close()

    def offset_for_time(self, topic, partition, timestamp_ms):
        consumer = Consumer({**BROKER, "group.id": "unused"})
        try:
            wanted = [TopicPartition(topic, partition, timestamp_ms)]
            found = consumer.offsets_for_times(wanted, timeout=DEADLINE_S)[0]
            if found.error is not None:
                raise KafkaException(found.error)
            # librdkafka says "the end" (-1) where there is no such record.
            return {"offset": found.offset if found.offset >= 0 else None}
        finally:
            consumer.close()

    def join(self, group, topic):
        config = {
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 300,
        }
        self.consumer = Consumer({**BROKER, **config})
        self.topic = topic

        def assigned(_consumer, partitions):
            self.assigned = {one.partition for one in partitions}

        def revoked(_consumer, partitions):
            self.assigned -= {one.partition for one in partitions}
            for one in partitions:
                self.positions.pop(one.partition, None)

        self.consumer.subscribe([topic], on_assign=assigned, on_revoke=revoked)

    def poll(self):
        got = [checked(one) for one in self.consumer.consume(500, POLL_S)]
        records = [one for one in got if one is not None]
        for one in records:
            self.positions[one.partition()] = one.offset() + 1
        return {"assigned": sorted(self.assigned), "records": [to_json(one) for one in records]}

    def commit(self):
        offsets = [TopicPartition(self.topic, p, at) for p, at in self.positions.items()]
        for one in self.consumer.commit(offsets=offsets, asynchronous=False):
            if one.error is not None:
                raise KafkaException(one.error)

    def seek(self, partition, offset):
        self.consumer.seek(TopicPartition(self.topic, partition, offset))

    def leave(self):
        if self.consumer is not None:
            self.consumer.close()
            self.consumer = None


def main():
    driver = Driver()
    for line in sys.stdin:
        fields = json.loads(line)
        what = fields.pop("do")
        try:
            answer = {"ok": getattr(driver, what)(**fields) or {}}
        except Exception as error:  # whatever went wrong is the answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    driver.leave()


main()
