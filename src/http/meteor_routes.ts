/**
 * Meteors: lists and exports, and a single meteor with all its details.
 *
 * JSON comes in pages. NDJSON and CSV are streamed completely, unless the request has a `limit`: then they are pages too.
 */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { storedDoc } from "../store/meteor_columns.ts";
import {
  type MeteorPlace,
  type MeteorQuestion,
  type MeteorRow,
  readMeteor,
  readMeteorPage,
  streamMeteors,
} from "../store/meteor_rows.ts";
import type { Reader } from "../store/reader.ts";
import { TRAJECTORY_FIELDS } from "../trajectory/schema.ts";
import { unitOf } from "./field_units.ts";
import { CSV_DESCRIPTION, CSV_HEADER, csvLine } from "./meteor_csv.ts";
import { conditionsOf, instantParameter, meteorParameters } from "./meteor_filter.ts";
import { meteorDetailSchema, meteorSchema } from "./meteor_schemas.ts";
import { type Api, problems, readingRoute } from "./openapi.ts";
import { nextLink, placeParameter, readPlace, writePlace } from "./place.ts";
import { Problem } from "./problem.ts";
import type { Slots } from "./slots.ts";
import { textStream } from "./text_stream.ts";

/** Rows of a page: a row is 2 KB of JSON. */
const PAGE_ROWS = 100;
const PAGE_ROWS_MAX = 10_000;
/** A page is read through an index; a query that takes longer is sorting everything. */
const PAGE_LIMIT_MS = 20_000;

const MEDIA_TYPES = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  csv: "text/csv; charset=utf-8; header=present",
} as const;
type Format = keyof typeof MEDIA_TYPES;
const OFFERED = ["application/json", "application/x-ndjson", "application/ndjson", "text/csv"];

const query = z.strictObject({
  ...meteorParameters,
  order: z.enum(["-time", "time", "-updated", "updated"]).default("-time").openapi({
    description:
      "By beginning, or by when it was stored here; with `-`, newest first. Meteors without a time come last.",
  }),
  limit: z.coerce.number().int().min(1).max(PAGE_ROWS_MAX).optional().openapi({
    description:
      `Meteors per page; ${PAGE_ROWS} by default in JSON. NDJSON and CSV have all meteors when there is no limit.`,
  }),
  after: placeParameter,
  format: z.enum(["json", "ndjson", "csv"]).optional().openapi({
    description: "Overrides the Accept header.",
  }),
});

const placeSchema = z.object({
  value: instantParameter.nullable(),
  // A text that PostgreSQL can't store is not an id.
  id: z.string().max(1000).refine((id) => !id.includes("\0")),
});

const listAnswer = z.object({
  meteors: z.array(meteorSchema),
  next: z.string().nullable().openapi({ description: "The parameter `after` of the next page." }),
}).openapi("Meteors");

interface MeteorRouteOptions {
  readonly reader: () => Reader;
  /** Limits the exports in progress. */
  readonly exports: Slots;
  /** Name of the topic the meteors come from. */
  readonly topic: string;
}

