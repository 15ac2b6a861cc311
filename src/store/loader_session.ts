/**
 * The single connection of a loader: prepared for loading, with a time limit per batch, and never silently replaced by a new one
 * (`postgresjs/no_reconnect.ts`).
 */
import type { Socket } from "node:net";
import { TransientError, withTimeout } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { copyIn } from "./postgresjs/copy_in.ts";
import { type Driver, openDriver } from "./postgresjs/driver.ts";
import { SESSION_SETTINGS } from "./merge.ts";
import { CREATE_STAGE } from "./stage.ts";

/** What the loader does in a session. */
export interface SessionSql {
  /** A statement; objects among `parameters` are for JSON parameters. */
  run<Row extends object>(text: string, parameters?: readonly unknown[]): Promise<Row[]>;
  copy(statement: string, chunks: Iterable<Uint8Array>): Promise<void>;
}

export interface LoaderSession {
  /**
   * Runs `work` for at most `ms` milliseconds, then cuts the connection.
   * @throws TransientError when the time is up or the connection is lost
   */
  within<T>(ms: number, work: (sql: SessionSql) => Promise<T>): Promise<T>;
  /** Cuts the connection; the server rolls back. */
  close(): Promise<void>;
}

const LOST = "the connection to the database was lost";

function assertConnected(driver: Driver): void {
  if (driver.isLost()) throw new TransientError(LOST);
}

/** Connects. `settings` are set for the session, in addition to those of the merge. */
export async function openLoaderSession(
  { url, searchPath, observe }: {
    readonly url: string;
    readonly searchPath?: string | undefined;
    readonly observe: Observe;
  },
  settings: Readonly<Record<string, string>>,
): Promise<LoaderSession> {
  let socket: Socket | null = null;
  let onLost: (error: Error) => void = () => {};
  const driver = openDriver({
    url,
    max: 1,
    applicationName: "gmn-data-store loader",
    searchPath,
    observe,
    onSocket: (opened) => socket = opened,
    onClose: () => onLost(new TransientError(LOST)),
  });
  async function close(): Promise<void> {
    // `end` alone waits for running statements.
    socket?.destroy();
    await driver.sql.end({ timeout: 0 });
  }
  try {
    for (const [name, value] of Object.entries({ ...SESSION_SETTINGS, ...settings })) {
      await driver.sql`select set_config(${name}, ${value}, false)`;
    }
    await driver.sql.unsafe(CREATE_STAGE);
  } catch (error) {
    await close();
    throw error;
  }
  const session: SessionSql = {
    async run<Row extends object>(text: string, parameters: readonly unknown[] = []) {
      assertConnected(driver);
      // Prepared once per connection: planning the merge takes longer than running it for a small batch.
      return await driver.sql.unsafe<Row[]>(text, parameters as never[], { prepare: true });
    },
    async copy(statement, chunks) {
      assertConnected(driver);
      await copyIn(driver.sql, statement, chunks);
    },
  };
  return {
    close,
    async within(ms, work) {
      assertConnected(driver);
      const lost = Promise.withResolvers<never>();
      onLost = lost.reject;
      const onLate = () => {
        socket?.destroy();
        return new TransientError(`the database took longer than ${ms} ms for a batch`);
      };
      try {
        return await withTimeout(Promise.race([work(session), lost.promise]), ms, onLate);
      } finally {
        onLost = () => {};
      }
    },
  };
}
