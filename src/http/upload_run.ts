/** Runs files that people send over HTTP as runs of the engine. */
import { z } from "@hono/zod-openapi";
import { explain, TransientError } from "@gmn/failures";
import type { Observer } from "../observe/observe.ts";
import type { Submitted } from "../producer/run_engine.ts";
import { uploadPath } from "../producer/run_work.ts";
import type { RunState } from "../runs/run.ts";
import { assertSameRequest } from "../runs/same_request.ts";
import type { RunPort } from "./run_routes.ts";
import type { UploadBody } from "./upload_body.ts";

/** Rejected lines in the answer; the dead letters contain all of them. */
export const SHOWN_REJECTS_MAX = 20;

/** A rejected line. */
export const rejectSchema = z.object({
  line: z.int().openapi({ description: "Line of the body; in a JSON array the record's number." }),
  field: z.string().nullable(),
  reason: z.string(),
});

/** A file that a client sends. */
export interface UploadRequest {
  /** The name for its run and for the lineage of its rows. */
  readonly name: string;
  readonly idempotencyKey: string | null;
  readonly body: Pick<UploadBody, "format" | "chunks">;
}

/** The run at its end, and the file's name in its rows. */
export interface UploadedFile extends Submitted {
  readonly file: string;
  readonly rejects: z.infer<typeof rejectSchema>[];
}

/**
 * Publishes a file and resolves when its run has ended.
 * @throws TransientError when the log is unavailable or too many runs are waiting; the stop's reason when the process stops
 */
export async function uploadFile(
  engine: RunPort["engine"],
  listen: Observer["listen"],
  request: UploadRequest,
): Promise<UploadedFile> {
  const { name, idempotencyKey, body: { format, chunks } } = request;
  const file = uploadPath(name);
  const identity = { size_bytes: null, etag: null, lastModified: null, listed: null };
  const rejects: UploadedFile["rejects"] = [];
  // Listening begins before the file is read, and the run's id is known only after the request.
  const asked = Promise.withResolvers<string>();
  let unlisten = () => {};
  try {
    const { run, isNew } = await engine.upload({
      name,
      idempotencyKey,
      requestedBy: "http",
      async open() {
        await asked.promise;
        // The end of the request closes the body.
        const close = () => Promise.resolve();
        return { identity, from: 0, chunks, format, close };
      },
    });
    unlisten = listen((event) => {
      if (event.name !== "line.rejected" || event.detail.runId !== run.runId) return;
      const { line, field, reason } = event.detail;
      if (rejects.length < SHOWN_REJECTS_MAX) rejects.push({ line, field, reason });
    });
    asked.resolve(run.runId);
    const isSame = isNew || ("upload" in run.selection && run.selection.upload === name);
    assertSameRequest(run, idempotencyKey, `an upload of ${name}`, isSame);
    const isHere = engine.get(run.runId) !== null;
    return { run: isHere ? await ended(engine, run.runId) : run, isNew, file, rejects };
  } finally {
    unlisten();
  }
}

/** The run when it has ended. @throws TransientError when the process stops first */
async function ended(engine: RunPort["engine"], runId: string): Promise<RunState> {
  try {
    return await engine.waitFor(runId);
  } catch (error) {
    throw new TransientError(`run ${runId} did not end here: ${explain(error)}`, {
      cause: error,
      hint: "send the file again; rows that were published already are not doubled",
    });
  }
}
