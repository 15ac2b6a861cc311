/**
 * A driver for the tests: postgres.js, with its errors translated into the package's.
 */
import postgres from "postgres";
import { explain, PermanentError, TransientError } from "@gmn/failures";
import type { Connect } from "../mod.ts";

/** SQLSTATE classes and the codes of postgres.js and of sockets that mean "not now". */
const NOT_NOW = /^(08|53|57P|58)|^CONNECT|^ECONN|^EPIPE$/;

/** Converts the error of a statement into a failure. */
function failureOf(error: unknown): Error {
  const { code = "" } = error as { code?: string };
  const Failure = NOT_NOW.test(code) ? TransientError : PermanentError;
  return new Failure(explain(error), { cause: error });
}

export const connect: Connect = (url, onClose) => {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {}, onclose: onClose });
  return {
    sql: (text, ...values) =>
      sql(text, ...values).catch((error) => {
        throw failureOf(error);
      }),
    close: () => sql.end({ timeout: 5 }),
  };
};

/** Runs one query on its own connection. */
export async function ask<Row extends object>(
  { url }: { readonly url: string },
  text: string,
): Promise<Row[]> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    return [...await sql.unsafe<Row[]>(text)];
  } catch (error) {
    throw failureOf(error);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
