/** The source files as of their last ingestion, used to recognise unchanged files. */
import type { FileExtracted, FileIdentity } from "../runs/run_event.ts";
import type { Queryable, TransactionSql } from "./connection.ts";

/** The identity with which each of these files was last ingested, or later found unchanged. Others are absent. */
export async function readSourceFiles(
  sql: Queryable,
  paths: readonly string[],
): Promise<ReadonlyMap<string, FileIdentity>> {
  const rows = await sql<(FileIdentity & { readonly file: string })[]>`
    select file, size_bytes::float8, etag, last_modified as "lastModified", listed
    from ingestion_file where file = any(${[...paths]})`;
  return new Map(rows.map(({ file, ...identity }) => [file, identity]));
}

/** Replaces the recorded extraction of a file by a complete newer one. Its next offsets are after the file's last record. */
export async function recordExtraction(
  sql: TransactionSql,
  extraction: Omit<FileExtracted, "type">,
): Promise<void> {
  const { identity, rows } = extraction;
  const row = {
    file: extraction.file,
    size_bytes: identity.size_bytes,
    etag: identity.etag,
    last_modified: identity.lastModified,
    listed: identity.listed,
    generated_at: extraction.generatedAt,
    rows_read: rows.read,
    rows_published: rows.published,
    rows_unchanged: rows.unchanged,
    rows_rejected: rows.rejected,
    run_id: extraction.runId,
    extracted_at: extraction.at,
    next_offsets: sql.json({ ...extraction.nextOffsets }),
  };
  await sql`
    insert into ingestion_file ${sql(row)}
    on conflict (file) do update set
      size_bytes = excluded.size_bytes, etag = excluded.etag, last_modified = excluded.last_modified,
      listed = excluded.listed, generated_at = excluded.generated_at, rows_read = excluded.rows_read,
      rows_published = excluded.rows_published, rows_unchanged = excluded.rows_unchanged, rows_rejected = excluded.rows_rejected, run_id = excluded.run_id,
      extracted_at = excluded.extracted_at, next_offsets = excluded.next_offsets`;
}

/** Records the current identity of an ingested file that was found unchanged (its date in the listing may differ). */
export async function recordUnchanged(
  sql: TransactionSql,
  file: string,
  identity: FileIdentity,
): Promise<void> {
  await sql`
    update ingestion_file set
      size_bytes = ${identity.size_bytes}, etag = ${identity.etag}, last_modified = ${identity.lastModified},
      listed = ${identity.listed}
    where file = ${file}`;
}
