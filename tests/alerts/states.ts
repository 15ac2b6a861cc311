/**
 * The states that the alerts are for. The service is brought into each, scraped there, and promtool says which alerts fire when
 * Prometheus sees that for a while: those that are meant, and no others.
 */
import { Buffer } from "node:buffer";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TRAJECTORY_SUMMARY_RAW } from "../../src/events/topics.ts";
import { diskSpaceOf } from "../../src/service/disk_space.ts";
import { rowLines, summaryText } from "../producer/summary_text.ts";
import {
  append,
  type ForeignMessage,
  PYTHON_SCHEMA,
  pythonBody,
  registerSchema,
  wire,
} from "../support/foreign_producer.ts";
import { flipBit, storedBatches } from "../support/log_damage.ts";
import { startTestService } from "../support/service.ts";
import { summaryOf } from "../support/trajectories.ts";
import { Deployment, type Mode } from "./deployment.ts";
import { expectAlerts, type Scrape, type Stretch, WITHOUT_PROMTOOL } from "./prometheus.ts";

const TEST_MS = 180_000;
const HOUR = 60;
const DAY = 24 * HOUR;
/** Longer than any alert but the slow ones waits. */
const SHORT = 20;
const TOPIC = TRAJECTORY_SUMMARY_RAW.name;
const MIB = 1024 * 1024;
/** The largest that DISK_FREE_MIN_MB may be. */
const DISK_LIMIT_MAX_MiB = 1_000_000;
/** One more than what is not worth an alert. */
const BAD = 101;
/** The same, of records behind. */
const LAGGING = 1_001;
const LAG = `gmn_consumer_lag_records{topic="${TOPIC}",partition="1"}`;

