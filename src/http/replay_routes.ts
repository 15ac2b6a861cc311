/** Replaying dead letters: one, or all that match a filter. */
import { z } from "@hono/zod-openapi";
import type { ReplayDesk } from "../dead_letters/replay_desk.ts";
import { FILTER_FIELDS, idParameter, toFilter } from "./dead_letter_filter.ts";
import { type Api, changingRoute, json } from "./openapi.ts";
import { Problem } from "./problem.ts";

/** The part of the desk that the routes need. */
export type ReplayPort = Pick<ReplayDesk, "replayOne" | "replayAll" | "count">;

const flag = z.enum(["true", "false"], "true or false").default("false");

/** Selects dead letters; an empty object means all of them. */
const filterSchema = z.strictObject(FILTER_FIELDS).openapi("DeadLetterFilter");

const replayedSchema = z.object({
  id: z.string(),
  outcome: z.enum(["published", "failed", "superseded"]).openapi({
    description:
      "published: the record is in the log again, and `replayed_at` of the dead letter says when it was loaded; failed: the line still " +
      "can't be read; superseded: the log has a later record of the trajectory, which a record without a generation would overwrite.",
  }),
  reason: z.string().nullable(),
}).openapi("ReplayedDeadLetter");

const countsSchema = z.object({
  dry_run: z.boolean(),
  matched: z.int().openapi({ description: "Waiting dead letters that match the filter." }),
  published: z.int(),
  failed: z.int(),
  superseded: z.int(),
  unpublished: z.array(replayedSchema).openapi({
    description: "The first of those that were not published.",
  }),
}).openapi("ReplayCounts");

const forceParameter = flag.openapi({
  description: "Also publish records that would overwrite a later one.",
});

const tags = ["dead letters"];
const oneRoute = changingRoute(
  "/dead-letters/{id}/replay",
  { summary: "Replay one dead letter", tags },
  { params: idParameter, query: z.strictObject({ force: forceParameter }) },
  { 202: json(replayedSchema, "The result") },
  "bad-request",
  "not-found",
  "conflict",
);

const manyRoute = changingRoute(
  "/dead-letters/replay",
  { summary: "Replay dead letters: all, or those that match a filter", tags },
  {
    query: z.strictObject({
      dry_run: flag.openapi({ description: "Only count them, and change nothing." }),
      force: forceParameter,
    }),
    body: {
      required: true,
      content: { "application/json": { schema: filterSchema, example: { stage: "decode" } } },
    },
  },
  {
    200: json(countsSchema, "How many there are (dry run)"),
    202: json(countsSchema, "The results"),
  },
  "bad-request",
);

/** Adds `POST /dead-letters/ID/replay`, `POST /dead-letters/replay`. */
export function addReplayRoutes(app: Api, desk: () => ReplayPort): void {
  app.openapi(manyRoute, async (context) => {
    const { dry_run: dryRun, force } = context.req.valid("query");
    const filter = toFilter(context.req.valid("json"));
    if (dryRun === "true") {
      const matched = await desk().count(filter);
      const counts = { published: 0, failed: 0, superseded: 0, unpublished: [] };
      return context.json({ dry_run: true, matched, ...counts }, 200);
    }
    const { unpublished, ...counts } = await desk().replayAll(filter, { force: force === "true" });
    const matched = counts.published + counts.failed + counts.superseded;
    return context.json({ dry_run: false, matched, ...counts, unpublished: [...unpublished] }, 202);
  });

  app.openapi(oneRoute, async (context) => {
    const { id } = context.req.valid("param");
    const { force } = context.req.valid("query");
    const replayed = id.includes("\0")
      ? null
      : await desk().replayOne(id, { force: force === "true" });
    if (replayed === null) throw new Problem("not-found", `there is no dead letter ${id}`);
    return context.json(replayed, 202);
  });
}
