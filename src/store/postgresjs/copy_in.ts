/**
 * `COPY … FROM STDIN` through postgres.js, which always settles.
 *
 * Upstream, in 3.4.9 (porsager/postgres issue 1173): src/connection.js (`CopyInResponse`) resolves the query with a stream to write
 * to, and then drops the statement. The server may refuse the data after the stream was ended (the usual case, since a batch is in
 * the socket before the server has read it), or the connection may break then. The stream then never finishes and nothing is
 * rejected. The driver only (`queryError`) calls `reject` of the query that it has already resolved, to no effect. This module
 * listens for that call. The loader's time-out is the second safeguard.
 */
import type { Writable } from "node:stream";
import type { Sql } from "./driver.ts";
import type { Rejectable } from "./proof.ts";

/**
 * Sends `chunks` as the data of `statement`, and resolves when the server has taken all of it. A chunk may be reused once the next
 * one is requested. Nothing else may use the connection in the meantime.
 * @throws the server's error (with its SQLSTATE as `code`), or the driver's when the connection is lost
 */
export async function copyIn(
  sql: Sql,
  statement: string,
  chunks: Iterable<Uint8Array>,
): Promise<void> {
  const query = sql.unsafe(statement);
  // Resolves when the server is ready for data; rejects when it refuses the statement itself.
  const stream: Writable = await query.writable();
  const refused = new Promise<never>((_resolve, reject) => {
    (query as unknown as Rejectable).reject = reject;
  });
  // The rejection may come when nobody awaits it.
  refused.catch(() => {});
  // The driver destroys the stream with the same error that `refused` gets.
  stream.on("error", () => {});
  for (const chunk of chunks) await Promise.race([refused, written(stream, chunk)]);
  await Promise.race([refused, ended(stream)]);
}

function written(stream: Writable, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    stream.write(chunk, (error) => error ? reject(error) : resolve())
  );
}

function ended(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.end(resolve));
}
