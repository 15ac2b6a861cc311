/**
 * One client connection.
 *
 *     bytes in ─▶ FrameSplitter ─▶ waiting ─▶ running ─▶ answers, in the order of the requests ─▶ bytes out
 *
 * - Requests of a connection run one after the other, as in Kafka. Only consecutive Produce requests run concurrently, so that
 *   they share an fsync; the commit queue keeps their order.
 * - Reading from the socket pauses while enough requests wait, and no request starts while the client leaves answers
 *   unread: a client that floods or stalls only slows itself down.
 * - The connection is closed when a request takes too long to arrive, answers are not read, or the client is silent.
 */
import type { Socket } from "node:net";
import { explain } from "../errors.ts";
import { MalformedRequest } from "@gmn/kafka-formats";
import { type Dispatch, type Dispatched, isProduce } from "./dispatch.ts";
import { FrameSplitter } from "./frames.ts";
import type { ClientMemory } from "./memory.ts";

/** Limit of waiting and running requests of one connection before reading stops. Clients have about 5 in flight. */
const MAX_REQUESTS = 64;
/** Limit of the bytes of these requests. */
const MAX_REQUESTS_BYTES = 32 * 1024 * 1024;
/** Deno reads 64 KiB at a time; a chunk of half that size suggests that more follows. */
const LARGE_CHUNK_BYTES = 32 * 1024;
/** Bytes of unread answers beyond which no further request starts. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** Wait for running requests after the client ended its side or the broker stops (a JoinGroup may take minutes). */
const END_TIMEOUT_MS = 2000;
/** Kafka's `connections.max.idle.ms`. */
const IDLE_TIMEOUT_MS = 10 * 60_000;

/** What a connection needs from the server. */
export interface ConnectionOptions {
  readonly dispatch: Dispatch;
  readonly memory: ClientMemory;
  /** How long receiving a request or sending an answer may make no progress. */
  readonly stallTimeout_ms: number;
  /** Called when the connection was closed because of the client's behaviour. */
  onRefused(client: string, reason: string): void;
  /** Called when the broker itself failed at a request. */
  onFault(error: unknown): void;
  /** Called when the connection has closed. */
  onClosed(): void;
}

/** A running request; `chunks` is set when its answer can be sent. */
interface Running {
  readonly size_bytes: number;
  readonly isProduce: boolean;
  /** Bytes that its answer already occupies, as counted in `memory.unsent_bytes`. */
  held_bytes: number;
  chunks: Dispatched | undefined;
}

