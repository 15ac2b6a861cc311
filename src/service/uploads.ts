/**
 * Files that people send over HTTP, as runs of the engine.
 */
import { explain, TransientError } from "../failures/failures.ts";
import {
  IdempotencyConflictError,
  type UploadedFile,
  type UploadRequest,
} from "../http/api_ports.ts";
import type { Observer } from "../observe/observe.ts";
import type { RunEngine } from "../producer/run_engine.ts";
import { uploadPath } from "../producer/run_work.ts";
import { countRows, type RunState } from "../runs/run.ts";
import { describeSelection } from "../runs/selection.ts";

/**
 * Publishes what is sent, and says what became of it when all of it is in the log.
 * @throws TransientError when the log is away or too many runs are waiting; the stop's reason when the process stops
 */
export async function uploadFile(
  engine: RunEngine,
  listen: Observer["listen"],
  request: UploadRequest,
): Promise<UploadedFile> {
  const { name, idempotencyKey, rejectsMax, format, chunks } = request;
  const file = uploadPath(name);
  const identity = { size_bytes: null, etag: null, lastModified: null, listed: null };
  const rejects: UploadedFile["rejects"][number][] = [];
  // Listening begins before the file is read, and the run's id is known only after it is asked for.
  const asked = Promise.withResolvers<string>();
  let unlisten = () => {};
  try {
    const { run, isNew } = await engine.upload({
      name,
      idempotencyKey,
      requestedBy: "http",
      async open() {
        await asked.promise;
        return { path: file, identity, from: 0, totalBytes: null, chunks, format, close };
      },
    });
    unlisten = listen((event) => {
      if (event.name !== "line.rejected" || event.detail.runId !== run.runId) return;
      const { line, field, reason } = event.detail;
      if (rejects.length < rejectsMax) rejects.push({ line, field, reason });
    });
    asked.resolve(run.runId);
    if (!isNew && !("upload" in run.selection && run.selection.upload === name)) {
      throw new IdempotencyConflictError(
        `Idempotency-Key ${JSON.stringify(idempotencyKey)} stands for run ${run.runId} of ${
          describeSelection(run.selection)
        }, not for an upload of ${name}`,
      );
    }
    const state = engine.get(run.runId) === null ? run : await ended(engine, run.runId);
    return {
      runId: run.runId,
      isNew,
      state: state.status,
      reason: state.reason,
      file,
      rows: countRows(state),
      rejects,
    };
  } finally {
    unlisten();
  }
}

/** The run when it has ended. @throws TransientError when the process stops first */
async function ended(engine: RunEngine, runId: string): Promise<RunState> {
  try {
    return await engine.waitFor(runId);
  } catch (error) {
    throw new TransientError(`run ${runId} did not come to its end here: ${explain(error)}`, {
      cause: error,
      hint: "send the file again; rows that came through already are not doubled",
    });
  }
}

/** Whoever opened the body ends it: the end of the request. */
const close = () => Promise.resolve();
