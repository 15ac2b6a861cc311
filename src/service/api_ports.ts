/**
 * The API's view of the service. Until the service is up it answers that it is starting.
 */
import { TransientError } from "../failures/failures.ts";
import {
  type ApiPorts,
  IdempotencyConflictError,
  type RunFileView,
  type RunView,
  type ScheduleView,
} from "../http/api_ports.ts";
import type { Observer } from "../observe/observe.ts";
import type { Subscription } from "../events/subscription.ts";
import { wait } from "../failures/backoff.ts";
import type { RunState } from "../runs/run.ts";
import { describeSelection } from "../runs/selection.ts";
import { explain } from "../failures/failures.ts";
import { ReplayDesk } from "../dead_letters/replay_desk.ts";
import type { ScheduleState } from "../producer/schedule.ts";
import type { Store } from "../store/connection.ts";
import { countDeadLetters, deadLetterTable } from "../store/dead_letters.ts";
import { askGauges } from "./ask_gauges.ts";
import { countMeteors } from "../store/meteor_counts.ts";
import * as views from "../store/run_views.ts";
import type { Log } from "./open_log.ts";
import { askParts, type Parts } from "./parts.ts";
import { uploadFile } from "./uploads.ts";
import type { Producer, Runs } from "./roles.ts";
import { showerListOf } from "./shower_list_status.ts";

/** What the API stands on. `running` is null until the boot is through. */
export interface ApiParts {
  readonly version: string;
  readonly startedAt: Date;
  readonly roles: string[];
  running: RunningParts | null;
}

export interface RunningParts {
  readonly store: Store;
  /** For what people ask of the data store. */
  readonly reader: Store;
  readonly log: Log;
  readonly subscription: Subscription | null;
  /** null in a process that has neither of the roles producer and http. */
  readonly runs: Runs | null;
  /** null in a process without the role producer. */
  readonly producer: Producer | null;
  /** Where the IAU's shower list is fetched from; null: it is not. */
  readonly iauShowerUrl: string | null;
  readonly describe: {
    readonly broker: string;
    readonly registry: string;
    readonly database: string;
  };
}

/** A run that was just asked for goes round through the log before it can be seen; longer than this nobody is kept waiting. */
const VISIBLE_WITHIN_MS = 2_000;
const LOOK_INTERVAL_MS = 25;

/** The parts once they run. @throws TransientError before */
export function runningOf(parts: ApiParts): RunningParts {
  if (parts.running === null) {
    throw new TransientError("the service is starting; GET /readyz says when it is ready");
  }
  return parts.running;
}

/** The ports over the parts. */
export function createApiPorts(parts: ApiParts, { listen, observe }: Observer): ApiPorts {
  const running = () => runningOf(parts);
  const desk = () => {
    const { runs } = running();
    if (runs === null) throw new TransientError("this process has neither producer nor http role");
    return runs.desk;
  };
  let replayDesk: ReplayDesk | null = null;
  const replays = () => {
    const { store, log } = running();
    return replayDesk ??= new ReplayDesk({
      table: deadLetterTable(store.sql),
      publisher: log.publisher,
      registry: log.registry,
      observe,
    });
  };
  return {
    replayDesk: replays,
    async requestRun(kind, selection, idempotencyKey) {
      const { run, isNew } = await desk().submit({
        kind,
        selection,
        requestedBy: "http",
        idempotencyKey,
      });
      if (!isNew) assertSame(run, kind, describeSelection(selection), idempotencyKey);
      await untilVisible(running().store, run.runId);
      return { runId: run.runId, isNew };
    },
    async previewRun(selection) {
      const { files, nothing } = await desk().preview(selection);
      return {
        nothing,
        files: files.map(({ file, skip }) => ({
          file: file.path,
          listed: file.listed,
          modified: file.modified?.toISOString() ?? null,
          size_bytes: file.size_bytes,
          skip,
        })),
      };
    },
    async cancelRun(runId) {
      const state = await desk().cancel(runId, "cancelled over HTTP");
      if (state === null) return null;
      await untilVisible(running().store, runId, state.status);
      return { state: state.status };
    },
    async retryRun(runId, idempotencyKey) {
      const submitted = await desk().retry(runId, "http", idempotencyKey);
      if (submitted === null) return null;
      const { run, isNew } = submitted;
      if (!isNew && !("retry" in run.selection && run.selection.retry === runId)) {
        throw new IdempotencyConflictError(
          `Idempotency-Key ${
            JSON.stringify(idempotencyKey)
          } stands for run ${run.runId}, another request`,
        );
      }
      await untilVisible(running().store, run.runId);
      const { kind, selection } = run;
      return { runId: run.runId, isNew, kind, selection };
    },
    async pauseSchedule(isPaused) {
      const schedule = running().producer?.schedule;
      if (schedule === undefined) {
        throw new TransientError("this process has no schedule; ask one with the role producer");
      }
      await (isPaused ? schedule.pause() : schedule.resume());
      return scheduleToJson(await schedule.state());
    },
    async listRuns(page) {
      return (await views.listRunViews(running().store.sql, page)).map(toJson);
    },
    async getRun(runId) {
      const found = await views.getRunView(running().store.sql, runId);
      return found === null ? null : { run: toJson(found.run), files: found.files.map(fileToJson) };
    },
    async status() {
      return await statusOf(parts);
    },
    async uploadFile(request) {
      const { runs, store } = running();
      if (runs === null) throw new TransientError("this process has no role that takes files");
      const uploaded = await uploadFile(runs.engine, listen, request);
      await untilVisible(store, uploaded.runId, uploaded.state);
      return uploaded;
    },
    async gauges() {
      const asked = running();
      return await askGauges(asked.store.sql, partsOf(asked));
    },
    async notReady() {
      if (parts.running === null) return { service: "starting" };
      const { status } = await askParts(partsOf(parts.running));
      return Object.fromEntries(
        Object.entries(status).filter(([, part]) => !part.ready).map((
          [name, part],
        ) => [name, part.detail]),
      );
    },
  };
}

