/**
 * The service as it is deployed: in one process with every role, or with a process for each role. Its engines are embedded, in the
 * process that has the API, at the same addresses after every start.
 */
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Fault } from "../../sample/server.ts";
import type { Role } from "../../src/config.ts";
import { createObserver, type ServiceEvent, unobserved } from "../../src/observe/observe.ts";
import type { Vocabulary } from "../../src/observe/vocabulary.ts";
import { type Service, startService } from "../../src/service/service.ts";
import { connectStore, type Store } from "../../src/store/connection.ts";
import { until } from "../support/poll.ts";
import { processesBelow } from "../support/process_list.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { type Scrape, scrape } from "./prometheus.ts";

export type Mode = "all roles in one process" | "a process for each role";

/** Recovery of PostgreSQL, a group that settles, on a machine that does other things too. */
const WAIT_MS = 60_000;
/** The shortest that the settings allow: how long the group waits for a process that has gone. */
const SESSION_MS = 6_000;

/** What is 0 when all is well: a scrape at the start would else be taken for hours. */
const AT_REST = ["gmn_consumer_lag", "gmn_runs_without_owner"];

export class Deployment implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  /** Has the API, and the engines. */
  readonly base: TestService;
  readonly store: Store;
  /** The other processes, by role. */
  readonly #others = new Map<Role, Service>();
  /** Where each process is scraped, also while it is stopped. */
  readonly #targets = new Map<Role, string>();
  readonly #events: ServiceEvent[] = [];

  private constructor(stack: AsyncDisposableStack, base: TestService, store: Store) {
    this.#stack = stack;
    this.base = base;
    this.store = store;
    this.#targets.set("http", base.service.addresses.http!);
  }

  static async start(mode: Mode, source: (path: string) => Promise<Fault | undefined>) {
    const stack = new AsyncDisposableStack();
    try {
      const heartbeats = stack.use(await listenForHeartbeats());
      const folder = await mkdtemp(join(tmpdir(), "gmn-alerts-"));
      stack.defer(() => rm(folder, { recursive: true, force: true }));
      // For PostgreSQL's user.
      await chmod(folder, 0o755);
      const [http, kafka, registry, postgres] = freePorts(4);
      const base = stack.use(
        await startTestService({
          sample: { days: 2, meteorsPerDay: 20, lastDay: new Date() },
          fault: source,
          withSchedule: true,
          environment: {
            BROKER: "embedded",
            DATABASE_URL: "",
            DATA_DIR: join(folder, "data"),
            HTTP_PORT: http!,
            KAFKA_PORT: kafka!,
            SCHEMA_REGISTRY_PORT: registry!,
            POSTGRES_PORT: postgres!,
            // One daily run, at the start: the last time of the schedule was missed.
            SCHEDULE: "0 0 1 1 *",
            KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
            HEARTBEAT_URL: heartbeats.url,
            ...mode === "a process for each role" ? { ROLES: "http" } : {},
          },
        }),
      );
      const store = connectStore({
        url: base.service.addresses.databaseUrl,
        max: 2,
        applicationName: "test",
        observe: unobserved,
      });
      stack.defer(() => store.close());
      const made = new Deployment(stack, base, store);
      made.heartbeats = heartbeats;
      base.observer.listen((event) => made.#events.push(event));
      if (mode === "a process for each role") {
        await Promise.all([made.start("consumer"), made.start("producer")]);
      }
      return made;
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  /** The monitor behind HEARTBEAT_URL. */
  heartbeats!: Heartbeats;

  /** Starts the process of this role, at the address it had before. */
  async start(role: Role): Promise<void> {
    const { addresses } = this.base.service;
    const target = this.#targets.get(role);
    const metricsPort = Number(target === undefined ? freePorts(1)[0] : new URL(target).port);
    const observer = createObserver();
    observer.listen((event) => this.#events.push(event));
    const service = await startService({
      config: {
        ...this.base.config,
        roles: new Set([role]),
        dataDirectory: join(this.base.config.dataDirectory, role),
        broker: "external",
        kafkaBrokers: addresses.brokers,
        schemaRegistryUrl: addresses.schemaRegistryUrl,
        databaseUrl: addresses.databaseUrl,
        metricsPort,
      },
      observer,
    });
    this.#stack.defer(() => service.stop("the test is over"));
    this.#others.set(role, service);
    this.#targets.set(role, service.addresses.metrics!);
  }

  /** What Prometheus gets from a process that can't start, because its database does not answer. */
  async scrapeOfWaitingStart(): Promise<Scrape> {
    const [nothing, metricsPort] = freePorts(2);
    const giveUp = new AbortController();
    const waiting = Promise.withResolvers<void>();
    const observer = createObserver();
    observer.listen(({ name }) => name === "dependency.unavailable" && waiting.resolve());
    const started = startService({
      config: {
        ...this.base.config,
        roles: new Set(["consumer"]),
        dataDirectory: join(this.base.config.dataDirectory, "waiting"),
        databaseUrl: `postgres://127.0.0.1:${nothing}/nothing`,
        broker: "external",
        kafkaBrokers: this.base.service.addresses.brokers,
        schemaRegistryUrl: this.base.service.addresses.schemaRegistryUrl,
        metricsPort: Number(metricsPort),
      },
      observer,
      signal: giveUp.signal,
    });
    try {
      await Promise.race([waiting.promise, started]);
      return await scrape(`http://127.0.0.1:${metricsPort}`);
    } finally {
      giveUp.abort(new Error("the test is over"));
      await started.catch(() => {});
    }
  }

  async stop(role: Role): Promise<void> {
    await this.#others.get(role)!.stop("for the test");
  }

  /** What Prometheus gets now from every process. */
  scrape(): Promise<Scrape[]> {
    return Promise.all([...this.#targets.values()].map(scrape));
  }

  /** Scrapes until they are like this: what is looked up every few seconds may be seen later. */
  scrapeUntil(what: string, isIt: (scrapes: Scrape[]) => boolean): Promise<Scrape[]> {
    return until(what, async () => {
      const scrapes = await this.scrape();
      return isIt(scrapes) && scrapes;
    }, WAIT_MS);
  }

  /** Scrapes when every part of every process works, everything is loaded, and somebody leads. */
  healthy(): Promise<Scrape[]> {
    return this.scrapeUntil(
      "every part works",
      (scrapes) =>
        scrapes.every(({ samples }) =>
          [...samples ?? [["gmn_part_ready", 0] as const]].every(([series, value]) =>
            series.startsWith("gmn_part_ready")
              ? value === 1
              : !AT_REST.some((name) => series.startsWith(name)) || value === 0
          ) && samples?.has("gmn_meteors")
        ),
    );
  }

  /** Waits until this has happened so many times in all processes. */
  async happened<Name extends keyof Vocabulary>(name: Name, times = 1): Promise<void> {
    await until(
      `${name} has happened ${times} time(s)`,
      () => this.#events.filter((event) => event.name === name).length >= times,
      WAIT_MS,
    );
  }

  /** How often it has happened. */
  count(name: keyof Vocabulary): number {
    return this.#events.filter((event) => event.name === name).length;
  }

  /** Requests a run at the API, and gives its id when it was accepted. */
  async ask(path: string, body: BodyInit, type = "application/json"): Promise<string> {
    const answer = await this.base.api(path, {
      method: "POST",
      body,
      headers: { "content-type": type },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
    return (JSON.parse(text) as { run_id: string }).run_id;
  }

  /** Freezes PostgreSQL while `work` is done. */
  async withFrozenDatabase<T>(work: () => Promise<T>): Promise<T> {
    const frozen = await processesBelow(this.#postgres);
    const all = (signal: "SIGSTOP" | "SIGCONT") => {
      for (const { pid } of frozen) process.kill(pid, signal);
    };
    all("SIGSTOP");
    try {
      return await work();
    } finally {
      all("SIGCONT");
    }
  }

  /** Has PostgreSQL end at once, and waits until the service has started it again. */
  async killDatabase(): Promise<void> {
    const times = this.count("database.restarted") + 1;
    const [pid] = (await readFile(join(this.#postgres, "cluster", "postmaster.pid"), "utf8")).split(
      "\n",
    );
    process.kill(Number(pid), "SIGQUIT");
    await this.happened("database.restarted", times);
  }

  get #postgres(): string {
    return join(this.base.config.dataDirectory, "postgres");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** Below the ports that systems give to connections (from 32768 or 49152): nothing takes them while the service is stopped. */
const PORTS = { from: 20_000, to: 32_000 };

function freePorts(count: number): string[] {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      ports.add(port);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  return [...ports].map(String);
}

/** The monitor that the heartbeats go to. */
interface Heartbeats extends AsyncDisposable {
  readonly url: string;
  /** Whether it takes them; otherwise it answers 404. */
  isThere: boolean;
}

function listenForHeartbeats(): Heartbeats {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(null, { status: heartbeats.isThere ? 200 : 404 }),
  );
  const heartbeats: Heartbeats = {
    url: `http://127.0.0.1:${server.addr.port}/ping`,
    isThere: true,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return heartbeats;
}
