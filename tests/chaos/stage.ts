/** The service under test with all that is around it: its processes, its engines, the source, and a folder for everything. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { killBelow } from "../support/process_list.ts";
import { type Engines, enginesInside, enginesOutside } from "./engines.ts";
import { EventLog } from "./event_log.ts";
import { type Mode, PROCESSES } from "./plan.ts";
import { ServiceProcess } from "./service_process.ts";
import { ShrinkingDisk } from "./shrinking_disk.ts";
import { SourceFolder } from "./source_folder.ts";

/** As far back as a daily run can look: the windows do not become younger. */
export const DAYS = 366;

/** What each process of the split service does. */
const ROLES: Readonly<Record<string, string>> = {
  "service": "producer,consumer,http",
  "producer-1": "producer",
  "producer-2": "producer",
  "consumer": "consumer",
  "http": "http",
};

export class Stage {
  readonly events = new EventLog();
  readonly processes = new Map<string, ServiceProcess>();
  #shift_s = 0;

  private constructor(
    readonly mode: Mode,
    /** Everything of this stage is below it. */
    readonly base: string,
    readonly engines: Engines,
    readonly source: SourceFolder,
    readonly disk: ShrinkingDisk | null,
  ) {}

  /** Makes everything and starts no process yet. @throws Error when Apache Kafka can't be had */
  static async make(mode: Mode): Promise<Stage> {
    const base = await mkdtemp(join(tmpdir(), "gmn-chaos-"));
    // PostgreSQL runs as another user where this is root's.
    await chmod(base, 0o755);
    const data = join(base, "data");
    for (const folder of ["data", "logs", "source"]) await mkdir(join(base, folder));
    const disk = mode === "all-in-one" ? ShrinkingDisk.mount(data) : null;
    const engines = mode === "all-in-one"
      ? enginesInside(join(data, "service"))
      : await enginesOutside(data).catch(async (error) => {
        await rm(base, { recursive: true, force: true });
        throw error;
      });
    const source = await SourceFolder.start(join(base, "source"));
    const stage = new Stage(mode, base, engines, source, disk);
    await stage.setClock(0);
    for (const name of PROCESSES[mode]) stage.processes.set(name, stage.#process(name));
    return stage;
  }

  #process(name: string): ServiceProcess {
    return new ServiceProcess({
      name,
      dataDirectory: join(this.base, "data", name),
      logFile: join(this.base, "logs", `${name}.log`),
      clockFile: join(this.base, "clock"),
      events: this.events,
      settings: {
        ...this.engines.settings,
        ROLES: ROLES[name]!,
        GMN_DATA_URL: this.source.url,
        GMN_REQUEST_INTERVAL_MS: "0",
        EXTRACT_DAYS: String(DAYS),
        IAU_SHOWER_URL: "off",
        HTTP_PORT: "0",
        SCHEDULE: "0 0 1 1 *",
        // Faults come after events, of which many are of this level.
        LOG_LEVEL: "debug",
        // The disk of the stage is as large as it needs to be.
        DISK_FREE_MIN_MB: "16",
      },
    });
  }

  /** Starts what does not run, and waits until all are up. */
  async start(): Promise<void> {
    for (const process of this.processes.values()) process.start();
    await Promise.all([...this.processes.values()].map((process) => process.ready()));
  }

  /** The process that answers requests. */
  get http(): ServiceProcess {
    return this.processes.get("http") ?? this.processes.get("service")!;
  }

  /** Moves the service's clock by so many seconds. */
  async setClock(shift_s: number): Promise<void> {
    this.#shift_s = shift_s;
    await writeFile(join(this.base, "clock"), String(shift_s));
  }

  get clockShift_s(): number {
    return this.#shift_s;
  }

  /** PostgreSQL and the broker, without proxies. Null while the service that has them is not up. */
  async direct(): Promise<{ databaseUrl: string; broker: string } | null> {
    const { outside } = this.engines;
    if (outside !== null) {
      return { databaseUrl: outside.databaseUrl, broker: outside.kafka.address };
    }
    const addresses = await this.http.addresses();
    return addresses === null
      ? null
      : { databaseUrl: addresses.databaseUrl, broker: addresses.brokers[0]! };
  }

  /** Connections of the harness itself, closed after `work`. */
  async withSql<Result>(work: (sql: postgres.Sql) => Promise<Result>): Promise<Result> {
    const direct = await this.direct();
    if (direct === null) throw new Error("there is no database now");
    const sql = postgres(direct.databaseUrl, {
      max: 2,
      connect_timeout: 5,
      onnotice: () => {},
      connection: { application_name: "chaos" },
    });
    try {
      return await work(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  /** A request to the API. @throws Error when it is not answered in time */
  async api(path: string, init?: RequestInit): Promise<Response> {
    const http = (await this.http.addresses())?.http ?? null;
    if (http === null) throw new Error("the API is not up");
    return await fetch(`${http.replace(/\/$/, "")}${path}`, {
      ...init,
      headers: { "content-type": "application/json", ...init?.headers },
      signal: AbortSignal.timeout(10_000),
    });
  }

  /** Ends and removes everything, whatever state it is in. */
  async remove(): Promise<void> {
    for (const process of this.processes.values()) await process.giveUp();
    await this.source.stop();
    this.disk?.free();
    await this.engines.stop();
    await killBelow(this.base);
    this.disk?.unmount();
    await rm(this.base, { recursive: true, force: true });
  }
}