/** The same key must mean the same request. */
function assertSame(run: RunState, kind: string, selection: string, key: string | null): void {
  const earlier = describeSelection(run.selection);
  if (run.kind !== kind || earlier !== selection) {
    throw new IdempotencyConflictError(
      `Idempotency-Key ${
        JSON.stringify(key)
      } stands for the ${run.kind} run ${run.runId} of ${earlier}, not for a ${kind} run of ${selection}`,
    );
  }
}

/** Waits, not for long, until the run can be seen, in this state if one is given. */
async function untilVisible({ sql }: Store, runId: string, state?: string): Promise<void> {
  const deadline = performance.now() + VISIBLE_WITHIN_MS;
  while (performance.now() < deadline) {
    const [run] = await sql<
      { state: string }[]
    >`select state from ingestion_run where id = ${runId}`;
    if (run !== undefined && (state === undefined || run.state === state)) return;
    await wait(LOOK_INTERVAL_MS);
  }
}

function partsOf({ store, log, subscription, describe }: RunningParts): Parts {
  return {
    sql: store.sql,
    probe: log.probe,
    registry: log.registry,
    subscription,
    names: {
      broker: describe.broker,
      registry: describe.registry,
      database: describe.database,
    },
  };
}

async function statusOf(parts: ApiParts): ReturnType<ApiPorts["status"]> {
  const { version, startedAt, roles } = parts;
  const base = { version, started_at: startedAt.toISOString(), roles };
  if (parts.running === null) {
    const starting = { ready: false, detail: "starting" };
    return {
      ...base,
      parts: { broker: starting, registry: starting, database: starting, consumer: starting },
      schedule: null,
      shower_list: null,
      lag: [],
      store: null,
    };
  }
  const { store } = parts.running;
  const { status, lag } = await askParts(partsOf(parts.running));
  return {
    ...base,
    parts: status,
    schedule: await scheduleOf(parts.running),
    shower_list: await showerListOf(parts.running),
    lag: (lag ?? []).map(({ topic, partition, position, end }) => ({
      topic,
      partition,
      position: position.toString(),
      end: end.toString(),
      lag: Number(end - position),
    })),
    store: status.database.ready
      ? { meteors: await countMeteors(store.sql), dead_letters: await countDeadLetters(store.sql) }
      : null,
  };
}

/** The schedule; without the database nobody knows whether it is paused, and its times are told all the same. */
async function scheduleOf({ producer }: RunningParts): Promise<ScheduleView | null> {
  if (producer === null) return null;
  const { schedule } = producer;
  try {
    return scheduleToJson(await schedule.state());
  } catch (error) {
    const { pattern, isLeader } = schedule;
    return {
      ...scheduleToJson({ pattern, next: schedule.next(), pausedSince: null, isLeader }),
      problem: explain(error),
    };
  }
}

function scheduleToJson({ pattern, next, pausedSince, isLeader }: ScheduleState): ScheduleView {
  return {
    pattern,
    next: next?.toISOString() ?? null,
    paused_since: pausedSince?.toISOString() ?? null,
    leader: isLeader,
    problem: null,
  };
}

function toJson(view: views.RunView): RunView {
  return {
    id: view.id,
    kind: view.kind,
    selection: view.selection,
    state: view.state,
    requested_by: view.requestedBy,
    requested_at: view.requestedAt.toISOString(),
    started_at: view.startedAt?.toISOString() ?? null,
    ended_at: view.endedAt?.toISOString() ?? null,
    reason: view.reason,
    files: view.files,
    rows: {
      read: view.rows.read,
      published: view.rows.published,
      rejected: view.rows.rejected,
      loaded: view.rows.loaded,
      dead: view.rows.dead,
    },
  };
}

function fileToJson(view: views.RunFileView): RunFileView {
  return {
    file: view.file,
    state: view.state,
    size_bytes: view.sizeBytes,
    byte_offset: view.byteOffset,
    generated_at: view.generatedAt?.toISOString() ?? null,
    rows: view.rows,
    reason: view.reason,
  };
}
