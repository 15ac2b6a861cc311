/**
 * Every command of the documentation, verbatim: the expected output, or the reason why a test can't run it.
 *
 * A command without an entry fails the suite, and so does an entry whose command is no longer in the documentation.
 */

/** What the commands are run against. */
export interface Demo {
  readonly http: string;
  readonly kafka: string;
  readonly registry: string;
  readonly databaseUrl: string;
  /** A failed run that can be requested again. */
  readonly failedRunId: string;
  readonly deadLetterId: string;
  /** The project's folder, for `git clone`. */
  readonly project: string;
}

/** A command that the test runs. */
export interface KnownCommand {
  readonly command: string;
  /** What its output must contain. */
  readonly says: RegExp;
  /** Expected exit code, 0 by default, or Ctrl-C's for commands ended by it. A list where it depends on timing. */
  readonly code?: number | readonly (number | null)[];
  /** Replacements for texts of the documentation: ids, addresses other than the demo's. */
  readonly fill?: (demo: Demo) => Readonly<Record<string, string>>;
  /** Additional environment variables. */
  readonly env?: (demo: Demo) => Readonly<Record<string, string>>;
  /** For a command that never ends by itself: press Ctrl-C once it prints this. */
  readonly until?: RegExp;
  /** `stopped`: run it when the demo is not running. */
  readonly when?: "running" | "stopped";
}