/** The states, for the service in one process or in several. */
export function describeAlerts(mode: Mode): void {
  const isSplit = mode === "a process for each role";
  let deployment: Deployment;
  /** Settled when the source may answer. */
  const answering = Promise.withResolvers<void>();
  /** The counters' series of each process at its first scrape. */
  let atFirst: Map<string, string[]>;

  beforeAll(async () => {
    if (WITHOUT_PROMTOOL !== "") return;
    deployment = await Deployment.start(mode, async (path) => {
      if (path.endsWith("/")) await answering.promise;
      return undefined;
    });
  }, TEST_MS);
  afterAll(() => deployment?.[Symbol.asyncDispose](), TEST_MS);

  const proves = (name: string, work: () => Promise<void>) =>
    test.skipIf(WITHOUT_PROMTOOL !== "")(`${name}${WITHOUT_PROMTOOL}`, work, TEST_MS);
  const quiet = (scrapes: readonly Scrape[], minutes = SHORT): Stretch => ({
    scrapes,
    minutes,
    firing: [],
  });
  /** All is well, then this. */
  const then = (before: readonly Scrape[], after: Omit<Stretch, "minutes">, minutes = SHORT) =>
    expectAlerts([quiet(before), { ...after, minutes }]);

  describe(mode, () => {
    proves("nothing is loaded yet", async () => {
      await deployment.happened("schedule.fired");
      const scrapes = await deployment.healthy();
      atFirst = counterSeries(scrapes);
      expectAlerts([quiet(scrapes, 10), {
        scrapes,
        minutes: 2 * HOUR,
        firing: ["GmnNoDailyRun", "GmnNoNightLoaded"],
      }]);
    });

    proves("a daily run was loaded; then nothing happens for days", async () => {
      answering.resolve();
      await deployment.happened("heartbeat.sent");
      const scrapes = await deployment.healthy();
      expectAlerts([
        quiet(scrapes, 29 * HOUR),
        { scrapes, minutes: 2 * HOUR, firing: ["GmnNoDailyRun"] },
        { scrapes, minutes: 2 * DAY, firing: ["GmnNoDailyRun", "GmnNoNewRows"] },
        {
          scrapes,
          minutes: DAY,
          firing: ["GmnNoDailyRun", "GmnNoNewRows", "GmnNoNightLoaded"],
        },
      ], 10);
    });

    proves("a run fails", async () => {
      const before = await deployment.healthy();
      const failed = deployment.count("run.failed");
      await deployment.ask("/backfill", `{"year":2019}`);
      await deployment.happened("run.failed", failed + 1);
      const scrapes = await deployment.healthy();
      then(before, { scrapes, firing: [`GmnRunFailed{kind="backfill"}`] });
    });

    proves("lines that can't be read, records that can't be stored", async () => {
      const before = await deployment.healthy();
      const lines = rowLines(BAD).map((line) => line.replace(/;[^;]*;/, ";never;"));
      await deployment.ask("/trajectories", summaryText(lines), "text/plain");
      await deployment.happened("line.rejected", BAD);
      const between = await deployment.healthy();
      then(before, { scrapes: between, firing: [`GmnDeadLetters{stage="read"}`] });

      const records = Array.from({ length: BAD }, (_, n) => ({
        key: `bad-${n}`,
        value: Buffer.from("not in the schema registry's wire format"),
      }));
      await append(deployment.base.kafka, records);
      await deployment.happened("sink.dead_letter", BAD);
      const scrapes = await deployment.healthy();
      then(between, { scrapes, firing: [`GmnDeadLetters{stage="sink"}`] });
    });

    proves("the monitor takes no heartbeat", async () => {
      const before = await deployment.healthy();
      deployment.heartbeats.isThere = false;
      await deployment.ask("/extract", "{}");
      await deployment.happened("heartbeat.failed");
      deployment.heartbeats.isThere = true;
      then(before, { scrapes: await deployment.healthy(), firing: ["GmnHeartbeatFailed"] });
    });

    proves("a request meets a fault", async () => {
      const before = await deployment.healthy();
      const { sql } = deployment.store;
      await sql`alter table station rename to station_elsewhere`;
      expect((await deployment.base.api("/stations")).status).toBe(500);
      await sql`alter table station_elsewhere rename to station`;
      then(before, { scrapes: await deployment.healthy(), firing: ["GmnServerErrors"] }, 10);
    });

    proves("the sink stands still", async () => {
      const before = await deployment.healthy();
      const behind = (scrapes: readonly Scrape[]) =>
        scrapes.some(({ samples }) => (samples?.get(LAG) ?? 0) >= LAGGING);
      const lag = `GmnLagNotShrinking{topic="${TOPIC}",partition="1"}`;
      if (isSplit) {
        await deployment.stop("consumer");
        await publish(deployment, LAGGING);
        const scrapes = await deployment.scrapeUntil("the sink is behind", behind);
        await deployment.start("consumer");
        then(before, { scrapes, firing: ["GmnServiceDown", lag] }, HOUR);
      } else {
        const scrapes = await deployment.store.sql.begin(async (transaction) => {
          await transaction`lock table meteor in exclusive mode`;
          await publish(deployment, LAGGING);
          return await deployment.scrapeUntil("the sink is behind", behind);
        });
        then(before, { scrapes, firing: [lag] }, HOUR);
      }
    });

    proves("no process leads, and a run waits", async () => {
      const before = await deployment.healthy();
      const waits = async () => {
        await deployment.ask("/backfill", `{"all":true}`);
        return await deployment.scrapeUntil(
          "the run has no owner",
          (scrapes) => scrapes.some(({ samples }) => samples?.get("gmn_runs_without_owner") === 1),
        );
      };
      const firing = [`GmnLeaseStale{lease="producer"}`, "GmnRunWithoutOwner"];
      const completed = deployment.count("run.completed");
      if (isSplit) {
        await deployment.stop("producer");
        const scrapes = await waits();
        await deployment.start("producer");
        then(before, { scrapes, ages: true, firing: ["GmnServiceDown", ...firing] });
      } else {
        const scrapes = await withoutLeases(deployment, waits);
        then(before, { scrapes, ages: true, firing });
      }
      await deployment.happened("run.completed", completed + 1);
    });

    proves("the database does not answer", async () => {
      const before = await deployment.healthy();
      const scrapes = await deployment.withFrozenDatabase(() => deployment.scrape());
      then(before, { scrapes, firing: [notReady("database")] });
    });

    if (isSplit) {
      proves("a process waits for the database at its start", async () => {
        const scrapes = await deployment.healthy();
        const waiting = await deployment.scrapeOfWaitingStart();
        then(scrapes, { scrapes: [...scrapes, waiting], firing: [notReady("service")] });
      });
    }

    proves("the database dies again and again", async () => {
      const before = await deployment.healthy();
      for (let death = 0; death < 3; death++) await deployment.killDatabase();
      const scrapes = await deployment.healthy();
      then(before, { scrapes, firing: [`GmnRestarts{part="database"}`] });
    });

    proves("no counter has got a series since the start", async () => {
      expect(counterSeries(await deployment.healthy())).toEqual(atFirst);
    });

    proves("the log is damaged, and the disks have little space", async () => {
      const before = await deployment.healthy();
      const { free, limit } = await roomOf(deployment);
      const stopped = await deployment.base.whileStopped(async () => {
        const scrapes = await deployment.scrapeUntil(
          "the others miss it",
          (scrapes) => scrapes.every(lacksEngines),
        );
        const folder = brokerFolder(deployment);
        // The last batch of each partition is checked at start.
        flipBit(folder, TOPIC, 1, storedBatches(folder, TOPIC, 1).at(-1)!.lastOffset);
        return scrapes;
      }, { DISK_FREE_MIN_MB: limit(free / 2) });
      await deployment.happened("log.damaged");
      expectAlerts([
        quiet(before),
        {
          scrapes: stopped,
          minutes: SHORT,
          firing: [
            "GmnServiceDown",
            ...isSplit ? ["broker", "consumer", "database", "registry"].map(notReady) : [],
          ],
        },
        {
          scrapes: await deployment.healthy(),
          minutes: SHORT,
          firing: ["GmnLogDamaged", `GmnDiskLow{holds="log"}`, `GmnDiskLow{holds="database"}`],
        },
      ]);
    });

    proves("the log is another one, and the disks have no space", async () => {
      const folder = brokerFolder(deployment);
      const other = `${folder}-other`;
      if (isSplit) await makeLog(other);
      const verdict = isSplit ? "another" : "emptied";
      const { free, limit } = await roomOf(deployment);
      // Of a disk with more than a terabyte free, the setting can't say that it is full.
      const isFull = Number(limit(2 * free)) > free;
      await deployment.base.whileStopped(async () => {
        await rm(folder, { recursive: true });
        if (isSplit) await rename(other, folder);
      }, { DISK_FREE_MIN_MB: limit(2 * free) });
      const scrapes = await deployment.scrapeUntil(
        "every process sees it",
        (scrapes) =>
          scrapes.every(({ samples }) =>
            samples?.get(`gmn_log_undecided{verdict="${verdict}"}`) === 1 &&
            samples.get(`gmn_part_ready{part="broker"}`) === 1
          ),
      );
      expectAlerts([{
        scrapes,
        minutes: SHORT,
        firing: [
          `GmnLogUndecided{verdict="${verdict}"}`,
          ...isFull ? ["log", "database"].map((holds) => `GmnDiskFull{holds="${holds}"}`) : [],
          ...["consumer", "log", ...isFull ? ["disk"] : []].map(notReady),
        ],
      }]);
    });
  });
}