export class Connection {
  readonly client: string;
  private readonly frames = new FrameSplitter();
  private readonly waiting: Uint8Array[] = [];
  private readonly running: Running[] = [];
  private readonly gone = new AbortController();
  /** Bytes of complete and partial requests of this connection, as counted in `memory.request_bytes`. */
  private request_bytes = 0;
  private unsent_bytes = 0;
  private ending = false;
  private endTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly socket: Socket, private readonly options: ConnectionOptions) {
    this.client = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.on("data", (chunk: Uint8Array) => this.onData(chunk));
    // A client that only ended its side may still want its answers; writing reveals one that has closed the connection.
    socket.on("end", () => this.end());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.onClose());
    socket.on("timeout", () => this.refuse("silent for too long"));
    socket.setTimeout(IDLE_TIMEOUT_MS);
  }

  /** Stops accepting requests, answers the running ones and closes. */
  end(): void {
    if (this.ending) return;
    this.ending = true;
    this.waiting.length = 0;
    // Long polls are cut short: they are answered without records.
    this.gone.abort();
    if (this.running.length === 0) this.socket.end();
    // Applies to the last answers, too: the broker does not wait longer for a client to read them.
    this.endTimer = setTimeout(() => this.socket.destroy(), END_TIMEOUT_MS);
  }

  /** Closes at once. */
  destroy(): void {
    this.socket.destroy();
  }

  private refuse(reason: string): void {
    this.options.onRefused(this.client, reason);
    this.socket.destroy();
  }

  private onData(chunk: Uint8Array): void {
    if (this.ending || this.socket.destroyed) return;
    try {
      this.count(chunk.length);
      this.waiting.push(...this.frames.push(chunk));
    } catch (error) {
      return this.refuse(explain(error));
    }
    if (this.options.memory.isFull) return this.refuse("the broker's memory for requests is full");
    this.watch();
    this.proceed();
    this.takeTurns(chunk);
  }

  /**
   * Stops reading when enough requests wait, and after a large chunk until the next turn of the event loop.
   *
   * The latter protects other clients: within one turn, Deno (2.9) keeps reading a socket that always has more data, and a
   * client that sent 60 MB/s blocked all other reads for 2.8 s. With one chunk per turn the others wait for one commit, and
   * the flood itself is 50 % faster.
   */
  private takeTurns(chunk: Uint8Array): void {
    const isFull = this.isFull();
    if (!isFull && chunk.length < LARGE_CHUNK_BYTES) return;
    this.socket.pause();
    if (!isFull) setImmediate(() => this.readOn());
  }

  private readOn(): void {
    if (!this.isFull() && !this.socket.destroyed) this.socket.resume();
  }

  private isFull(): boolean {
    return this.waiting.length + this.running.length >= MAX_REQUESTS ||
      this.request_bytes - this.frames.buffered_bytes >= MAX_REQUESTS_BYTES;
  }

  private count(bytes: number): void {
    this.request_bytes += bytes;
    this.options.memory.request_bytes += bytes;
  }

  /** Counts the bytes of an answer from reading the records to sending; `countUnsent` counts them afterwards. */
  private hold(running: Running, bytes: number): void {
    if (this.socket.destroyed) return; // counted off when it closed
    this.options.memory.unsent_bytes += bytes - running.held_bytes;
    running.held_bytes = bytes;
  }

  private countUnsent(bytes: number): void {
    this.unsent_bytes += bytes;
    this.options.memory.unsent_bytes += bytes;
  }

  /** Sets how long the socket may be silent: short during a partial request or answer, long otherwise. */
  private watch(): void {
    const isIdle = this.running.length === 0;
    const isHalfDone = this.unsent_bytes > 0 || (isIdle && this.frames.buffered_bytes > 0);
    const { stallTimeout_ms } = this.options;
    this.socket.setTimeout(isHalfDone ? stallTimeout_ms : isIdle ? IDLE_TIMEOUT_MS : 0);
  }

  /** Starts waiting requests, as far as allowed. */
  private proceed(): void {
    while (this.waiting.length > 0 && this.unsent_bytes <= MAX_UNSENT_BYTES) {
      const frame = this.waiting[0];
      const produces = isProduce(frame);
      const mayStart = this.running.length === 0 ||
        (produces && this.running.every((other) => other.isProduce));
      if (!mayStart) return;
      this.waiting.shift();
      this.start(frame, produces);
    }
  }

  private start(frame: Uint8Array, produces: boolean): void {
    const running: Running = {
      size_bytes: frame.length + 4,
      isProduce: produces,
      held_bytes: 0,
      chunks: undefined,
    };
    this.running.push(running);
    const client = {
      clientHost: `/${this.socket.remoteAddress}`,
      signal: this.gone.signal,
      hold: (bytes: number) => this.hold(running, bytes),
    };
    this.options.dispatch(frame, client).then(
      (chunks) => {
        running.chunks = chunks;
        this.sendReady();
      },
      (error) => {
        if (error instanceof MalformedRequest) return this.refuse(error.message);
        // A fault of the broker: only this client loses its connection.
        this.options.onFault(error);
        this.socket.destroy();
      },
    );
  }

  /** Sends the answers that are ready, in the order of the requests. */
  private sendReady(): void {
    if (this.socket.destroyed) return;
    while (this.running[0]?.chunks !== undefined) {
      const running = this.running.shift() as Running & { chunks: Dispatched };
      const { chunks } = running;
      this.count(-running.size_bytes);
      this.hold(running, 0);
      if (chunks === null) return this.destroy();
      if (chunks.length > 0) this.send(chunks);
    }
    this.watch();
    if (this.ending && this.running.length === 0) return void this.socket.end();
    this.proceed();
    if (this.socket.isPaused()) this.readOn();
  }

  private send(chunks: Uint8Array[]): void {
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.countUnsent(size);
    const taken = (): void => {
      if (this.socket.destroyed) return; // counted off when it closed
      this.countUnsent(-size);
      this.watch();
      this.proceed();
    };
    this.socket.cork();
    chunks.forEach((chunk, i) => {
      if (i < chunks.length - 1) this.socket.write(chunk);
      else this.socket.write(chunk, taken);
    });
    this.socket.uncork();
  }

  private onClose(): void {
    clearTimeout(this.endTimer);
    this.gone.abort();
    this.waiting.length = 0;
    this.count(-this.request_bytes);
    this.countUnsent(-this.unsent_bytes);
    for (const { held_bytes } of this.running) this.options.memory.unsent_bytes -= held_bytes;
    this.options.onClosed();
  }
}
