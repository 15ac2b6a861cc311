/**
 * A proxy that stops forwarding the client's data in the middle of the stream, as if the client's process had frozen.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface HoldingProxy extends AsyncDisposable {
  readonly port: number;
  /** Resolves when it has stopped. */
  readonly held: Promise<void>;
  /** Forwards what was held back, and everything after it. */
  release(): void;
}

/** Listens on a free port of 127.0.0.1; stops once a client has sent more than `bytes`. */
export async function holdAfter(bytes: number, to: number): Promise<HoldingProxy> {
  const sockets = new Set<Socket>();
  const releases: (() => void)[] = [];
  let onHeld = () => {};
  let isReleased = false;
  const held = new Promise<void>((resolve) => onHeld = resolve);
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket)).on("error", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    let passed = 0;
    upstream.pipe(client);
    client.on("data", (chunk: Uint8Array) => {
      passed += chunk.length;
      if (passed > bytes && !isReleased) {
        // The last chunk is forwarded only in part, so the server waits for the rest of a message.
        upstream.write(chunk.subarray(0, chunk.length >> 1));
        client.pause();
        releases.push(() => {
          upstream.write(chunk.subarray(chunk.length >> 1));
          client.resume();
        });
        onHeld();
      } else upstream.write(chunk);
    });
    client.on("close", () => upstream.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    held,
    release() {
      isReleased = true;
      for (const release of releases.splice(0)) release();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
