/**
 * Proves at start that the workarounds for postgres.js in this folder fit the installed driver: its version, and the internals
 * that they rely on. It needs no network: the only connection it makes is a socket that fails.
 *
 *     no_reconnect.ts   the driver calls the `socket` option for each connection, and rejects waiting queries when the socket fails
 *     array_types.ts    `sql.options` has the tables of types, and connections use these tables
 *     copy_in.ts        a failure calls the `reject` that the query has at that moment
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { PermanentError, wait } from "@gmn/failures";
import type { DriverTables } from "./array_types.ts";
import { failingSocket } from "./no_reconnect.ts";

/** The version that the workarounds were written for. */
const VERSION = "3.4.9";
/**
 * The driver rejects within a few turns of the event loop, and one that never rejects must not block the start. The limit is in
 * turns, not in time, because a process that starts on a busy machine may stall for seconds.
 */
const TURNS_MAX = 200;
/** Minimum duration of a turn: the socket fails in its own timer. */
const TURN_MS = 1;
/** bool, int4, timestamptz: element types that array_types.ts takes from the driver's own tables. */
const PARSED_OIDS = [16, 23, 1184];

/** The part of a driver query that is not a promise; `copy_in.ts` sets its own `reject` there. */
export interface Rejectable {
  reject(error: unknown): void;
}

/** The driver to prove. Tests pass drivers that do not fit. */
export interface ProvenDriver {
  open(url: string, options: Record<string, unknown>): postgres.Sql;
  readonly version: string;
}

/**
 * Tests what the workarounds rely on.
 * @throws PermanentError naming the workaround, what it expects and what was found
 */
export async function provePostgresjs(
  { open, version }: ProvenDriver,
): Promise<void> {
  expectThat("all of src/store/postgresjs", `postgres.js ${VERSION}`, version === VERSION, version);
  const sockets: unknown[] = [];
  const sql = open("postgres://nobody@localhost/nothing", {
    max: 1,
    fetch_types: false,
    socket(options: unknown) {
      sockets.push(options);
      return failingSocket(new Error("made to fail"));
    },
  });
  const tables = sql.options as unknown as Partial<DriverTables> | undefined;
  expectThat(
    "array_types.ts",
    "parsers, serializers and shared.typeArrayMap in sql.options",
    PARSED_OIDS.every((oid) => typeof tables?.parsers?.[oid] === "function") &&
      typeof tables?.serializers === "object" && typeof tables.shared?.typeArrayMap === "object",
    `sql.options with ${Object.keys(tables ?? {}).join(", ")}`,
  );
  const query = sql.unsafe("select 1");
  let isRejected = false;
  (query as unknown as Rejectable).reject = () => isRejected = true;
  // A driver that keeps its own reference to `reject` rejects this promise.
  query.execute().catch(() => {});
  for (let turn = 0; turn < TURNS_MAX && !isRejected; turn++) await wait(TURN_MS);
  expectThat(
    "copy_in.ts",
    "query.reject to be called when a connection fails",
    isRejected,
    "no call",
  );
  expectThat(
    "no_reconnect.ts",
    "one socket, asked for with sql.options",
    sockets.length === 1 && sockets[0] === tables,
    `${sockets.length} sockets`,
  );
  await sql.end({ timeout: 0 });
}

function expectThat(workaround: string, expected: string, holds: boolean, found: string): void {
  if (!holds) throw mismatch(workaround, expected, found);
}

function mismatch(workaround: string, expected: string, found: string): PermanentError {
  return new PermanentError(
    `postgres.js is not what ${workaround} was written for: expected ${expected}, found ${found}`,
    {
      hint:
        `Install the packages of deno.lock (deno task install). To change the version of postgres, go through src/store/postgresjs/.`,
    },
  );
}

/** The version in the package's own package.json, which the package does not export. */
function installedVersion(): string {
  let folder = dirname(createRequire(import.meta.url).resolve("postgres"));
  for (;; folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
        name?: string;
        version?: string;
      };
      if (name === "postgres") return version ?? "none";
    } catch {
      // Not in this folder.
    }
    if (folder === dirname(folder)) return "none";
  }
}

/** Proven once, while this module loads. Opening a driver reports the failure, so that the command can word it. */
const failure: unknown = await provePostgresjs({ open: postgres, version: installedVersion() })
  .then(() => null, (error: unknown) => error);

/** @throws PermanentError when the proof of this process failed */
export function assertProven(): void {
  if (failure !== null) throw failure;
}
