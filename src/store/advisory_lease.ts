/**
 * A lease that at most one process has: an advisory lock of PostgreSQL, held by a dedicated connection.
 *
 * The lock lives as long as the connection. So a killed process releases it by dying, and a process that loses the database
 * loses the lease and notices (`lost`).
 */
import type { Observe } from "../observe/observe.ts";
import { withDatabaseErrors } from "./database_errors.ts";
import { LEASE_SPACE, type LeaseName, LEASES } from "./leases.ts";
import { openDriver } from "./postgresjs/driver.ts";

export interface AdvisoryLease {
  /** Aborts when the connection, and with it the lock, is lost. */
  readonly lost: AbortSignal;
  /** Releases the lease. */
  release(): Promise<void>;
}

/** Seconds that the connection may take to close. */
const CLOSE_SECONDS = 2;

/**
 * The lease, or null when another process has it.
 * @throws TransientError when the database can't be reached
 */
export async function takeLease(
  options: { readonly url: string; readonly lease: LeaseName; readonly observe: Observe },
): Promise<AdvisoryLease | null> {
  const lost = new AbortController();
  const { sql } = openDriver({
    url: options.url,
    max: 1,
    applicationName: `gmn lease: ${options.lease}`,
    observe: options.observe,
    onClose: () =>
      lost.abort(new Error(`the lease ${options.lease} is lost: its connection has ended`)),
  });
  try {
    const [row] = await withDatabaseErrors(async () =>
      await sql<{ taken: boolean }[]>`
        select pg_try_advisory_lock(${LEASE_SPACE}, ${LEASES[options.lease]}) as taken`
    );
    if (row?.taken === true) {
      return {
        lost: lost.signal,
        release: () => sql.end({ timeout: CLOSE_SECONDS }),
      };
    }
    await sql.end({ timeout: CLOSE_SECONDS });
    return null;
  } catch (error) {
    await sql.end({ timeout: 0 });
    throw error;
  }
}
