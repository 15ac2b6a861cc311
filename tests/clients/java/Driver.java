import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Drives Apache Kafka's Java client for the conformance suite; the requests are in driver_client.ts.
 *
 * <p>Usage: java -cp 'jars/*:classes' Driver HOST:PORT. One thread, no state but one admin client and one group member.
 */
public final class Driver {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long DEADLINE_S = 20;
  private static final Duration POLL = Duration.ofMillis(200);

  private final String broker;
  private final Admin admin;
  private final Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
  private KafkaConsumer<byte[], byte[]> member;
  private String topic;

  private Driver(String broker) {
    this.broker = broker;
    this.admin = Admin.create(Map.of("bootstrap.servers", broker));
  }

  public static void main(String[] args) throws IOException {
    Driver driver = new Driver(args[0]);
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      ObjectNode answer = JSON.createObjectNode();
      try {
        answer.set("ok", driver.answer(JSON.readTree(line)));
      } catch (Exception error) {
        Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
        answer.put("error", cause.toString());
      }
      answers.println(JSON.writeValueAsString(answer));
    }
    driver.leave();
    driver.admin.close(Duration.ofSeconds(5));
  }

  private ObjectNode answer(JsonNode request) throws Exception {
    ObjectNode ok = JSON.createObjectNode();
    String name = request.path("topic").asText();
    int partition = request.path("partition").asInt();
    switch (request.get("do").asText()) {
      case "create_topic" ->
          await(admin.createTopics(
                  List.of(new NewTopic(name, request.get("partitions").asInt(), (short) 1)))
              .all());
      case "delete_topic" -> await(admin.deleteTopics(List.of(name)).all());
      case "list_topics" -> await(admin.listTopics().names()).forEach(ok.putArray("topics")::add);
      case "produce" -> produce(name, request);
      case "read" -> {
        List<ConsumerRecord<byte[], byte[]>> records =
            read(new TopicPartition(name, partition), request.get("offset").asLong(), request.get("count").asInt());
        records.forEach(record -> addRecord(ok.withArray("records"), record));
      }
      case "offset_for_time" ->
          ok.put("offset", offsetForTime(new TopicPartition(name, partition), request.get("timestamp_ms").asLong()));
      case "join" -> join(request.get("group").asText(), name);
      case "poll" -> poll(ok);
      case "commit" -> member.commitSync(positions, Duration.ofSeconds(DEADLINE_S));
      case "seek" -> member.seek(new TopicPartition(topic, partition), request.get("offset").asLong());
      case "leave" -> leave();
      default -> throw new IllegalArgumentException("no such request: " + request);
    }
    return ok;
  }

  private static <T> T await(Future<T> future) throws InterruptedException, ExecutionException, TimeoutException {
    return future.get(DEADLINE_S, TimeUnit.SECONDS);
  }

  private void produce(String topic, JsonNode request) throws Exception {
    Map<String, Object> config = Map.of(
        "bootstrap.servers", broker,
        "compression.type", request.get("compression").asText(),
        "enable.idempotence", request.get("idempotent").asBoolean(),
        "acks", "all",
        "linger.ms", 20,
        // Compression is to be seen in full batches, not in the batch that was sent because it was the first.
        "batch.size", 1 << 20,
        "delivery.timeout.ms", (int) DEADLINE_S * 1000,
        "request.timeout.ms", 10_000);
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (JsonNode record : request.get("records")) {
        var toSend = new ProducerRecord<>(
            topic, record.get("partition").asInt(), bytes(record.get("key")), bytes(record.get("value")));
        for (JsonNode header : record.get("headers")) {
          toSend.headers().add(header.get(0).asText(), bytes(header.get(1)));
        }
        sent.add(producer.send(toSend));
      }
      producer.flush();
    }
    for (Future<RecordMetadata> one : sent) await(one);
  }

  private KafkaConsumer<byte[], byte[]> newConsumer(Map<String, Object> more) {
    Map<String, Object> config = new HashMap<>(more);
    config.put("bootstrap.servers", broker);
    config.put("enable.auto.commit", false);
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private List<ConsumerRecord<byte[], byte[]>> read(TopicPartition partition, long offset, int count)
      throws TimeoutException {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer = newConsumer(Map.of("max.poll.records", count))) {
      consumer.assign(List.of(partition));
      consumer.seek(partition, offset);
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(DEADLINE_S);
      while (records.size() < count) {
        if (System.nanoTime() > deadline) {
          throw new TimeoutException(records.size() + " of " + count + " records within " + DEADLINE_S + " s");
        }
        consumer.poll(POLL).forEach(records::add);
      }
    }
    return records.subList(0, count);
  }

  /** Null where there is no record at or after the time. */
  private Long offsetForTime(TopicPartition partition, long timestamp_ms) {
    try (KafkaConsumer<byte[], byte[]> consumer = newConsumer(Map.of())) {
      OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, timestamp_ms)).get(partition);
      return Optional.ofNullable(found).map(OffsetAndTimestamp::offset).orElse(null);
    }
  }

  private void join(String group, String topic) {
    this.topic = topic;
    member = newConsumer(Map.of(
        "group.id", group,
        "auto.offset.reset", "earliest",
        "session.timeout.ms", 6000,
        "heartbeat.interval.ms", 300));
    member.subscribe(List.of(topic), new org.apache.kafka.clients.consumer.ConsumerRebalanceListener() {
      @Override
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        partitions.forEach(positions::remove);
      }

      @Override
      public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
    });
  }

  private void poll(ObjectNode ok) {
    ArrayNode records = ok.putArray("records");
    for (ConsumerRecord<byte[], byte[]> record : member.poll(POLL)) {
      positions.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
      addRecord(records, record);
    }
    TreeSet<Integer> assigned = new TreeSet<>();
    member.assignment().forEach(one -> assigned.add(one.partition()));
    assigned.forEach(ok.putArray("assigned")::add);
  }

  private void leave() {
    if (member != null) member.close();
    member = null;
  }

  private static void addRecord(ArrayNode records, ConsumerRecord<byte[], byte[]> record) {
    ObjectNode one = records.addObject();
    one.put("partition", record.partition());
    one.put("offset", record.offset());
    one.put("key", text(record.key()));
    one.put("value", text(record.value()));
    ArrayNode headers = one.putArray("headers");
    for (Header header : record.headers()) headers.addArray().add(header.key()).add(text(header.value()));
  }

  private static byte[] bytes(JsonNode text) {
    return text.isNull() ? null : Base64.getDecoder().decode(text.asText());
  }

  private static String text(byte[] bytes) {
    return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
  }
}
