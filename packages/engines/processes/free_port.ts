/**
 * Chooses ports for programs that must know their port before they start.
 */
import { createServer } from "node:net";
import { explain, PermanentError } from "@gmn/failures";

/** A port that is free at this moment: `wanted` if it is free, otherwise another one. 0 means any. */
export function freePort(wanted = 0): Promise<number> {
  return bindOnce(wanted).catch(() => bindOnce(0));
}

/**
 * The port for a setting: `wanted`, which must be free, or any free port for 0.
 * @throws PermanentError naming the port and its setting when it is in use or not allowed
 */
export async function settledPort(wanted: number, what: string, setting: string): Promise<number> {
  try {
    return await bindOnce(wanted);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") {
      throw portInUse(wanted, what, setting, error);
    }
    throw new PermanentError(`port ${wanted} can't be used for ${what}: ${explain(error)}`, {
      cause: error,
      hint: `Set ${setting} to a port between 1024 and 65535 (0 takes a free one).`,
    });
  }
}

/** The error of a start whose port another program uses. */
export function portInUse(port: number, what: string, setting: string, cause?: unknown) {
  return new PermanentError(`port ${port} on 127.0.0.1, for ${what}, is in use`, {
    cause,
    hint: `Stop what uses the port, or set ${setting} to another (0 takes a free one).`,
  });
}

/** Binds the port and releases it again. @returns its number */
function bindOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      const bound = address !== null && typeof address === "object" ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
