/**
 * What a database failure means for the caller: wait, give up, or look for the bad record.
 *
 * Errors are classified by SQLSTATE class (PostgreSQL documentation, appendix A), and by the codes of postgres.js and of the
 * operating system for a connection that could not be made or was lost.
 */
import { explain, PermanentError, TransientError } from "@gmn/failures";

/** The database refuses a statement, whatever its values: a fault of ours, or of how the database is set up. */
export class StatementRefusedError extends PermanentError {}

/** The database can't store these values, whoever sends them. One record is to blame, and a smaller batch finds it. */
export class DataRefusedError extends PermanentError {
  override readonly name = "DataRefusedError";
  /** The record's offset, where it is already known. */
  readonly offset: bigint | null;
  /** The field of the schema, where it is known. */
  readonly field: string | null;
  constructor(
    message: string,
    options: { cause?: unknown; hint?: string; offset?: bigint; field?: string } = {},
  ) {
    super(message, options);
    this.offset = options.offset ?? null;
    this.field = options.field ?? null;
  }
}

/** The fields of a PostgreSQL error that postgres.js sets. */
interface ServerError extends Error {
  readonly code: string;
  readonly detail?: string;
  readonly column_name?: string;
}

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Codes of postgres.js and of Node's sockets that mean "no connection". */
const CONNECTION_CODES = new Set([
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ERR_SOCKET_CLOSED",
  "ERR_STREAM_DESTROYED",
  "ETIMEDOUT",
]);

/** Single states where waiting may help. Whole classes are in `TRANSIENT_CLASSES`. */
const TRANSIENT_STATES = new Set([
  "25006", // read_only_sql_transaction: a standby that is about to be promoted
  "25P03", // idle_in_transaction_session_timeout
  "40001", // serialization_failure
  "40P01", // deadlock_detected
  "55006", // object_in_use
  "55P03", // lock_not_available
  "57014", // query_canceled: statement_timeout, or a person
]);

/** 08 connection exception, 53 insufficient resources, 57P operator intervention, 58 system error. */
const TRANSIENT_CLASSES = ["08", "53", "57P", "58"];

/** 22 data exception, 23 integrity constraint violation, 54 program limit exceeded (an index row too large). */
const DATA_CLASSES = ["22", "23", "54"];

const HINTS: Readonly<Record<string, string>> = {
  "28": "check user and password in DATABASE_URL",
  "3D": "create the database that DATABASE_URL names",
  "42":
    "this database was not migrated by this version of the service: start it once with this DATABASE_URL",
  "53": "the server is out of connections, memory or disk: look at its log",
};

/**
 * Any error thrown by the database or its driver, as one of the two kinds of failure. Our own failures stay as they are.
 * @returns `DataRefusedError` when the values are to blame, `StatementRefusedError` when waiting does not help
 */
export function classifyDatabaseError(error: unknown): TransientError | PermanentError {
  if (error instanceof TransientError || error instanceof PermanentError) return error;
  const code = codeOf(error);
  if (code === null) {
    return new StatementRefusedError(`database: ${explain(error)}`, { cause: error });
  }
  if (CONNECTION_CODES.has(code)) {
    return new TransientError(`the database can't be reached (${code}): ${explain(error)}`, {
      cause: error,
      hint: "check that PostgreSQL runs at the address in DATABASE_URL",
    });
  }
  const { detail, column_name: column } = error as ServerError;
  const message = `PostgreSQL says ${code}: ${explain(error)}${
    detail === undefined ? "" : ` (${detail})`
  }`;
  const hint = HINTS[code.slice(0, 2)];
  const options = { cause: error, hint };
  if (TRANSIENT_STATES.has(code) || TRANSIENT_CLASSES.some((prefix) => code.startsWith(prefix))) {
    return new TransientError(message, options);
  }
  if (DATA_CLASSES.some((prefix) => code.startsWith(prefix))) {
    return new DataRefusedError(
      message,
      column === undefined ? options : { ...options, field: column },
    );
  }
  return new StatementRefusedError(message, options);
}

/** Our own failure for an error of the database or its driver. An error of other code is returned unchanged. */
export function asFailure(error: unknown): unknown {
  return codeOf(error) === null ? error : classifyDatabaseError(error);
}

/**
 * Makes a query of the driver reject with our own failures. A value that is not a query (such as a list of columns) stays as it is.
 * The query itself is modified, because the driver recognises only its own query objects, which may be parts of each other; the
 * driver never calls `reject` of a part. A cursor that is read in a loop sets its own `reject` there, and so rejects with the
 * driver's errors. Cursors are not used (row_stream.ts).
 */
export function rejectWithFailures<Result>(query: Result): Result {
  if (query instanceof Promise) {
    const settling = query as unknown as { reject(error: unknown): void };
    const { reject } = settling;
    settling.reject = (error) => reject(classifyDatabaseError(error));
  }
  return query;
}

/** The SQLSTATE, or the driver's code, of a database error, also when it was already turned into a failure of ours. */
export function databaseCodeOf(error: unknown): string | null {
  const isOurs = error instanceof TransientError || error instanceof PermanentError;
  return codeOf(isOurs ? error.cause : error);
}

function codeOf(error: unknown): string | null {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") {
    return null;
  }
  return CONNECTION_CODES.has(error.code) || SQLSTATE.test(error.code) ? error.code : null;
}

/**
 * The result of a database query, with its errors classified by `classifyDatabaseError`. This is the boundary between the store and
 * the callers that wait, give up or look for a bad record.
 * @throws TransientError | PermanentError | DataRefusedError
 */
export async function withDatabaseErrors<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    throw classifyDatabaseError(error);
  }
}
