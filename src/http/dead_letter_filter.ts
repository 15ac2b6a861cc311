/** Selects the dead letters of a request: the fields of a filter, as parameters and as JSON, and the id in a path. */
import { z } from "@hono/zod-openapi";
import { DEAD_LETTER_STAGES } from "../dead_letters/dead_letter.ts";
import type { DeadLetterFilter } from "../dead_letters/dead_letter_table.ts";
import { instantParameter } from "./meteor_filter.ts";

const text = (most: number) =>
  z.string().min(1).max(most).refine((value) => !value.includes("\0"), "has a NUL character");

/** All are optional; an omitted field matches everything. */
export const FILTER_FIELDS = {
  stage: z.enum(DEAD_LETTER_STAGES).optional().openapi({
    description:
      "read: a line of a file; fetch: a record batch of the log; decode: a record's bytes; load: a record the database refused.",
  }),
  reason: text(200).optional().openapi({ description: "Text that the reason contains." }),
  run_id: text(100).optional(),
  source_file: text(500).optional(),
  from: instantParameter.optional().openapi({ description: "Set aside at this time or later." }),
  to: instantParameter.optional().openapi({ description: "Set aside before this time." }),
};

/** The filter for the data store. */
export function toFilter(
  { run_id: runId, source_file: sourceFile, from, to, ...rest }: z.infer<
    z.ZodObject<typeof FILTER_FIELDS>
  >,
): DeadLetterFilter {
  return {
    ...rest,
    runId,
    sourceFile,
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
  };
}

/** The id of a dead letter in a path. */
export const idParameter = z.object({
  id: z.string().openapi({ description: "In a path, `/` is written %2F and `#` %23." }),
});
