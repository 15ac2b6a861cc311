/**
 * Keeps one Redpanda node running.
 *
 *     starting ──ready──▶ running ──stop()──▶ stopping ──▶ stopped
 *        │ dies, or             │ dies                        ▲
 *        │ is never ready       ▼                             │
 *        ▼                   waiting (back-off) ──────stop()──┘
 *     rejected                  │   ▲    │ died too often in a row
 *                          ready│   │dies▼
 *                           starting    failed (the event `failed`; `failed` resolves)
 *
 * While it is down, the loops that use it wait and report it: to them the broker is temporarily unavailable.
 */
import { type Backoff, backoffDelayMs, explain, hintOf, PermanentError, wait } from "@gmn/failures";
import type { Supervisor } from "../processes/supervisor.ts";
import { RedpandaChild } from "./child.ts";
import { redpandaArguments } from "./command_line.ts";
import type { RedpandaPorts } from "./configuration.ts";
import { deathOf } from "./deaths.ts";
import type { RedpandaProgram } from "./find_program.ts";
import { forgetChild, noteChild, superviseChild } from "./orphan.ts";
import { type ProveLog, type ReadinessTargets, untilReady } from "./ready.ts";
import { type OnRedpandaEvent, type RedpandaAddresses, reportReady } from "./running.ts";

/** How long to wait for the node. */
export interface RedpandaPatience {
  /** From the start to ready. After an unclean end, recovery reads the last writes, which takes a while on a slow disk. */
  readonly start_ms: number;
  /** From SIGTERM to SIGKILL. Below the limits of a release (service/releasers.ts) and of container platforms. */
  readonly stop_ms: number;
  /** Waits between restarts, and the limit of consecutive deaths. */
  readonly restarts: Backoff;
  /** After a node has run this long, its next death counts as the first one. */
  readonly stable_ms: number;
}

export interface NodeOptions {
  readonly program: RedpandaProgram;
  /** `DATA_DIR/redpanda`. */
  readonly directory: string;
  /** In Seastar's notation: `1200M`. */
  readonly memory: string;
  readonly onEvent: OnRedpandaEvent;
  readonly proveLog: ProveLog;
  /** Aborting hurries a stop: the node is killed soon afterwards. */
  readonly hurry?: AbortSignal;
}

/** A node and the loop that restarts it. */
export class RedpandaNode {
  /** Resolves with the reason when it died too often. Never rejects. */
  readonly failed: Promise<Error>;
  readonly addresses: RedpandaAddresses;
  readonly #targets: ReadinessTargets;
  readonly #failure = Promise.withResolvers<Error>();
  readonly #stopping = new AbortController();
  #child: RedpandaChild | null = null;
  #supervisor: Supervisor | null = null;
  #watch: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: NodeOptions,
    private readonly patience: RedpandaPatience,
    ports: RedpandaPorts,
    private readonly configurationFile: string,
  ) {
    this.failed = this.#failure.promise;
    this.addresses = {
      brokers: [`127.0.0.1:${ports.kafka}`],
      schemaRegistryUrl: `http://127.0.0.1:${ports.schemaRegistry}`,
    };
    this.#targets = {
      ...this.addresses,
      adminUrl: `http://127.0.0.1:${ports.admin}`,
      proveLog: options.proveLog,
    };
  }

  /**
   * The first start. A node that dies here is not restarted: it would die for the same reason.
   * @throws PermanentError with the reason and what to do
   */
  async start(signal?: AbortSignal): Promise<void> {
    await this.#launch(signal);
    this.#watch = this.#keepRunning();
  }

  /** Stops it and waits for its end. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("Redpanda is stopped"));
    await this.#end();
    await this.#watch;
    this.options.onEvent({ kind: "stopped" });
  }

  /** Starts the process and waits until it is ready; if that fails, leaves no process behind. */
  async #launch(signal?: AbortSignal): Promise<void> {
    const { program, directory, memory, onEvent } = this.options;
    const args = redpandaArguments(program, this.configurationFile, { memory });
    const child = new RedpandaChild(program, args, onEvent);
    this.#child = child;
    // The wait for readiness ends when the process has exited.
    const over = new AbortController();
    const death = child.ended.then((end) => {
      const error = deathOf(end, "Redpanda ended before it was ready");
      over.abort(error);
      return error;
    });
    try {
      if (child.pid === undefined) throw await death;
      await this.#dismissSupervisor();
      this.#supervisor = await superviseChild(child.pid, this.configurationFile);
      await noteChild(directory, child.pid);
      const signals = [
        over.signal,
        this.#stopping.signal,
        ...(signal === undefined ? [] : [signal]),
      ];
      await untilReady(this.#targets, this.patience.start_ms, AbortSignal.any(signals));
    } catch (error) {
      await this.#end();
      signal?.throwIfAborted();
      if (error instanceof PermanentError) throw error;
      throw new PermanentError(`Redpanda did not start: ${explain(error)}`, {
        cause: error,
        hint: hintOf(error) ?? "LOG_LEVEL=debug shows its log.",
      });
    }
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    const { onEvent, hurry } = this.options;
    if (await child.stop(this.patience.stop_ms, hurry)) {
      const limit = hurry?.aborted ? "in a hurry" : `within ${this.patience.stop_ms / 1000} s`;
      onEvent({
        kind: "line",
        level: "warning",
        line: `did not stop ${limit} and was killed`,
      });
    }
    await this.#dismissSupervisor();
    await forgetChild(this.options.directory);
  }

  async #dismissSupervisor(): Promise<void> {
    await this.#supervisor?.dismiss();
    this.#supervisor = null;
  }

  /** Restarts the node after each death, until it is stopped or has died too often in a row. */
  async #keepRunning(): Promise<void> {
    const { restarts, stable_ms } = this.patience;
    for (let deaths = 0;;) {
      const upSince = performance.now();
      let reason: Error = await this.#death();
      if (performance.now() - upSince > stable_ms) deaths = 0;
      for (let isUp = false; !isUp;) {
        if (this.#stopping.signal.aborted) return;
        if (++deaths > restarts.attempts) return this.#giveUp(reason);
        try {
          await this.#restart(reason, deaths);
          isUp = true;
        } catch (error) {
          reason = error instanceof Error ? error : new Error(String(error));
        }
      }
    }
  }

  async #death(): Promise<Error> {
    const child = this.#child;
    return child === null
      ? new Error("Redpanda is not running")
      : deathOf(await child.ended, "Redpanda ended by itself");
  }

  async #restart(reason: Error, attempt: number): Promise<void> {
    const delay_ms = backoffDelayMs(this.patience.restarts, attempt);
    this.options.onEvent({
      kind: "restarting",
      reason: reason.message,
      attempt,
      delay_ms,
    });
    await wait(delay_ms, this.#stopping.signal);
    const began = performance.now();
    await this.#launch();
    reportReady(this.options.onEvent, this.addresses, began);
  }

  #giveUp(reason: Error): void {
    this.#child = null;
    void this.#dismissSupervisor();
    const error = new PermanentError(
      `Redpanda died ${
        this.patience.restarts.attempts + 1
      } times in a row; the last time: ${reason.message}`,
      { cause: reason, hint: hintOf(reason) ?? "LOG_LEVEL=debug shows its log." },
    );
    this.options.onEvent({ kind: "failed", reason: error.message });
    this.#failure.resolve(error);
  }
}
