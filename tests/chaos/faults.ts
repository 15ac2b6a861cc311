/** Carries out the actions of a plan, and undoes what they left. */
import process from "node:process";
import type { Action, CyclePlan, Planned } from "./plan.ts";
import { keyOf, REQUEST_MS, requestExtraction } from "./runs.ts";
import type { ServiceProcess } from "./service_process.ts";
import type { Stage } from "./stage.ts";

/** An event that does not come is waited for this long; then the action is carried out all the same. */
const EVENT_MS_MAX = 1_500;

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function trySignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

export class Faults {
  readonly #stage: Stage;
  readonly #plan: CyclePlan;
  /** What was done, and when after the beginning of the cycle. */
  readonly done: string[] = [];
  /** Stops that were not as they should be. */
  readonly badStops: string[] = [];
  readonly #began = performance.now();
  /** One restart of Kafka after the other. */
  #kafka: Promise<void> = Promise.resolve();

  constructor(stage: Stage, plan: CyclePlan) {
    this.#stage = stage;
    this.#plan = plan;
  }

  /** Carries all actions out, each at its moment; `place` is where the cycle begins in the event log. */
  async carryOut(place: number, signal: AbortSignal): Promise<void> {
    // Rewrites in the order of their steps: a file must not go back.
    let rewritten: Promise<void> = Promise.resolve();
    await Promise.all(this.#plan.actions.map((planned) => {
      const moment = this.#moment(planned, place, signal);
      const act = async () => this.#act(planned.action, await moment);
      return planned.action.kind === "rewrite" ? rewritten = rewritten.then(act) : act();
    }));
  }

  async #moment({ after: name, nth, delay_ms }: Planned, place: number, signal: AbortSignal) {
    const isThere = await this.#stage.events.nth(place, name, nth, EVENT_MS_MAX, signal);
    await after(delay_ms);
    return isThere;
  }

  async #act(action: Action, isAtItsMoment: boolean): Promise<void> {
    const begun_ms = Math.round(performance.now() - this.#began);
    const told = await this.#perform(action);
    const moment = isAtItsMoment ? "" : " (its event had not come)";
    this.done.push(`${begun_ms} ms: ${JSON.stringify(action)}${moment}${told ?? ""}`);
  }

  async #perform(action: Action): Promise<string | void> {
    const { engines, source, disk } = this.#stage;
    switch (action.kind) {
      case "kill":
      case "stop":
        return await this.#end(action);
      case "freeze": {
        const process = this.#process(action.process);
        process.signal("SIGSTOP");
        await after(action.for_ms);
        return process.signal("SIGCONT");
      }
      case "postgres":
        return await this.#troublePostgres(action.how);
      case "freeze postgres": {
        const goOn = await engines.postgres.freeze();
        await after(action.for_ms);
        return goOn();
      }
      case "kafka":
        return await (this.#kafka = this.#kafka.then(() => this.#restartKafka(action)));
      case "freeze kafka": {
        // The same process goes on, even if it was to end meanwhile.
        const { pid } = engines.outside!.kafka;
        trySignal(pid, "SIGSTOP");
        await after(action.for_ms);
        return trySignal(pid, "SIGCONT");
      }
      case "network":
        return await this.#troubleNetwork(action);
      case "disk full":
        if (disk === null) return ": left out, no tmpfs can be mounted here";
        await disk.fill();
        await after(action.for_ms);
        return disk.free();
      case "clock":
        return await this.#stage.setClock(action.jump_s);
      case "source":
        source.trouble = action.how;
        await after(action.for_ms);
        source.trouble = "none";
        return;
      case "extract":
        return await requestExtraction(
          this.#stage,
          keyOf(this.#plan, String(action.nth)),
          REQUEST_MS,
        ).then(() => "", () => ": nobody took the request");
      case "rewrite": {
        const { source: state } = this.#plan.steps[action.step]!;
        return await source.write(state, this.#plan.writings[action.step]!);
      }
    }
  }

  #process(name: string): ServiceProcess {
    return this.#stage.processes.get(name)!;
  }

  async #restartKafka({ how, down_ms }: Extract<Action, { kind: "kafka" }>): Promise<void> {
    const { kafka } = this.#stage.engines.outside!;
    await kafka.end(how === "kill" ? "SIGKILL" : "SIGTERM");
    await after(down_ms);
    await kafka.startAgain();
  }

  async #end(
    { kind, process: name, down_ms }: Extract<Action, { kind: "kill" | "stop" }>,
  ): Promise<string> {
    const process = this.#process(name);
    if (!process.isUp) return ": it was not up";
    await process.look();
    let told = "";
    if (kind === "kill") await process.kill();
    else {
      const { code, signal, took_ms } = await process.stop();
      told = `: ended with ${code ?? signal} after ${Math.round(took_ms)} ms`;
      if (!process.isInOrder({ code, signal })) this.badStops.push(`${name}${told}`);
    }
    await after(down_ms);
    process.start();
    return told;
  }

  async #troublePostgres(how: Extract<Action, { kind: "postgres" }>["how"]): Promise<string> {
    const { postgres } = this.#stage.engines;
    if (how === "kill a backend") return await postgres.killBackend() ? "" : ": there was none";
    if (how !== "end all connections") return await postgres.end(how) ? "" : ": it was not up";
    try {
      await this.#stage.withSql((sql) =>
        sql`select pg_terminate_backend(pid) from pg_stat_activity
            where pid <> pg_backend_pid() and backend_type = 'client backend'`
      );
      return "";
    } catch (error) {
      return `: ${error instanceof Error ? error.message : error}`;
    }
  }

  async #troubleNetwork({ to, how, for_ms }: Extract<Action, { kind: "network" }>): Promise<void> {
    const { source, engines } = this.#stage;
    const proxy = to === "source" ? source.proxy : engines.outside!.proxies[to];
    if (how === "cut") return proxy.cut();
    proxy.trouble = how;
    await after(for_ms);
    proxy.trouble = "none";
  }
}
