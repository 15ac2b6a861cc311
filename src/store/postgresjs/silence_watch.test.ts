import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { watchSilence } from "./silence_watch.ts";

const TIMES = { silence: 60, connect: 30 };

/** A server that accepts connections and never answers. */
async function silentServer() {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket.on("error", () => {}).resume());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    connections: () => connections,
    /** Accepts nothing from now on; the connections stay. */
    hide: () => void server.close(),
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

test("a connection that waits for an answer ends when the server can't be reached any more, an idle one stays", async () => {
  using server = await silentServer();
  const [waiting, idle] = [connect(server.address), connect(server.address)];
  await Promise.all([waiting, idle].map(async (socket) => {
    socket.on("error", () => {}).on("data", () => {});
    await new Promise((resolve) => socket.once("connect", resolve));
    watchSilence(socket, server.address, TIMES);
  }));
  waiting.write("a query that takes long");
  // Two of them, and some that see that the server is there.
  await expect.poll(server.connections).toBeGreaterThan(4);
  expect(waiting.destroyed).toBe(false);
  const failed = new Promise<Error>((resolve) => waiting.once("error", resolve));
  server.hide();
  expect((await failed).message).toMatch(/does not answer any more/);
  expect(idle.destroyed).toBe(false);
  idle.destroy();
});