/** Adds `GET /meteors`, `GET /meteors/ID`. */
export function addMeteorRoutes(app: Api, { reader, exports, topic }: MeteorRouteOptions): void {
  const listRoute = createRoute({
    method: "get",
    path: "/meteors",
    summary: "Meteors: pages of JSON, or whole exports as NDJSON or CSV",
    tags: ["meteors"],
    request: { query },
    responses: {
      200: {
        description: 'The meteors. `Link: …; rel="next"` leads to the next page of a full one.',
        content: {
          "application/json": { schema: listAnswer },
          "application/x-ndjson": { schema: meteorSchema },
          "text/csv": { schema: z.string().openapi({ description: CSV_DESCRIPTION }) },
        },
      },
      ...problems("bad-request", "unavailable", "too-many-requests"),
    },
  });
  app.openapi(listRoute, async (context) => {
    const { order, limit, after, format: given, ...wanted } = context.req.valid("query");
    const format = given ?? formatOf(context);
    const question: MeteorQuestion = {
      wanted: conditionsOf(wanted),
      order: { by: order.endsWith("time") ? "time" : "updated", isDescending: order[0] === "-" },
    };
    if (limit === undefined && format !== "json") {
      if (after !== undefined) {
        throw new Problem(
          "bad-request",
          "query parameter after: it needs limit, which makes pages",
        );
      }
      return exportAll(context, format, question, reader(), exports);
    }
    const place: MeteorPlace | null = readPlace(after, placeSchema);
    const page = await reader().ask(
      PAGE_LIMIT_MS,
      (sql) => readMeteorPage(sql, question, { limit: limit ?? PAGE_ROWS, after: place }),
    );
    const next = page.next === null ? null : writePlace(page.next);
    if (next !== null) context.header("link", nextLink(context.req.url, next));
    context.header("vary", "accept");
    if (format === "json") return context.json({ meteors: page.rows as never[], next }, 200);
    const { header, line } = TEXTS[format];
    return context.body(header + page.rows.map(line).join(""), 200, {
      "content-type": MEDIA_TYPES[format],
    });
  });

  const oneRoute = readingRoute(
    "/meteors/{id}",
    {
      summary: "One meteor: every field with unit and meaning, and where it comes from",
      tags: ["meteors"],
    },
    { params: z.object({ id: z.string().max(1000) }) },
    meteorDetailSchema,
    "not-found",
  );
  app.openapi(oneRoute, async (context) => {
    const { id } = context.req.valid("param");
    const found = id.includes("\0")
      ? null
      : await reader().ask(PAGE_LIMIT_MS, (sql) => readMeteor(sql, id));
    if (found === null) {
      throw new Problem("not-found", `there is no meteor ${id}; ids are case-sensitive`);
    }
    const { row, lineage, shower_name } = found;
    return context.json({
      id,
      shower_name,
      fields: describeFields(row) as never[],
      lineage: { topic, ...lineage },
    }, 200);
  });
}

/** The format that the caller accepts; JSON by default. */
function formatOf(context: Context): Format {
  const type = accepts(context, { header: "Accept", supports: OFFERED, default: OFFERED[0]! });
  return type === "text/csv" ? "csv" : type.endsWith("ndjson") ? "ndjson" : "json";
}

/** How rows are written: the text before them, and the line of each. */
const TEXTS = {
  ndjson: { header: "", line: (row: MeteorRow) => `${JSON.stringify(row)}\n` },
  csv: { header: CSV_HEADER, line: csvLine },
};

function exportAll(
  context: Context,
  format: "ndjson" | "csv",
  question: MeteorQuestion,
  reader: Reader,
  exports: Slots,
) {
  const headers = {
    "content-type": MEDIA_TYPES[format],
    "content-disposition": `attachment; filename="meteors.${format}"`,
    "vary": "accept",
  };
  // A client that requests only the headers never reads.
  if (context.req.method === "HEAD") return context.body(null, 200, headers);
  const release = exports.take();
  const { header, line } = TEXTS[format];
  const body = textStream(
    () => streamMeteors(reader, question),
    (rows) => rows.map(line).join(""),
    { first: header, onEnd: release },
  );
  return context.body(body, 200, headers);
}

/** The fields, each with its uncertainty in the same entry. */
function describeFields(row: MeteorRow) {
  const sigmas = new Map(
    TRAJECTORY_FIELDS.flatMap(({ name, sigmaOf }) => sigmaOf === null ? [] : [[sigmaOf, name]]),
  );
  return TRAJECTORY_FIELDS.filter(({ sigmaOf }) => sigmaOf === null).map((field) => {
    const sigma = sigmas.get(field.name);
    return {
      name: field.name,
      value: row[field.name] ?? null,
      sigma: sigma === undefined ? null : row[sigma] ?? null,
      unit: unitOf(field),
      description: storedDoc(field),
    };
  });
}
