/**
 * Ports for programs that must be told theirs before they start.
 */
import { createServer } from "node:net";

/**
 * Listens on 127.0.0.1 and lets go again, which says at once whether a port can be had; 0 takes a free one.
 * @returns the port
 * @throws the system's error (EADDRINUSE, EACCES, …)
 */
export function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      const taken = address !== null && typeof address === "object" ? address.port : port;
      server.close(() => resolve(taken));
    });
  });
}

/** A port that nobody has at this moment: `wanted` if it is free, or another. 0 wants any. */
export async function freePort(wanted = 0): Promise<number> {
  return await listenOnce(wanted).catch(() => listenOnce(0));
}