const notReady = (part: string) => `GmnPartNotReady{part="${part}"}`;

/** Whether a process is stopped, or its engines are and it has noticed. */
function lacksEngines({ samples }: Scrape): boolean {
  return ["broker", "consumer", "database", "registry"].every((part) =>
    samples?.get(`gmn_part_ready{part="${part}"}`) !== 1
  );
}

/** The series of the counters of each process, without those of requests. */
function counterSeries(scrapes: readonly Scrape[]): Map<string, string[]> {
  return new Map(scrapes.map(({ instance, samples }) => [
    instance,
    [...samples?.keys() ?? []].filter((series) =>
      /_(total|count|sum)(\{|$)/.test(series) && !/^gmn_http_request_/.test(series)
    ),
  ]));
}

/** Appends new trajectories of another program to partition 1. */
async function publish({ base }: Deployment, count: number): Promise<void> {
  const schemaId = await registerSchema(base, PYTHON_SCHEMA);
  const messages = Array.from({ length: count }, (_, n): ForeignMessage => {
    const id = `20260101000000_${String(n).padStart(6, "0")}`;
    return { key: id, value: wire(schemaId, pythonBody(summaryOf(id))) };
  });
  await append(base.kafka, messages);
}

const brokerFolder = ({ base }: Deployment) => join(base.config.dataDirectory, "broker");

/** The free space of the disk in MiB, and a number of MiB as a setting. */
async function roomOf({ base }: Deployment) {
  const { free_bytes } = await diskSpaceOf(base.config.dataDirectory);
  const limit = (limit_MiB: number) => String(Math.min(DISK_LIMIT_MAX_MiB, Math.round(limit_MiB)));
  return { free: free_bytes / MIB, limit };
}

/** Keeps the process from leading while `work` is done: it can't write that it does. */
async function withoutLeases<T>(
  deployment: Deployment,
  work: () => Promise<T>,
): Promise<T> {
  const { sql } = deployment.store;
  await sql`
    create function refuse_lease() returns trigger language plpgsql as $$
    begin raise exception 'no lease for this test'; end $$`;
  await sql`create trigger refuse before insert or update on lease execute function refuse_lease()`;
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gmn lease: producer'`;
  await deployment.happened("producer.follows");
  try {
    return await work();
  } finally {
    await sql`drop function refuse_lease() cascade`;
  }
}

/** Puts the log of another data store here. */
async function makeLog(folder: string): Promise<void> {
  await using other = await startTestService({
    sample: { days: 1, meteorsPerDay: 10 },
    environment: { BROKER: "embedded" },
  });
  await other.run("/backfill", { all: true });
  await other.service.stop("its log goes elsewhere");
  await rename(join(other.config.dataDirectory, "broker"), folder);
}
