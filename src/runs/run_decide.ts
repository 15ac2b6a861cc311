/**
 * Decides a command to a run: returns the events that follow from it, or refuses it with a reason.
 *
 * The functions are pure: the command contains the time. The state machine is drawn at the top of `run.ts`. A command that changes
 * nothing (cancel a cancelled run) returns no events; an impossible command (cancel a completed run) throws `RunCommandRefused`.
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
  FileDeferred,
  FileExtracted,
  FileFailed,
  FileProgress,
  FileSkipped,
  FileStarted,
  RunCancelled,
  RunCompleted,
  RunEvent,
  RunFailed,
  RunPlanned,
  RunRequested,
  RunStarted,
} from "./run_event.ts";

/** A command with the fields of the event that it becomes when it is accepted. */
type CommandFor<Type extends string, Event> = Omit<Event, "type"> & { readonly type: Type };

/** The commands to a run. */
export type RunCommand =
  | CommandFor<"request", RunRequested>
  | CommandFor<"start", RunStarted>
  | CommandFor<"plan", RunPlanned>
  /** Read the file from its first byte. Continuing at a checkpoint needs no command. */
  | CommandFor<"startFile", FileStarted>
  | CommandFor<"progress", FileProgress>
  | CommandFor<"extract", FileExtracted>
  /** `identity`: the file that was found unchanged, if it was checked. */
  | CommandFor<"skip", FileSkipped>
  /** The file can't be taken now; it is tried again later. */
  | CommandFor<"deferFile", FileDeferred>
  | CommandFor<"failFile", FileFailed>
  /** All files are settled. The run fails when some of them failed. */
  | (Pick<RunCompleted, "runId" | "at" | "epoch"> & { readonly type: "complete" })
  | CommandFor<"fail", RunFailed>
  | CommandFor<"cancel", RunCancelled>;

/** The command is impossible in the run's state. */
export class RunCommandRefused extends PermanentError {
  override readonly name = "RunCommandRefused";
}

/**
 * Returns the events that follow from `command` in `state` (null: no such run yet).
 * @throws RunCommandRefused when the command is impossible in that state
 */
export function decide(state: RunState | null, command: RunCommand): RunEvent[] {
  if (command.type === "request") {
    if (state !== null) throw refused(command, "it was already requested");
    return [{ ...command, type: "requested" }];
  }
  if (state === null) throw refused(command, "it is not known");
  if (state.runId !== command.runId) {
    throw refused(command, `it was sent to run ${state.runId}`);
  }
  if (command.type === "cancel" && state.status === "cancelled") return [];
  if (isFinished(state)) throw refused(command, `it is already ${state.status}`);
  switch (command.type) {
    case "start":
      return [{ ...command, type: "started" }];
    case "fail":
      return [{ ...command, type: "failed" }];
    case "cancel":
      return [{ ...command, type: "cancelled" }];
    case "plan":
      mustRun(state, command);
      if (state.files !== null) throw refused(command, "it is already planned");
      return [{ ...command, type: "planned", files: [...new Set(command.files)] }];
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
  switch (command.type) {
    case "startFile":
      return { ...command, type: "file_started" };
    case "skip":
      return { ...command, type: "file_skipped" };
    case "deferFile":
      if (command.attempt <= before.attempts) {
        throw new RunCommandRefused(
          `run ${command.runId} can't ${VERBS.deferFile} after attempt ${command.attempt}: ` +
            `${before.attempts} attempts at ${command.file} are put off already`,
        );
      }
      return { ...command, type: "file_deferred" };
    case "failFile":
      return { ...command, type: "file_failed" };
    case "progress":
      mustBeReading(before, command);
      mustAddUp(before, command);
      if (!checkpointFollows(before, command.checkpoint)) {
        const { byteOffset } = command.checkpoint;
        throw refused(command, `byte ${byteOffset} of ${command.file} is before its checkpoint`);
      }
      return { ...command, type: "file_progress" };
    case "extract":
      mustBeReading(before, command);
      mustAddUp(before, command);
      return { ...command, type: "file_extracted" };
  }
}

function ending(state: RunState, command: RunCommand): RunEvent {
  const { runId, at, epoch } = command;
  const of = { runId, at, ...(epoch === undefined ? {} : { epoch }) };
  if (state.files === null) throw refused(command, "it is not planned yet");
  const { pending, failed, planned } = countFiles(state);
  if (pending > 0) throw refused(command, `${pending} of its ${planned} files are not settled`);
  if (failed === 0) return { type: "completed", ...of, nextOffsets: state.nextOffsets };
  const first = [...state.files.values()].find((file) => file.status === "failed");
  return {
    type: "failed",
    ...of,
    reason: `${failed} of ${planned} files failed, the first was ${first?.file}: ${first?.reason}`,
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

function mustAddUp(before: FileState, command: Extract<FileCommand, { rows: unknown }>): void {
  if (rowsFollow(before, command.rows)) return;
  const { read, published, unchanged, rejected } = command.rows;
  throw refused(
    command,
    `the rows of ${command.file} do not add up: ${read} read, ${published} published (${before.rows.published} before), ` +
      `${unchanged} unchanged (${before.rows.unchanged} before), ${rejected} rejected (${before.rows.rejected} before)`,
  );
}

function refused(command: RunCommand, why: string): RunCommandRefused {
  return new RunCommandRefused(`run ${command.runId} can't ${VERBS[command.type]}: ${why}`, {
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
  deferFile: "defer a file",
  failFile: "settle a file as failed",
  complete: "be completed",
  fail: "fail",
  cancel: "be cancelled",
};
