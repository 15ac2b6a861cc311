/**
 * Proves at start that the workarounds for postgres.js in this folder still fit the driver that is installed: its version, and the
 * internals that they rely on. No network: the one connection that is made is a socket that fails.
 *
 *     no_reconnect.ts   the driver asks the `socket` option for each connection, and rejects what waits when the socket fails
 *     array_types.ts    `sql.options` holds the tables of types, and is what connections work with
 *     copy_in.ts        a failure calls `reject` of the query, as it is at that moment
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
 * The driver rejects within a few turns of the event loop; one that never rejects must not hold up the start. Turns and no time,
 * because a process that starts on a busy machine may stand still for seconds.
 */
const TURNS_MAX = 200;
/** At least so long is a turn: the socket fails in a timer of its own. */
const TURN_MS = 1;
/** bool, int4, timestamptz: element types that array_types.ts takes from the driver's own tables. */
const PARSED_OIDS = [16, 23, 1184];

/** What a query of the driver has beside its promise; `copy_in.ts` puts its own `reject` there. */
export interface Rejectable {
  reject(error: unknown): void;
}

/** What is proven; tests have drivers that fit less well. */
export interface ProvenDriver {
  open(url: string, options: Record<string, unknown>): postgres.Sql;
  readonly version: string;
}

/**
 * Tries what the workarounds rely on.
 * @throws PermanentError naming the workaround, what it expects and what was found
 */
export async function provePostgresjs(
  { open, version }: ProvenDriver,
): Promise<void> {
  expectThat("all of src/store/postgresjs", `postgres.js ${VERSION}`, version === VERSION, version);
  const asked: unknown[] = [];
  const sql = open("postgres://nobody@localhost/nothing", {
    max: 1,
    fetch_types: false,
    socket(options: unknown) {
      asked.push(options);
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
  // Where the driver keeps a `reject` of its own, it rejects this.
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
    asked.length === 1 && asked[0] === tables,
    `${asked.length} sockets`,
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

/** From the package's own package.json, which its exports hide. */
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

/** Proven once, while this module is loaded; an opened driver tells, so that the command can say it in its own way. */
const failure: unknown = await provePostgresjs({ open: postgres, version: installedVersion() })
  .then(() => null, (error: unknown) => error);

/** @throws PermanentError when the proof of this process failed */
export function assertProven(): void {
  if (failure !== null) throw failure;
}
