/**
 * The owner of a server is the process whose session holds an advisory lock in it. The kernel closes the connections of a killed
 * process, so the lock is always current, unlike a pid file.
 *
 * The package has no driver of its own: the caller that starts a server passes one (`Connect`).
 */
import { explain, PermanentError, retry } from "@gmn/failures";
import type { Place } from "./place.ts";
import { runningPostmaster } from "./postmaster.ts";

/** One connection to the server. */
export interface Session {
  /**
   * Sends one statement with its parameters and returns the rows.
   * @throws TransientError while the server can't be reached or accepts no connections
   */
  sql(text: TemplateStringsArray, ...values: number[]): PromiseLike<ArrayLike<unknown>>;
  close(): Promise<void>;
}

/** Opens a session, which connects at its first statement; `onClose` is called when the connection has ended for any reason. */
export type Connect = (url: string, onClose: () => void) => Session;

/** Key of the owner's advisory lock, in the database `postgres`: "gmn" and "own" in hexadecimal. */
const OWNER_LOCK = [0x676d6e, 0x6f776e] as const;
/** A server that is starting, stopping or recovering refuses connections for a while (SQLSTATE 57P03). */
const OWNER_BACKOFF = { base_ms: 100, cap_ms: 1_000, attempts: 60 };

/** The server ended before it could be owned: it was shutting down when it was found. */
export class ServerGone extends Error {
  override readonly name = "ServerGone";
}

export interface Owning {
  readonly connect: Connect;
  /** The session ended without `close`. */
  readonly onLost: () => void;
  /** Aborting ends the wait for a server that accepts no connections yet. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Opens a session that holds the owner's lock for as long as this process lives.
 * @throws ServerGone when the server ends in the meantime
 * @throws PermanentError when another process owns it
 */
export async function own(
  place: Place,
  url: string,
  { connect, onLost, signal }: Owning,
): Promise<Session> {
  let owned = false;
  const session = connect(url, () => owned && onLost());
  const [a, b] = OWNER_LOCK;
  try {
    const lock = async () => {
      try {
        return await session.sql`select pg_try_advisory_lock(${a}, ${b}) as mine`;
      } catch (error) {
        // More tries are useless: nobody starts another server until this call fails.
        if (await runningPostmaster(place) === null) throw new ServerGone(explain(error));
        throw error;
      }
    };
    const rows = await retry(lock, { backoff: OWNER_BACKOFF, signal });
    owned = (rows[0] as { mine?: unknown } | undefined)?.mine === true;
  } catch (error) {
    await session.close();
    throw error;
  }
  if (owned) {
    return {
      sql: session.sql,
      close() {
        owned = false;
        return session.close();
      },
    };
  }
  await session.close();
  throw new PermanentError(`the PostgreSQL in ${place.directory} is in use by another process`, {
    hint: "stop that process, or set DATA_DIR to another directory, " +
      "or set DATABASE_URL to share one PostgreSQL",
  });
}
