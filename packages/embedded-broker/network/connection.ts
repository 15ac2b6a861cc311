/**
 * One client connection.
 *
 *     bytes in ─▶ FrameSplitter ─▶ waiting ─▶ under way ─▶ answers, in the order of the requests ─▶ bytes out
 *
 * - Requests of a connection are worked on one after the other, as in Kafka; only Produce requests that follow each other are
 *   under way together (their order is kept by the commit queue), so that they share an fsync.
 * - Nothing is read from the socket while enough requests wait, and no request is begun while the client leaves answers
 *   unread: a client that floods or stalls only slows itself down.
 * - A request that takes too long to arrive, answers that are not read, and silence end the connection.
 */
import type { Socket } from "node:net";
import { explain } from "../errors.ts";
import { MalformedRequest } from "@gmn/kafka-formats";
import { type Dispatch, type Dispatched, isProduce } from "./dispatch.ts";
import { FrameSplitter } from "./frames.ts";
import type { ClientMemory } from "./memory.ts";

/** Requests of one connection that may wait or be under way before reading stops. Clients have 5 or so in flight. */
const MAX_REQUESTS = 64;
/** And their bytes. */
const MAX_REQUESTS_BYTES = 32 * 1024 * 1024;
/** Deno reads 64 KiB at a time; a chunk of half that is a sign of more. */
const LARGE_CHUNK_BYTES = 32 * 1024;
/** Unread answers beyond which no further request is begun. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** How long a client that ended its side, or a broker that stops, waits for requests under way (a JoinGroup may take minutes). */
const END_TIMEOUT_MS = 2000;
/** Kafka's `connections.max.idle.ms`. */
const IDLE_TIMEOUT_MS = 10 * 60_000;

/** What a connection needs from the server. */
export interface ConnectionOptions {
  readonly dispatch: Dispatch;
  readonly memory: ClientMemory;
  /** How long the rest of a request, or the reading of an answer, may make no progress. */
  readonly stallTimeout_ms: number;
  /** The connection was closed because of what the client did. */
  onRefused(client: string, reason: string): void;
  /** The broker itself failed at a request. */
  onFault(error: unknown): void;
  /** The connection is gone. */
  onClosed(): void;
}

/** A request under way; `chunks` is set when its answer can be sent. */
interface Running {
  readonly size_bytes: number;
  readonly isProduce: boolean;
  /** Bytes that its answer holds already, as counted in `memory.unsent_bytes`. */
  held_bytes: number;
  chunks: Dispatched | undefined;
}

export class Connection {
  readonly client: string;
  private readonly frames = new FrameSplitter();
  private readonly waiting: Uint8Array[] = [];
  private readonly running: Running[] = [];
  private readonly gone = new AbortController();
  /** Bytes of requests here, whole or in parts, as counted in `memory.request_bytes`. */
  private request_bytes = 0;
  private unsent_bytes = 0;
  private ending = false;
  private endTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly socket: Socket, private readonly options: ConnectionOptions) {
    this.client = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.on("data", (chunk: Uint8Array) => this.onData(chunk));
    // A client that only ended its side may still want its answers; one that is gone is noticed when writing to it.
    socket.on("end", () => this.end());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.onClose());
    socket.on("timeout", () => this.refuse("silent for too long"));
    socket.setTimeout(IDLE_TIMEOUT_MS);
  }

  /** Stops taking requests; answers those under way and closes. */
  end(): void {
    if (this.ending) return;
    this.ending = true;
    this.waiting.length = 0;
    // Long polls are cut short: they are answered without records.
    this.gone.abort();
    if (this.running.length === 0) this.socket.end();
    // Also when the last answers are on their way: a client that does not read them by then is not waited for.
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
   * Stops reading when enough requests are here, and after a large chunk until the event loop's next turn.
   *
   * The latter is for the others: Deno (2.9) reads a socket that always has more over and over within a turn, and a client
   * that sent 60 MB/s left others without a single read for 2.8 s. With one chunk a turn they wait for one commit, and
   * the flood itself is faster by half.
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

  /** Counts what an answer holds between its reading and its sending; from then on `countUnsent` does. */
  private hold(running: Running, bytes: number): void {
    if (this.socket.destroyed) return; // counted off when it closed
    this.options.memory.unsent_bytes += bytes - running.held_bytes;
    running.held_bytes = bytes;
  }

  private countUnsent(bytes: number): void {
    this.unsent_bytes += bytes;
    this.options.memory.unsent_bytes += bytes;
  }

  /** Sets how long the socket may be silent: short while something is half done, long while nothing is. */
  private watch(): void {
    const isIdle = this.running.length === 0;
    const isHalfDone = this.unsent_bytes > 0 || (isIdle && this.frames.buffered_bytes > 0);
    const { stallTimeout_ms } = this.options;
    this.socket.setTimeout(isHalfDone ? stallTimeout_ms : isIdle ? IDLE_TIMEOUT_MS : 0);
  }

  /** Begins waiting requests, as far as they may. */
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
        // A fault of the broker: this client loses its connection, the others lose nothing.
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
