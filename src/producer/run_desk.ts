/**
 * Commands and queries about runs: request, cancel, retry, preview. It works in every process, leader or not: everything goes
 * through the log, where the leader finds it.
 */
import { evolve, type RunState } from "../runs/run.ts";
import { decide, RunCommandRefused } from "../runs/run_decide.ts";
import type { RequestedBy, Selection } from "../runs/run_event.ts";
import { retrySelection } from "../runs/retry_selection.ts";
import { listForPlan } from "./list_for_plan.ts";
import { type Plan, planFiles } from "./plan.ts";
import type { RunHistory, RunJournal } from "./ports.ts";
import type { RunEngine, Submitted } from "./run_engine.ts";
import type { DataDirectory } from "./source/data_directory.ts";

export interface RunDeskOptions {
  readonly engine: RunEngine;
  readonly journal: RunJournal;
  readonly history: RunHistory;
  readonly directory: DataDirectory;
  readonly now?: () => Date;
}

export class RunDesk {
  readonly #options: RunDeskOptions;
  readonly #now: () => Date;

  constructor(options: RunDeskOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * Cancels a run, whichever process works on it; null when there is no such run. Resolves when the cancellation is on the log: a
   * leader in another process notices it within a second.
   * @throws RunCommandRefused when the run has already ended in another way
   * @throws TransientError when the log is unavailable
   */
  async cancel(runId: string, reason: string): Promise<RunState | null> {
    const { engine, history, journal } = this.#options;
    if (engine.get(runId) !== null) return await engine.cancel(runId, reason);
    let state = await history.find(runId);
    if (state === null) return null;
    for (const event of decide(state, { type: "cancel", runId, at: this.#now(), reason })) {
      await journal.append(event);
      state = evolve(state, event) ?? state;
    }
    return state;
  }

  /**
   * Requests a run for the files that a failed or cancelled run did not take; null when there is no such run.
   * @throws RunCommandRefused when the run has no files left to take
   * @throws TransientError as the engine's `submit`
   */
  async retry(
    runId: string,
    requestedBy: RequestedBy,
    idempotencyKey: string | null,
  ): Promise<Submitted | null> {
    const { engine, history } = this.#options;
    const state = engine.get(runId) ?? await history.find(runId);
    if (state === null) return null;
    const selection = retrySelection(state);
    // `retrySelection` has refused uploads already; this check is for the compiler, because a `RunRequest` has no uploads.
    if (state.kind === "upload") throw new RunCommandRefused(`run ${runId} is an upload`);
    return await engine.submit({ kind: state.kind, selection, requestedBy, idempotencyKey });
  }

  /**
   * Returns the files that a run of this selection would take now. Only listings are fetched.
   * @throws SourceUnavailableError when the source does not answer
   */
  async preview(selection: Selection, signal?: AbortSignal): Promise<Plan> {
    const { directory, history } = this.#options;
    // A person is waiting, so this goes before the requests of a backfill.
    const listed = await listForPlan(directory, selection, { priority: "daily", signal });
    const ingested = await history.identities(listed.map((file) => file.path));
    const plan = planFiles({ selection, now: this.#now(), listed, ingested });
    const files = plan.files.map(({ file, skip }) => {
      const before = ingested.get(file.path)?.listed ?? null;
      const isUnchanged = before !== null && before === file.listed;
      return {
        file,
        skip: skip ?? (isUnchanged ? "unchanged in the listing since it was ingested" : null),
      };
    });
    return { ...plan, files };
  }
}
