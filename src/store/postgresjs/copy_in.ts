/**
 * `COPY … FROM STDIN` through postgres.js, with an end in every case.
 *
 * Upstream, in 3.4.9 (porsager/postgres issue 1173): src/connection.js (`CopyInResponse`) resolves the query with a stream to write to
 * and forgets about the statement. When the server refuses the data after the stream was ended (the usual case, since a batch is in
 * the socket before the server has read it), or the connection breaks then, the stream never finishes and nothing is rejected.
 * What the driver does do (`queryError`) is call `reject` of the query that it has already resolved, to no effect; that call is
 * listened to here. The loader's time-out stands behind it.
 */
import type { Writable } from "node:stream";
import type { Sql } from "./driver.ts";
import type { Rejectable } from "./proof.ts";

/**
 * Sends `chunks` as the data of `statement`; resolves when the server has taken all of it. A chunk may be reused once the
 * next one is asked for. Must be the only use of the connection meanwhile.
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
  // It may come when nobody waits for it.
  refused.catch(() => {});
  // The driver destroys the stream with the error that `refused` gets as well.
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
