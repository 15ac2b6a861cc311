/**
 * Publishing trajectories over HTTP: a summary file of any size, or JSON records.
 *
 *     curl --data-binary @traj_summary_20241201.txt http://127.0.0.1:8000/trajectories
 *
 * The body is read as fast as the log accepts its rows, and no faster: it is a run of its own (kind `upload`), whose file is the
 * body. The answer comes when everything is published; the rows are in the data store soon after (`GET /runs/ID`).
 */
import { z } from "@hono/zod-openapi";
import { countRows } from "../runs/run.ts";
import { parseSelection } from "../runs/selection.ts";
import { rowCountsSchema } from "../runs/run_schemas.ts";
import type { Observer } from "../observe/observe.ts";
import { type Api, changingRoute, json } from "./openapi.ts";
import { Problem } from "./problem.ts";
import { idempotencyKey } from "./idempotency_key.ts";
import { untilVisible } from "./run_lookup.ts";
import type { RunRouteOptions } from "./run_routes.ts";
import { Slots } from "./slots.ts";
import { openUploadBody } from "./upload_body.ts";
import { rejectSchema, SHOWN_REJECTS_MAX, uploadFile } from "./upload_run.ts";

/** Each is a connection that waits for its turn: uploads run one after the other. */
const UPLOADS_MAX = 8;
/** Accepts bodies of any size. */
export const UPLOAD_PATH = "/trajectories";

const answerSchema = z.object({
  run_id: z.string(),
  is_new: z.boolean().openapi({
    description:
      "False when an earlier upload had this Idempotency-Key: nothing was read this time.",
  }),
  state: z.string(),
  file: z.string().openapi({ description: "The file's name, as the rows have it in source_file." }),
  rows: rowCountsSchema,
  rejects: z.array(rejectSchema).openapi({
    description: `The first ${SHOWN_REJECTS_MAX}; GET /dead-letters has them all.`,
  }),
}).openapi("Upload");

const route = changingRoute(
  UPLOAD_PATH,
  { summary: "Publish a summary file or JSON records", tags: ["runs"] },
  {
    query: z.strictObject({
      name: z.string().optional().openapi({
        description: "File name, for the lineage of the rows.",
      }),
    }),
    body: {
      required: true,
      description:
        "A trajectory summary file as text; or JSON objects with the schema's field names, in an array or one per line.",
      content: {
        "text/plain": { schema: z.string() },
        "application/x-ndjson": { schema: z.string() },
      },
    },
  },
  { 202: json(answerSchema, "Everything is published, and will be loaded soon") },
  "bad-request",
  "timeout",
  "conflict",
  "too-large",
  "unsupported-media-type",
  "unprocessable",
);

export interface UploadRouteOptions extends Pick<RunRouteOptions, "runs" | "reader"> {
  readonly listen: Observer["listen"];
}

/** Adds `POST /trajectories`. */
export function addUploadRoutes(app: Api, { runs, reader, listen }: UploadRouteOptions): void {
  const slots = new Slots("uploads", UPLOADS_MAX);
  app.openapi(route, async (context) => {
    const type = context.req.header("content-type") ?? "";
    const coding = context.req.header("content-encoding") ?? "identity";
    if (type.startsWith("multipart/") || coding !== "identity") {
      throw new Problem(
        "unsupported-media-type",
        `send the file itself as the body (curl --data-binary @FILE), not ${
          type.startsWith("multipart/") ? type.split(";")[0] : `packed with ${coding}`
        }`,
      );
    }
    const { name = "trajectories" } = context.req.valid("query");
    parseSelection({ upload: name });
    const release = slots.take();
    try {
      const body = await openUploadBody(context.req.raw.body);
      const { run, isNew, file, rejects } = await uploadFile(runs().engine, listen, {
        name,
        idempotencyKey: idempotencyKey(context),
        body,
      });
      const { runId, status: state, reason } = run;
      const rows = countRows(run);
      await untilVisible(reader(), runId, state);
      context.header("location", `/runs/${runId}`);
      if (state === "failed" || state === "cancelled") {
        const limit = body.failure();
        throw new Problem(limit?.type ?? "unprocessable", limit?.message ?? reason ?? state, {
          run_id: runId,
          rows,
          rejects,
        });
      }
      return context.json({ run_id: runId, is_new: isNew, state, file, rows, rejects }, 202);
    } finally {
      release();
    }
  });
}
