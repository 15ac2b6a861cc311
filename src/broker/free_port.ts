/**
 * Ports for programs that must be told theirs before they start.
 */
import { createServer } from "node:net";
import { PermanentError } from "../failures/failures.ts";

/** A port that nobody has at this moment: `wanted` if it is free, or another. 0 wants any. */
export async function freePort(wanted = 0): Promise<number> {
  return await tryPort(wanted) ?? await tryPort(0) ?? 0;
}

/**
 * The port of a setting: `wanted`, which must be free, or a free one for 0.
 * @throws PermanentError naming the port and its setting when it is in use
 */
export async function settledPort(wanted: number, what: string, setting: string): Promise<number> {
  const port = await tryPort(wanted);
  if (port !== null) return port;
  throw new PermanentError(`port ${wanted} on 127.0.0.1, for ${what}, is in use`, {
    hint: `Stop what uses the port, or set ${setting} to another (0 takes a free one).`,
  });
}

/** Binds and lets go; null when the port can't be had. */
function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        resolve(address !== null && typeof address === "object" ? address.port : null)
      );
    });
  });
}
