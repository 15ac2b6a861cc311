/**
 * What a command to a run brings about: the events that follow from it, or a refusal in words.
 *
 * Pure: the clock comes in with the command. The states and what may follow what are drawn at the top of `run.ts`.
 * A command that asks for what is already so (cancel a cancelled run) gives no events; one that can't be (cancel a
 * completed run) throws `RunCommandRefused`.
 */
import { PermanentError } from "@gmn/failures";
import {
  checkpointFollows,
  countFiles,
  type FileState,
  isFinished,
  isSettled,
  rowsFollow,
  type RunState,
} from "./run.ts";
import type {
  Checkpoint,
  FileIdentity,
  NextOffsets,
  RequestedBy,
  RowCounts,
  RunEvent,
  RunKind,
  Selection,
} from "./run_event.ts";

/** What can be asked of a run. `at` and `runId` go into the events as they are. */
export type RunCommand =
  & { readonly runId: string; readonly at: Date }
  & (
    | {
      readonly type: "request";
      readonly kind: RunKind;
      readonly selection: Selection;
      readonly requestedBy: RequestedBy;
      readonly idempotencyKey: string | null;
    }
    | { readonly type: "start"; readonly owner: string }
    | { readonly type: "plan"; readonly files: readonly string[] }
    /** Read the file from its first byte. Going on at a checkpoint needs no command. */
    | { readonly type: "startFile"; readonly file: string; readonly identity: FileIdentity }
    | {
      readonly type: "progress";
      readonly file: string;
      readonly generatedAt: Date | null;
      readonly checkpoint: Checkpoint;
      readonly rows: RowCounts;
      readonly nextOffsets?: NextOffsets;
    }
    | {
      readonly type: "extract";
      readonly file: string;
      readonly identity: FileIdentity;
      readonly generatedAt: Date | null;
      readonly rows: RowCounts;
      readonly nextOffsets: NextOffsets;
    }
    /** `identity`: what was found unchanged, if the file was looked at. */
    | {
      readonly type: "skip";
      readonly file: string;
      readonly reason: string;
      readonly identity?: FileIdentity;
    }
    | { readonly type: "failFile"; readonly file: string; readonly reason: string }
    /** All files are settled. The run ends failed when some of them failed. */
    | { readonly type: "complete" }
    | { readonly type: "fail"; readonly reason: string }
    | { readonly type: "cancel"; readonly reason: string }
  );

/** The command can't follow from where the run is. */
export class RunCommandRefused extends PermanentError {
  override readonly name = "RunCommandRefused";
}

/** The events that `command` brings about in `state` (null: no such run yet).
 * @throws RunCommandRefused when it can't follow */
export function decide(state: RunState | null, command: RunCommand): RunEvent[] {
  const { runId, at } = command;
  if (command.type === "request") {
    if (state !== null) throw refused(command, "it was already requested");
    const { kind, selection, requestedBy, idempotencyKey } = command;
    return [{ type: "requested", runId, at, kind, selection, requestedBy, idempotencyKey }];
  }
  if (state === null) throw refused(command, "it is not known");
  if (state.runId !== runId) throw refused(command, `it was sent to run ${state.runId}`);
  if (command.type === "cancel" && state.status === "cancelled") return [];
  if (isFinished(state)) throw refused(command, `it is ${state.status} already`);
  switch (command.type) {
    case "start":
      return [{ type: "started", runId, at, owner: command.owner }];
    case "fail":
      return [{ type: "failed", runId, at, reason: command.reason }];
    case "cancel":
      return [{ type: "cancelled", runId, at, reason: command.reason }];
    case "plan":
      mustRun(state, command);
      if (state.files !== null) throw refused(command, "it is planned already");
      return [{ type: "planned", runId, at, files: [...new Set(command.files)] }];
    case "complete":
      mustRun(state, command);
      return [ending(state, command)];
    default:
      mustRun(state, command);
      return [decideFile(fileOf(state, command), command)];
  }
}

type FileCommand = Extract<RunCommand, { file: string }>;

function decideFile(before: FileState, command: FileCommand): RunEvent {
  const { runId, at, file } = command;
  switch (command.type) {
    case "startFile":
      return { type: "file_started", runId, at, file, identity: command.identity };
    case "skip":
      return {
        type: "file_skipped",
        runId,
        at,
        file,
        reason: command.reason,
        ...(command.identity === undefined ? {} : { identity: command.identity }),
      };
    case "failFile":
      return { type: "file_failed", runId, at, file, reason: command.reason };
    case "progress": {
      const { generatedAt, checkpoint, rows, nextOffsets } = command;
      const event = {
        type: "file_progress",
        runId,
        at,
        file,
        generatedAt,
        checkpoint,
        rows,
        ...(nextOffsets === undefined ? {} : { nextOffsets }),
      } as const;
      mustBeReading(before, command);
      mustAddUp(rowsFollow(before, event), before, command);
      if (!checkpointFollows(before, event)) {
        throw refused(command, `byte ${checkpoint.byteOffset} of ${file} is before its checkpoint`);
      }
      return event;
    }
    case "extract": {
      const { identity, generatedAt, rows, nextOffsets } = command;
      const event = {
        type: "file_extracted",
        runId,
        at,
        file,
        identity,
        generatedAt,
        rows,
        nextOffsets,
      } as const;
      mustBeReading(before, command);
      mustAddUp(rowsFollow(before, event), before, command);
      return event;
    }
  }
}

function ending(state: RunState, command: RunCommand): RunEvent {
  const { runId, at } = command;
  if (state.files === null) throw refused(command, "it is not planned yet");
  const { pending, failed, planned } = countFiles(state);
  if (pending > 0) throw refused(command, `${pending} of its ${planned} files are not settled`);
  if (failed === 0) return { type: "completed", runId, at, nextOffsets: state.nextOffsets };
  const first = [...state.files.values()].find((file) => file.status === "failed");
  return {
    type: "failed",
    runId,
    at,
    reason: `${failed} of ${planned} files failed; first ${first?.file}: ${first?.reason}`,
  };
}

function fileOf(state: RunState, command: FileCommand): FileState {
  const file = state.files?.get(command.file);
  if (file === undefined) throw refused(command, `${command.file} is not in its plan`);
  if (isSettled(file)) throw refused(command, `${command.file} is ${file.status} already`);
  return file;
}

function mustRun(state: RunState, command: RunCommand): void {
  if (state.status !== "running") throw refused(command, `it is ${state.status}, not running`);
}

function mustBeReading(file: FileState, command: RunCommand): void {
  if (file.status !== "reading") throw refused(command, `${file.file} is ${file.status}`);
}

function mustAddUp(holds: boolean, before: FileState, command: FileCommand): void {
  if (holds || !("rows" in command)) return;
  const { read, published, rejected } = command.rows;
  throw refused(
    command,
    `the rows of ${command.file} do not add up: ${read} read, ${published} published (${before.rows.published} before), ` +
      `${rejected} rejected (${before.rows.rejected} before)`,
  );
}

function refused(command: RunCommand, why: string): RunCommandRefused {
  return new RunCommandRefused(`run ${command.runId}: can't ${VERBS[command.type]}: ${why}`, {
    hint: `look at the run with GET /runs/${command.runId}`,
  });
}

const VERBS: Record<RunCommand["type"], string> = {
  request: "be requested",
  start: "start",
  plan: "be planned",
  startFile: "start a file",
  progress: "note progress",
  extract: "settle a file as extracted",
  skip: "skip a file",
  failFile: "settle a file as failed",
  complete: "be completed",
  fail: "fail",
  cancel: "be cancelled",
};