const RUN_ACCEPTED = /"run_id":"[0-9a-f-]{36}","kind":"(backfill|daily)"/;
/** The end of a run, preceded by the progress bar or line. */
const RUN_FOLLOWED = /done {2}\[#{24}\] 100 % .*files[\s\S]*run [0-9a-f-]{36} completed/;
const DEMO_FOLDER = { DATA_DIR: "data/demo" };

/** Settings that make another service use the demo's engines. */
const enginesOfDemo = (demo: Demo) => ({
  KAFKA_BROKERS: demo.kafka,
  SCHEMA_REGISTRY_URL: demo.registry,
  DATABASE_URL: demo.databaseUrl,
  DATA_DIR: "data/second",
  GMN_DATA_URL: "data/demo/sample",
  IAU_SHOWER_URL: "off",
});

const READY = /service\.ready|ready \(/;

/** A curl command: its output is the same with and without a terminal. */
const curl = (
  rest: string,
  says: RegExp,
  more: Omit<KnownCommand, "command" | "says"> = {},
): KnownCommand => ({ command: `curl ${rest}`, says, ...more });

export const KNOWN_COMMANDS: readonly KnownCommand[] = [
  {
    command:
      "git clone https://github.com/gmn-data-platform/gmn-data-store-ingestion && cd gmn-data-store-ingestion",
    fill: ({ project }) => ({
      "https://github.com/gmn-data-platform/gmn-data-store-ingestion": `file://${project} again`,
      "cd gmn-data-store-ingestion": "cd again && ls deno.json && cd .. && rm -rf again",
    }),
    says: /deno\.json/,
  },
  {
    command: "npx --yes deno@2.9.6 task demo",
    when: "stopped",
    until: /first run [0-9a-f-]{36} is loaded: .*\s+see http\S+\/#\/runs\/[0-9a-f-]{36}/,
    says: /dashboard +http:\/\/127\.0\.0\.1:\d+\/[\s\S]*stopped/,
  },
  {
    command: "npx --yes deno@2.9.6 task start",
    when: "stopped",
    // Tests never query the real source.
    env: () => ({ GMN_DATA_URL: "data/demo/sample", IAU_SHOWER_URL: "off" }),
    until: /source +\S*sample/,
    says: /dashboard +http:\/\/127\.0\.0\.1:\d+\//,
  },
  {
    command: "deno task status",
    says: /^.*ready +http:\/\/127[\s\S]*database +embedded PostgreSQL[\s\S]*schedule +next run/m,
  },
  { command: "deno task extract", says: RUN_FOLLOWED },
  { command: "deno task backfill -- --all", says: RUN_FOLLOWED },
  // tests/recovery/runbook.test.ts runs the runbook's pages where there is something to decide.
  { command: "deno task log status", says: /the log is the data store's: work goes on/ },
  { command: "deno task log refill --yes", says: /nothing to refill/ },
  { command: "deno task log reread --yes", says: /nothing to decide/ },
  { command: "deno task log adopt --yes", says: /nothing to decide/ },
  { command: "deno task log verify", says: /the log is sound, and says what the data store has/ },
  {
    command: "deno task log verify --topic trajectory_summary_raw --json",
    says: /"sound": true/,
  },
  // Nothing is damaged here; tests/recovery/repair.test.ts runs it on a damaged log.
  { command: "deno task log repair --yes", says: /there is nothing to repair/ },
  { command: "deno task backfill -- --month 2024-08", says: RUN_FOLLOWED },
  curl("-X POST http://127.0.0.1:8000/extract", RUN_ACCEPTED),
  curl(
    `-X POST http://127.0.0.1:8000/extract -H "Authorization: Bearer $API_TOKEN"`,
    RUN_ACCEPTED,
    { env: () => ({ API_TOKEN: "of-no-use-to-the-demo" }) },
  ),
  curl(`-X POST http://127.0.0.1:8000/backfill -d '{"all":true}'`, RUN_ACCEPTED),
  curl(`-X POST http://127.0.0.1:8000/backfill -d '{"year":2024}'`, RUN_ACCEPTED),
  curl(`-X POST http://127.0.0.1:8000/backfill -d '{"month":"2024-08"}'`, RUN_ACCEPTED),
  curl(
    `-X POST http://127.0.0.1:8000/backfill -d '{"from":"2024-08-11","to":"2024-08-13"}'`,
    RUN_ACCEPTED,
  ),
  curl(
    `-X POST 'http://127.0.0.1:8000/backfill?dry_run=true' -d '{"month":"2024-08"}'`,
    /"dry_run":true[\s\S]*"file":"monthly\/traj_summary_monthly_202408\.txt"/,
  ),
  curl("http://127.0.0.1:8000/runs", /\{"runs":\[\{"id":"/),
  curl("http://127.0.0.1:8000/runs/RUN_ID", /"file_list":/, {
    fill: ({ failedRunId }) => ({ RUN_ID: failedRunId }),
  }),
  curl(
    "-X POST http://127.0.0.1:8000/runs/RUN_ID/cancel",
    // The run has already ended, and the answer says so.
    /"type":"\/errors\/conflict"[\s\S]*failed/,
    { fill: ({ failedRunId }) => ({ RUN_ID: failedRunId }) },
  ),
  curl("-X POST http://127.0.0.1:8000/runs/RUN_ID/retry", /"run_id":"[0-9a-f-]{36}"/, {
    fill: ({ failedRunId }) => ({ RUN_ID: failedRunId }),
  }),
  curl("-X POST http://127.0.0.1:8000/schedule/pause", /"paused_since":"2/),
  curl("-X POST http://127.0.0.1:8000/schedule/resume", /"paused_since":null/),
  {
    command: "deno task parse data/demo/sample/daily/traj_summary_yesterday.txt",
    says: /\{"unique_trajectory_identifier":"\d{14}_\w{5}"[\s\S]*: \d+ rows, 0 lines rejected/,
  },
  {
    command:
      "deno task parse -- data/demo/sample/daily/traj_summary_yesterday.txt data/demo/sample/daily/traj_summary_latest_daily.txt",
    says: /traj_summary_yesterday\.txt: \d+ rows[\s\S]*latest_daily\.txt: \d+ rows/,
  },
  {
    command: "cat data/demo/sample/daily/*_solrange_14*.txt | deno task parse -",
    says: /\{"unique_trajectory_identifier":"202408[\s\S]*-: \d+ rows, 0 lines rejected/,
  },
  {
    command: "deno task ingest data/demo/sample/daily/traj_summary_yesterday.txt",
    says:
      /loaded by the service that runs on[\s\S]*: (\d+) rows read, \d+ published, \d+ unchanged, 0 rejected/,
  },
  curl(
    "'http://127.0.0.1:8000/meteors?shower=PER&from=2024-08-12&to=2024-08-13&format=csv' > perseids.csv",
    /^[^{}]*$/,
  ),
  curl(
    "http://127.0.0.1:8000/meteors/20240813234605_GKOcu",
    /"20240813234605_GKOcu"[\s\S]*traj_summary_/,
  ),
  curl(
    "--data-binary @my_summaries.txt http://127.0.0.1:8000/trajectories",
    /"state":"completed"[\s\S]*"rows":\{"read":\d+/,
  ),
  curl("-N http://127.0.0.1:8000/events", /event:/, { until: /event:/, code: [130, null] }),
  {
    command: `psql "$(cat data/demo/database.url)"`,
    fill: () => ({ 'database.url)"': `database.url)" -c '\\d+ meteor'` }),
    says: /vgeo_km_s .*km\/s/,
  },
  {
    command: "kcat -C -b 127.0.0.1:9092 -t trajectory_summary_raw -f '%k %h\\n' -e",
    says: /\d{14}_\w{5} gmn-run-id=[0-9a-f-]{36}/,
  },
  curl(
    "--data-binary @traj_summary_20241201_solrange_248.0-249.0.txt http://127.0.0.1:8000/trajectories",
    /"state":"completed"/,
  ),
  curl(
    "--data-binary @records.ndjson 'http://127.0.0.1:8000/trajectories?name=my-station'",
    /"state":"completed","file":"upload\/my-station"/,
  ),
  curl(
    "'http://127.0.0.1:8000/dead-letters?stage=read&reason=fields'",
    /fields where the header has/,
  ),
  { command: "deno task replay --all --dry-run", says: /[1-9]\d* dead letter\(s\) would be/ },
  {
    command: "deno task replay --stage decode --reason 'schema 17'",
    says: /0 published again, 0 still waiting/,
  },
  {
    command: "deno task replay --id 'DEAD_LETTER_ID'",
    fill: ({ deadLetterId }) => ({ DEAD_LETTER_ID: deadLetterId }),
    // The line is still invalid.
    says: /0 published again, 1 still wait/,
    code: 1,
  },
  curl(
    `-X POST 'http://127.0.0.1:8000/dead-letters/replay?dry_run=true' -H 'content-type: application/json' -d '{"stage":"load"}'`,
    /"dry_run":true/,
  ),
  curl(
    "-X POST 'http://127.0.0.1:8000/dead-letters/DEAD_LETTER_ID/replay'",
    /fields where the header has/,
    { fill: ({ deadLetterId }) => ({ DEAD_LETTER_ID: encodeURIComponent(deadLetterId) }) },
  ),
  {
    command: "export URL=https://YOUR-APP.fly.dev TOKEN=…",
    fill: () => ({ "TOKEN=…": 'TOKEN=… && echo "$URL"' }),
    says: /YOUR-APP/,
  },
  ...[`'{"month":"2024-08"}'`, `'{"all":true}'`].map((body): KnownCommand => ({
    command: `curl -X POST "$URL/backfill" -H "Authorization: Bearer $TOKEN" -d ${body}`,
    env: ({ http }) => ({ URL: http, TOKEN: "of-no-use-to-the-demo" }),
    says: RUN_ACCEPTED,
  })),
  curl('"$URL/runs"', /\{"runs":\[\{"id":"/, { env: ({ http }) => ({ URL: http }) }),
  {
    command: "deno task --config /opt/gmn-data-store/deno.json install --frozen",
    fill: ({ project }) => ({ "/opt/gmn-data-store": project }),
    says: /Task install/,
  },
  { command: "deno task broker --help", says: /--kafka-port PORT[\s\S]*exit code +0/ },
  {
    command: "deno task broker --directory ./data/broker",
    until: /schema registry +http:/,
    says: /kafka +127\.0\.0\.1:\d+/,
  },
  {
    command: "deno task rebuild -- --verify",
    when: "stopped",
    env: () => DEMO_FOLDER,
    says: /[1-9][\d,]* records in [\s\S]*the tables are what the log gives/,
  },
  {
    command: "deno task rebuild -- --topic trajectory_summary_raw",
    when: "stopped",
    env: () => DEMO_FOLDER,
    says: /[1-9][\d,]* records in /,
  },
  {
    // tests/recovery/refill.test.ts refills a log that was lost.
    command: "deno task log refill -- --yes",
    env: () => DEMO_FOLDER,
    says: /the log is the data store's: there is nothing to refill/,
  },
  {
    command: "deno task backup -- --to /backup/gmn-data-store",
    fill: () => ({ "/backup/gmn-data-store": "data/a-backup && rm -r data/a-backup" }),
    env: () => DEMO_FOLDER,
    says: /a-backup: [1-9][\d,]* records, [\d.]+ MiB, in /,
  },
  {
    command: "DATA_DIR=/srv/restored deno task restore -- --from /backup/gmn-data-store",
    when: "stopped",
    fill: () => ({
      "DATA_DIR=/srv/restored":
        "rm -rf data/a-backup data/restored && DATA_DIR=data/demo deno task backup -- --to data/a-backup && DATA_DIR=data/restored",
      "/backup/gmn-data-store": "data/a-backup",
    }),
    says: /restored has the log of .*: [1-9][\d,]* records/,
  },
  {
    command: "DATA_DIR=/srv/restored deno task start",
    when: "stopped",
    fill: () => ({ "/srv/restored": "data/restored" }),
    env: () => ({ GMN_DATA_URL: "data/demo/sample", IAU_SHOWER_URL: "off" }),
    until: READY,
    says: READY,
  },
  {
    command: "export KAFKA_BROKERS=… SCHEMA_REGISTRY_URL=… DATABASE_URL=… DATA_DIR=…",
    fill: () => ({ "DATA_DIR=…": 'DATA_DIR=… && echo "$DATA_DIR"' }),
    says: /…/,
  },
  ...["http    ", "producer", "consumer"].map((role): KnownCommand => ({
    command: `ROLES=${role} deno task start`,
    env: enginesOfDemo,
    until: READY,
    says: READY,
  })),
  {
    command: "deno task log copy -- --from embedded:data " +
      "--to 'kafka://broker.example:9092?registry=http://registry.example:8081'",
    when: "stopped",
    fill: () => ({
      "embedded:data": "embedded:data/demo",
      "kafka://broker.example:9092?registry=http://registry.example:8081": "embedded:data/moved",
    }),
    // The second time, nothing is left to copy.
    says: /[\d,]+ record\(s\) copied; all [1-9][\d,]* are the same in both logs/,
  },
  {
    command: "KAFKA_BROKERS=127.0.0.1:9092 SCHEMA_REGISTRY_URL=http://127.0.0.1:8081 " +
      "DATABASE_URL=postgres://gmn:gmn@127.0.0.1:5433/gmn_data_store deno task start",
    fill: ({ databaseUrl }) => ({
      "postgres://gmn:gmn@127.0.0.1:5433/gmn_data_store": databaseUrl,
    }),
    env: () => ({
      DATA_DIR: "data/second",
      GMN_DATA_URL: "data/demo/sample",
      IAU_SHOWER_URL: "off",
    }),
    until: READY,
    says: READY,
  },
];

/** Commands that begin with `command` are not run, and why. */
export interface CommandNotRun {
  readonly command: string;
  readonly reason: string;
}

const FLY = "needs an account at Fly.io";
const DOCKER = "needs a Docker engine; deno task test:redpanda does the same where there is one";
const SYSTEM = "changes the machine itself; the unit is checked by tests/ops.test.ts";
const BENCH = "measures for minutes on a quiet machine; whoever changes the tables runs it";

export const COMMANDS_NOT_RUN: readonly CommandNotRun[] = [
  { command: "curl -L https://fly.io/install.sh | sh", reason: FLY },
  { command: "fly ", reason: FLY },
  { command: "git pull && fly deploy", reason: FLY },
  { command: "useradd --system", reason: SYSTEM },
  { command: "npm install --global --prefix /usr/local deno@2.9.6", reason: SYSTEM },
  {
    command:
      "git clone https://github.com/gmn-data-platform/gmn-data-store-ingestion /opt/gmn-data-store",
    reason: SYSTEM,
  },
  { command: "systemctl enable", reason: SYSTEM },
  { command: "docker compose ", reason: DOCKER },
  {
    command: "kcat -C -b 127.0.0.1:9092 -t trajectory_summary_raw -s value=avro",
    reason: "needs a kcat with Avro; no package that can be installed here has it",
  },
  {
    command: "/opt/redpanda/bin/redpanda --redpanda-cfg",
    reason: "what the service runs by itself, needs Redpanda; tests/redpanda checks these words",
  },
  { command: "deno task install:dev", reason: ".ci/run begins with it" },
  { command: "deno task check", reason: ".ci/run runs it" },
  { command: "deno task test ", reason: ".ci/run runs all tests; a how-to names some of them" },
  { command: "npx --yes deno@2.9.6 task test:redpanda", reason: ".ci/run runs it" },
  {
    command: "deno task chaos",
    reason: "tests/chaos/chaos.cycles.ts runs it; cycles take seconds",
  },
  { command: "CRASH_KILLS=", reason: ".ci/run runs these tests, with fewer kills" },
  { command: "BROKER_KILLS=", reason: ".ci/run runs these tests" },
  { command: "deno run -A bench/", reason: BENCH },
  { command: "deno task bench", reason: BENCH },
];

/** Languages of blocks that are not commands, and what they are. */
export const NOT_COMMANDS: Readonly<Record<string, string>> = {
  mermaid: "a picture",
  json: "an answer",
  toml: "a part of fly.toml",
  ts: "the embedded broker as a library, or a line of a how-to, for contributors",
  text: "a picture in letters",
};
