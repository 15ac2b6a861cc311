/** Dead letters: lines and records that were given up, with everything needed to understand them; the schemas are their JSON. */
import { z } from "@hono/zod-openapi";
import type { StoredDeadLetter } from "../dead_letters/dead_letter.ts";
import { listDeadLetters, readDeadLetter } from "../store/dead_letters.ts";
import type { Reader } from "../store/reader.ts";
import { FILTER_FIELDS, idParameter, toFilter } from "./dead_letter_filter.ts";
import { markedCell } from "./marked_cell.ts";
import { instantParameter } from "./meteor_filter.ts";
import { type Api, readingRoute } from "./openapi.ts";
import { pageOf, placeParameter, readPlace } from "./place.ts";
import { Problem } from "./problem.ts";

const PAGE_DEAD_LETTERS = 50;
const PAGE_DEAD_LETTERS_MAX = 500;
const LIMIT_MS = 10_000;
/** Lists show the beginning of a line; the page of a single dead letter shows all of it. */
const LISTED_TEXT_MAX = 400;

const query = z.strictObject({
  ...FILTER_FIELDS,
  replayed: z.enum(["true", "false"]).optional().openapi({
    description: "true: those that were replayed successfully; false: those that still wait.",
  }),
  limit: z.coerce.number().int().min(1).max(PAGE_DEAD_LETTERS_MAX).default(PAGE_DEAD_LETTERS),
  after: placeParameter,
});

const listed = {
  id: z.string(),
  at: z.string().openapi({ description: "When it was last set aside." }),
  stage: z.string(),
  reason: z.string(),
  field: z.string().nullable().openapi({
    description: "The field that was wrong, if it was a field.",
  }),
  run_id: z.string().nullable(),
  source_file: z.string().nullable(),
  source_line: z.int().nullable(),
  source_generated_at: z.string().nullable(),
  text: z.string().nullable().openapi({
    description: `read: the line; in lists its first ${LISTED_TEXT_MAX} characters.`,
  }),
  topic: z.string().nullable(),
  topic_partition: z.int().nullable(),
  topic_offset: z.string().nullable().openapi({ description: "As text: offsets have 64 bits." }),
  schema_id: z.int().nullable(),
  replayed_at: z.string().nullable(),
};
const deadLetterSchema = z.object(listed).openapi("DeadLetter");
const deadLetterDetailSchema = z.object({
  ...listed,
  columns: z.array(z.string().nullable()).nullable().openapi({
    description: "read: the fields of the line's columns, by the header of its file.",
  }),
  marked: z.object({ start: z.int(), end: z.int() }).nullable().openapi({
    description: "Where the wrong field is in `text`, in characters.",
  }),
  key_base64: z.string().nullable(),
  value_base64: z.string().nullable(),
}).openapi("DeadLetterDetail");
type DeadLetterJson = z.infer<typeof deadLetterSchema>;

const tags = ["dead letters"];
const listRoute = readingRoute(
  "/dead-letters",
  { summary: "Dead letters, newest first", tags },
  { query },
  z.object({ dead_letters: z.array(deadLetterSchema), next: z.string().nullable() })
    .openapi("DeadLetters"),
  "bad-request",
);
const oneRoute = readingRoute(
  "/dead-letters/{id}",
  { summary: "One dead letter, with all its fields", tags },
  { params: idParameter },
  deadLetterDetailSchema,
  "not-found",
);

const placeSchema = z.object({
  at: instantParameter,
  id: z.string().max(2000).refine((id) => !id.includes("\0")),
});

/** Adds `GET /dead-letters`, `GET /dead-letters/ID`. */
export function addDeadLetterRoutes(app: Api, reader: () => Reader): void {
  app.openapi(listRoute, async (context) => {
    const { limit, after, replayed, ...wanted } = context.req.valid("query");
    const place = readPlace(after, placeSchema);
    const filter = {
      ...toFilter(wanted),
      isReplayed: replayed === undefined ? undefined : replayed === "true",
    };
    const page = {
      limit: limit + 1,
      order: "newest first",
      after: place === null ? null : { at: Date.parse(place.at) * 1000, id: place.id },
    } as const;
    const found = await reader().ask(LIMIT_MS, (sql) => listDeadLetters(sql, filter, page));
    const { shown, next } = pageOf(
      context,
      found,
      limit,
      ({ at, id }) => ({ at: isoTime(at), id }),
    );
    return context.json({
      dead_letters: shown.map((deadLetter) => ({
        ...toJson(deadLetter),
        text: deadLetter.text?.slice(0, LISTED_TEXT_MAX) ?? null,
      })),
      next,
    }, 200);
  });

  app.openapi(oneRoute, async (context) => {
    const { id } = context.req.valid("param");
    const deadLetter = id.includes("\0")
      ? null
      : await reader().ask(LIMIT_MS, (sql) => readDeadLetter(sql, id));
    if (deadLetter === null) throw new Problem("not-found", `there is no dead letter ${id}`);
    return context.json({
      ...toJson(deadLetter),
      columns: deadLetter.columns === null ? null : [...deadLetter.columns],
      marked: markedCell(deadLetter),
      key_base64: deadLetter.key?.toString("base64") ?? null,
      value_base64: deadLetter.value?.toString("base64") ?? null,
    }, 200);
  });
}

function toJson(deadLetter: StoredDeadLetter): DeadLetterJson {
  const { key: _key, value: _value, columns: _columns, partition, offset, ...rest } = deadLetter;
  const { source_generated_at, replayed_at } = rest;
  return {
    ...rest,
    at: isoTime(rest.at),
    source_generated_at: source_generated_at === null ? null : isoTime(source_generated_at),
    topic_partition: partition,
    topic_offset: offset?.toString() ?? null,
    replayed_at: replayed_at?.toISOString() ?? null,
  };
}

function isoTime(micros: number): string {
  return new Date(micros / 1000).toISOString();
}
