/**
 * A client that sends arbitrary bytes: requests built field by field, or garbage. For behaviour that no real client has.
 */
import { ApiKey, Reader } from "@gmn/kafka-formats";
import { connect, type Socket } from "node:net";
import { Writer } from "@gmn/kafka-formats";

/** One connection. */
export class RawClient {
  /** Resolves when the connection has closed, whichever side closed it. */
  readonly closed: Promise<void>;
  private nextCorrelationId = 1;
  private received: Uint8Array[] = [];
  private received_bytes = 0;
  private readonly answers: { resolve: (reader: Reader) => void; reject: (e: Error) => void }[] =
    [];

  private constructor(readonly socket: Socket) {
    socket.on("data", (chunk: Uint8Array) => this.onData(chunk));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) =>
      socket.on("close", () => {
        for (const { reject } of this.answers.splice(0)) reject(new Error("connection closed"));
        resolve();
      })
    );
  }

  /** Connects to `host:port`. */
  static connect(broker: string): Promise<RawClient> {
    const [host, port] = broker.split(":");
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port: Number(port), noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new RawClient(socket)));
    });
  }

  /** Sends a request; resolves with a reader positioned after the response header. Rejects when the connection closes. */
  request(apiKey: number, version: number, body: (writer: Writer) => void): Promise<Reader> {
    this.sendRequest(apiKey, version, body);
    return this.answer();
  }

  /** Sends a request that gets no answer. */
  sendRequest(apiKey: number, version: number, body: (writer: Writer) => void): void {
    const writer = new Writer();
    writer.int16(apiKey);
    writer.int16(version);
    writer.int32(this.nextCorrelationId++);
    writer.string("raw-client");
    body(writer);
    for (const chunk of writer.chunks()) this.socket.write(chunk);
  }

  /** Sends bytes unchanged. */
  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The next response to arrive. */
  answer(): Promise<Reader> {
    return new Promise((resolve, reject) => this.answers.push({ resolve, reject }));
  }

  close(): void {
    this.socket.destroy();
  }

  private onData(chunk: Uint8Array): void {
    this.received.push(chunk);
    this.received_bytes += chunk.length;
    while (this.received_bytes >= 4) {
      // The size is read from the first chunk; chunks are joined only when a whole answer has arrived.
      if (this.received[0].length < 4) this.join();
      const [first] = this.received;
      const size = new DataView(first.buffer, first.byteOffset).getInt32(0);
      if (this.received_bytes < size + 4) return;
      const all = this.join();
      const reader = new Reader(all.subarray(4, size + 4));
      reader.int32(); // correlation id
      this.received = [all.subarray(size + 4)];
      this.received_bytes -= size + 4;
      this.answers.shift()?.resolve(reader);
    }
  }

  private join(): Uint8Array {
    const all = new Uint8Array(this.received_bytes);
    let at = 0;
    for (const chunk of this.received) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.received = [all];
    return all;
  }

  /** Produces one batch to one partition; returns error code and base offset. */
  async produce(
    topic: string,
    partition: number,
    batch: Uint8Array | null,
    acks = -1,
  ): Promise<{ errorCode: number; baseOffset: number }> {
    const r = await this.request(ApiKey.Produce, 7, produceBody(topic, partition, batch, acks));
    r.int32(); // topics
    r.string();
    r.int32(); // partitions
    r.int32();
    return { errorCode: r.int16(), baseOffset: r.int64() };
  }

  /** Fetches from one partition; returns error code, high watermark and the batches' bytes. */
  async fetch(
    topic: string,
    partition: number,
    offset: number,
    options: { max_wait_ms?: number; min_bytes?: number; max_bytes?: number } = {},
  ): Promise<
    { errorCode: number; highWatermark: number; startOffset: number; records: Uint8Array }
  > {
    const { max_wait_ms = 0, min_bytes = 1, max_bytes = 16 * 1024 * 1024 } = options;
    const r = await this.request(ApiKey.Fetch, 11, (w) => {
      w.int32(-1);
      w.int32(max_wait_ms);
      w.int32(min_bytes);
      w.int32(max_bytes);
      w.int8(0);
      w.int32(0); // session id
      w.int32(-1); // session epoch
      w.array([topic], (name) => {
        w.string(name);
        w.array([partition], (number) => {
          w.int32(number);
          w.int32(-1); // leader epoch
          w.int64(offset);
          w.int64(-1);
          w.int32(max_bytes);
        });
      });
      w.array([], () => {}); // forgotten topics
      w.string(""); // rack
    });
    r.int32(); // throttle time
    r.int16();
    r.int32(); // session
    r.int32(); // topics
    r.string();
    r.int32(); // partitions
    r.int32();
    const errorCode = r.int16();
    const highWatermark = r.int64();
    r.int64();
    const startOffset = r.int64();
    r.int32(); // aborted
    r.int32(); // preferred replica
    return { errorCode, highWatermark, startOffset, records: r.bytesField() };
  }

  /** Sets one configuration of a topic, over its own connection. */
  static async setConfig(broker: string, topic: string, name: string, value: string) {
    const client = await RawClient.connect(broker);
    const answer = await client.request(ApiKey.IncrementalAlterConfigs, 0, (w) => {
      w.array([topic], (resource) => {
        w.int8(2);
        w.string(resource);
        w.array([name], (config) => {
          w.string(config);
          w.int8(0);
          w.string(value);
        });
      });
      w.boolean(false);
    });
    answer.int32();
    answer.int32();
    const code = answer.int16();
    client.close();
    if (code !== 0) throw new Error(`${name}=${value} of ${topic} was refused: error ${code}`);
  }

  /** Creates a topic. Returns the error code. */
  async createTopic(topic: string, partitions = 1, configs: Record<string, string> = {}) {
    const r = await this.request(ApiKey.CreateTopics, 3, (w) => {
      w.array([topic], (name) => {
        w.string(name);
        w.int32(partitions);
        w.int16(1);
        w.array([], () => {});
        w.array(Object.entries(configs), ([key, value]) => {
          w.string(key);
          w.string(value);
        });
      });
      w.int32(1000);
      w.boolean(false);
    });
    r.int32();
    r.int32();
    r.string();
    return r.int16();
  }
}

/** The body of a Produce request of one batch to one partition. */
export function produceBody(
  topic: string,
  partition: number,
  batch: Uint8Array | null,
  acks: number,
): (writer: Writer) => void {
  return (w) => {
    w.string(null); // transactional id
    w.int16(acks);
    w.int32(1000);
    w.array([topic], (name) => {
      w.string(name);
      w.array([partition], (number) => {
        w.int32(number);
        if (batch === null) w.int32(-1);
        else w.bytesOf([batch]);
      });
    });
  };
}
