/** A TCP proxy whose connections can be cut, delayed, or left without an answer. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** How long each piece of data is held back while connections are delayed. */
const DELAY_MS = 150;

/** Data goes on in pieces of this size, so that a slow line delivers a file bit by bit. */
const PIECE_BYTES = 8_192;

export type Trouble = "none" | "delay" | "silence";

export class FaultyProxy {
  readonly #sockets = new Set<Socket>();
  readonly #held: (() => void)[] = [];
  readonly #server;
  #trouble: Trouble = "none";
  readonly #target: () => number;
  /** How long each piece takes without any trouble. */
  piece_ms = 0;

  private constructor(target: () => number) {
    this.#target = target;
    this.#server = createServer((client) => this.#forward(client));
  }

  /** Listens on a free port of 127.0.0.1. `target` gives the port to connect to. */
  static async start(target: () => number): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on; what was held back by `silence` is forwarded when it ends. */
  set trouble(trouble: Trouble) {
    this.#trouble = trouble;
    if (trouble === "silence") return;
    for (const release of this.#held.splice(0)) release();
  }

  /** Ends all connections with a reset. New ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(client: Socket): void {
    const upstream = connect(this.#target(), "127.0.0.1");
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        end();
      }).on("error", end);
    }
    this.#pass(client, upstream);
    this.#pass(upstream, client);
  }

  /** In order, whatever the trouble was meanwhile: each piece waits for the one before. */
  #pass(from: Socket, to: Socket): void {
    let before: Promise<void> = Promise.resolve();
    from.on("data", (chunk: Uint8Array) => {
      from.pause();
      before = before.then(() => this.#write(chunk, to)).then(() => void from.resume());
    });
  }

  async #write(chunk: Uint8Array, to: Socket): Promise<void> {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      await this.#turn();
      if (this.piece_ms > 0) await new Promise((resolve) => setTimeout(resolve, this.piece_ms));
      if (to.destroyed) return;
      to.write(chunk.subarray(at, at + PIECE_BYTES));
    }
  }

  async #turn(): Promise<void> {
    if (this.#trouble === "silence") {
      await new Promise<void>((resolve) => this.#held.push(resolve));
    }
    if (this.#trouble === "delay") await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
  }
}
