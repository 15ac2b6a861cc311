/**
 * A whole service for a test: real PostgreSQL (a separate database), the real embedded broker in a temporary folder, real HTTP
 * and a real data directory behind a real web server, all on free ports.
 *
 * With KAFKA_BROKERS and SCHEMA_REGISTRY_URL in the environment the same tests run on that Kafka; the topics are deleted first.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { generateDataDirectory, type GeneratedDirectory } from "../../sample/generate.ts";
import { type DataServer, serveDataDirectory, type ServeOptions } from "../../sample/server.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { createKafka, type Kafka } from "../../src/events/kafka_client.ts";
import { ALL_TOPICS } from "../../src/events/topics.ts";
import {
  createObserver,
  type Observer,
  type ServiceEvent,
  unobserved,
} from "../../src/observe/observe.ts";
import type { Vocabulary } from "../../src/observe/vocabulary.ts";
import { readLogAccess } from "../../src/service/log_access.ts";
import { type Service, startService } from "../../src/service/service.ts";
import type { RunFileView, RunView } from "../../src/runs/run_schemas.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";

/** The end of the made-up data: fixed, so that every run of the tests sees the same meteors. */
export const SAMPLE_NOW = new Date("2026-11-20T12:00:00Z");
export const SAMPLE = { seed: 7, lastDay: SAMPLE_NOW, days: 4, meteorsPerDay: 40 } as const;

export interface TestService extends AsyncDisposable {
  readonly service: Service;
  readonly config: Config;
  readonly observer: Observer;
  readonly database: TestDatabase;
  readonly sample: GeneratedDirectory;
  readonly source: DataServer;
  /** Folder of the data directory behind `source`. */
  readonly sourceFolder: string;
  readonly kafka: Kafka;
  /** All events so far. */
  readonly events: readonly ServiceEvent[];
  /** The first event of this name that `matches`, past or to come. */
  next<Name extends keyof Vocabulary>(
    name: Name,
    matches?: (detail: Vocabulary[Name]) => boolean,
  ): Promise<Vocabulary[Name]>;
  /** A request to the API. */
  api(path: string, init?: RequestInit): Promise<Response>;
  /** Requests a run and waits until its rows are loaded; returns the run as the API shows it. */
  run(path: "/backfill" | "/extract", body: unknown): Promise<RunJson>;
  /** Stops the service and starts it again on the same data. */
  restart(): Promise<void>;
  /** Stops the service, does something else with its data, and starts it again, with these settings changed from then on. */
  whileStopped<T>(
    work: () => Promise<T>,
    environment?: Readonly<Record<string, string>>,
  ): Promise<T>;
}

/** The fields of a run that the tests check. */
export interface RunJson {
  id: string;
  state: string;
  reason: string | null;
  files: { planned: number; extracted: number; skipped: number; failed: number };
  waiting: RunView["waiting"];
  rows: RunView["rows"];
  file_list: Pick<RunFileView, "file" | "state" | "reason" | "waiting">[];
}

export interface TestServiceOptions {
  /** How the source misbehaves, as in `serveDataDirectory`. */
  readonly fault?: ServeOptions["fault"];
  /** Settings that override the fixture's. */
  readonly environment?: Record<string, string>;
  /** Content of the data directory; `null` leaves it empty. */
  readonly sample?: Partial<Parameters<typeof generateDataDirectory>[0]> | null;
  /** Enables the schedule and the resumption of old runs, as in production; off by default, so that only the test's runs run. */
  readonly withSchedule?: boolean;
  /** Leaves the topics of an external Kafka as they are: another service of the test made them. */
  readonly keepsTopics?: boolean;
  /** Pause before a file that can't be read yet is tried again; a minute otherwise. */
  readonly retryPause_ms?: number;
}

