/** Answers of the API that only concern requests for runs; the schemas of a run itself are in `src/runs/run_schemas.ts`. */
import { z } from "@hono/zod-openapi";
import { selectionSchema } from "../runs/run_schemas.ts";

/** The answer to a request for a run. */
export const acceptedSchema = z.object({
  run_id: z.string(),
  kind: z.string(),
  selection: selectionSchema,
  is_new: z.boolean().openapi({
    description:
      "False when an earlier request had this Idempotency-Key: this is the run it started.",
  }),
}).openapi("AcceptedRun");

/** A file that a run would take. */
const previewedFileSchema = z.object({
  file: z.string().openapi({ description: "Path, relative to the data directory." }),
  listed: z.string().nullable().openapi({
    description: "Date and size as the source's listing shows them; null when it shows none.",
  }),
  modified: z.string().nullable(),
  size_bytes: z.int().nullable().openapi({ description: "Approximate where the listing rounds." }),
  skip: z.string().nullable().openapi({
    description: "Why the file would not be read, as far as the listing shows; else null.",
  }),
});
export type PreviewedFile = z.infer<typeof previewedFileSchema>;

/** The files that a backfill would take. */
export const previewSchema = z.object({
  dry_run: z.literal(true),
  selection: selectionSchema,
  files: z.array(previewedFileSchema),
  nothing: z.string().nullable().openapi({
    description: "Why no file would be read; else null.",
  }),
}).openapi("Preview");
