"""What Python programs do with a schema registry, by confluent-kafka's client. Run by registry.conformance.ts.

Usage: confluent_kafka_registry.py URL. Prints a line per check; the first that fails ends it with a traceback.
"""

import json
import sys

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

URL = sys.argv[1]
FIRST = {"type": "record", "name": "Walk", "fields": [{"name": "id", "type": "string"}]}
SECOND = {**FIRST, "fields": FIRST["fields"] + [{"name": "km", "type": "double", "default": 0}]}
BREAKING = {**FIRST, "fields": FIRST["fields"] + [{"name": "start", "type": "string"}]}


def client():
    """A client with nothing in its cache."""
    return SchemaRegistryClient({"url": URL})


def avro(schema, references=None):
    return Schema(json.dumps(schema), "AVRO", references or [])


def refused(status, code, call, *args, **options):
    """The call must be refused with these codes; gives the message."""
    try:
        call(*args, **options)
    except SchemaRegistryError as error:
        assert (error.http_status_code, error.error_code) == (status, code), error
        return error.error_message
    raise AssertionError(f"expected {code}")


def check_register_and_find():
    first = client().register_schema("walk-value", avro(FIRST))
    assert client().register_schema("walk-value", avro(FIRST)) == first
    assert client().register_schema("other-value", avro(FIRST)) == first
    assert json.loads(client().get_schema(first).schema_str) == FIRST
    found = client().lookup_schema("walk-value", avro(FIRST))
    assert (found.schema_id, found.version, found.subject) == (first, 1, "walk-value")
    second = client().register_schema("walk-value", avro(SECOND), normalize_schemas=True)
    latest = client().get_latest_version("walk-value")
    assert (latest.schema_id, latest.version) == (second, 2)
    assert client().get_version("walk-value", 1).schema_id == first
    assert client().get_versions("walk-value") == [1, 2]
    assert client().get_subjects(subject_prefix="walk") == ["walk-value"]
    assert client().get_subjects_by_schema_id(first) == ["other-value", "walk-value"]
    assert client().get_schema_types() == ["AVRO"]
    refused(404, 40403, client().get_schema, 999)
    refused(404, 40401, client().get_latest_version, "nothing")
    refused(404, 40402, client().get_version, "walk-value", 9)


def check_compatibility():
    assert client().test_compatibility("walk-value", avro(SECOND))
    assert not client().test_compatibility("walk-value", avro(BREAKING))
    message = refused(409, 409, client().register_schema, "walk-value", avro(BREAKING))
    assert "field 'start'" in message, message
    refused(404, 40408, client().get_compatibility, "walk-value")
    assert client().get_compatibility() == "BACKWARD"
    client().set_compatibility("walk-value", "FULL_TRANSITIVE")
    assert client().get_compatibility("walk-value") == "FULL_TRANSITIVE"
    refused(422, 42203, client().set_compatibility, "walk-value", "SIDEWAYS")


def check_serializers():
    context = SerializationContext("mice", MessageField.VALUE)
    serialize = AvroSerializer(client(), json.dumps(FIRST))
    message = serialize({"id": "a"}, context)
    assert message[0] == 0
    assert AvroDeserializer(client())(message, context) == {"id": "a"}
    read_as_second = AvroDeserializer(client(), json.dumps(SECOND))
    assert read_as_second(message, context) == {"id": "a", "km": 0.0}
    named = {"conf": {"auto.register.schemas": False, "use.latest.version": True}}
    assert AvroSerializer(client(), **named)({"id": "b"}, context)[:5] == message[:5]


def check_what_is_left_out():
    walks = {"type": "array", "items": "Walk"}
    reference = SchemaReference("Walk", "walk-value", 1)
    message = refused(422, 422, client().register_schema, "walks", avro(walks, [reference]))
    assert "references are left out" in message, message
    assert client().get_global_mode() == "READWRITE"


def check_deletes():
    refused(404, 40407, client().delete_version, "walk-value", 1, permanent=True)
    assert client().delete_version("walk-value", 1) == 1
    refused(404, 40406, client().delete_version, "walk-value", 1)
    assert client().delete_version("walk-value", 1, permanent=True) == 1
    assert client().delete_subject("walk-value") == [2]
    assert "walk-value" not in client().get_subjects()
    assert "walk-value" in client().get_subjects(deleted=True)
    refused(404, 40405, client().delete_subject, "other-value", permanent=True)
    client().delete_subject("other-value")
    assert client().delete_subject("other-value", permanent=True) == [1]
    assert "other-value" not in client().get_subjects(deleted=True)


for check in (
    check_register_and_find,
    check_compatibility,
    check_serializers,
    check_what_is_left_out,
    check_deletes,
):
    check()
    print(f"ok {check.__name__}")