/** Starts everything; `await using` stops everything. */
export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const stack = new AsyncDisposableStack();
  try {
    const folder = await mkdtemp(join(tmpdir(), "gmn-service-"));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const database = await createTestDatabase();
    stack.use(database);
    const sourceFolder = join(folder, "source");
    await mkdir(sourceFolder);
    const sample = options.sample === null
      ? { files: [], rows: 0, changes: [] }
      : await generateDataDirectory({ directory: sourceFolder, ...SAMPLE, ...options.sample });
    const source = await serveDataDirectory({
      directory: sourceFolder,
      port: 0,
      host: "127.0.0.1",
      fault: options.fault,
    });
    stack.defer(() => source.stop());

    let environment: Record<string, string> = {
      DATA_DIR: join(folder, "data"),
      DATABASE_URL: database.url,
      GMN_DATA_URL: source.url,
      GMN_REQUEST_INTERVAL_MS: "0",
      // As far back as a daily run can look: the made-up data does not become younger.
      EXTRACT_DAYS: "366",
      IAU_SHOWER_URL: "off",
      HTTP_PORT: "0",
      KAFKA_PORT: "0",
      SCHEMA_REGISTRY_PORT: "0",
      ...externalKafka(),
      ...options.environment,
    };
    let config = readConfig(environment);
    const { kafka: kafkaAccess } = await readLogAccess(config);
    const kafkaOf = (brokers: readonly string[]) =>
      createKafka({ brokers, clientId: "test", ...kafkaAccess }, unobserved);
    if (config.kafkaBrokers !== null && options.keepsTopics !== true) {
      await removeTopics(kafkaOf(config.kafkaBrokers));
    }

    const observer = createObserver();
    const events: ServiceEvent[] = [];
    observer.listen((event) => {
      events.push(event);
      // A slow stop fails no test by itself, but finding its reason needs its name.
      if (event.name === "service.release_failed") {
        console.error(`${event.detail.name} did not stop: ${event.detail.reason}`);
      }
    });
    const start = () =>
      startService({
        config,
        observer,
        isForOneCommand: options.withSchedule !== true,
        retryPause_ms: options.retryPause_ms,
      });
    let service = await start();
    stack.defer(() => service.stop("the test is over"));

    const test: TestService = {
      get service() {
        return service;
      },
      get kafka() {
        return kafkaOf(service.addresses.brokers);
      },
      database,
      sample,
      source,
      sourceFolder,
      events,
      next: (name, matches = () => true) =>
        new Promise((resolve) => {
          const isIt = (event: ServiceEvent) =>
            event.name === name && matches(event.detail as never);
          const past = events.find(isIt);
          if (past !== undefined) return resolve(past.detail as never);
          const unlisten = observer.listen((event) => {
            if (!isIt(event)) return;
            unlisten();
            resolve(event.detail as never);
          });
        }),
      api: (path, init) => fetch(`${service.addresses.http}${path}`, init),
      async run(path, body) {
        const asked = await test.api(path, {
          method: "POST",
          body: JSON.stringify(body),
          headers: { "content-type": "application/json" },
        });
        if (asked.status !== 202) throw new Error(`${asked.status}: ${await asked.text()}`);
        const { run_id } = await asked.json() as { run_id: string };
        await test.next("run.loaded", ({ runId }) => runId === run_id);
        // Its last event is projected on another partition than its rows.
        for (;;) {
          const run = await (await test.api(`/runs/${run_id}`)).json() as RunJson;
          if (run.state !== "running" && run.state !== "requested") return run;
        }
      },
      get config() {
        return config;
      },
      observer,
      restart: () => test.whileStopped(() => Promise.resolve()),
      async whileStopped(work, changed = {}) {
        await service.stop("restart");
        try {
          return await work();
        } finally {
          environment = { ...environment, ...changed };
          config = readConfig(environment);
          service = await start();
        }
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
    return test;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function externalKafka(): Record<string, string> {
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL } = process.env;
  return KAFKA_BROKERS === undefined || SCHEMA_REGISTRY_URL === undefined
    // Not auto: a machine with Docker would start Redpanda for every test.
    ? { BROKER: "embedded" }
    : { KAFKA_BROKERS, SCHEMA_REGISTRY_URL };
}

/** Deletes the topics of a Kafka that outlives the test, so that each test begins with none. */
async function removeTopics(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const existing = await admin.listTopics();
    const ours = ALL_TOPICS.map((topic) => topic.name).filter((name) => existing.includes(name));
    if (ours.length > 0) await admin.deleteTopics({ topics: ours });
  } finally {
    await admin.disconnect();
  }
}
