/**
 * The sample's command line: makes a data directory, and serves it when asked to.
 *
 *     deno run -A sample/main.ts --directory data/sample --days 12 --per-day 400 --seed 1 --serve --port 0
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { explain, hintOf } from "@gmn/failures";
import { moment, wholeNumber } from "./arguments.ts";
import { generateDataDirectory } from "./generate.ts";
import { serveDataDirectory } from "./server.ts";

const USAGE = `usage: deno run -A sample/main.ts --directory DIRECTORY [options]

  --days N       windows of one degree of solar longitude, the one in progress included (12)
  --per-day N    meteors a day, mean over the year (400)
  --seed N       the same seed makes the same meteors (1)
  --last-day T   as the directory was at this moment, UTC (now)
  --serve        then serve it, until interrupted
  --host HOST    where to serve (127.0.0.1)
  --port N       where to serve; 0 takes a free port (0)`;

/** A thousand years: more is a typo. */
const MOST_DAYS = 365_000;
/** Twenty times the busiest night of the network. */
const MOST_PER_DAY = 100_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      directory: { type: "string" },
      days: { type: "string", default: "12" },
      "per-day": { type: "string", default: "400" },
      seed: { type: "string", default: "1" },
      "last-day": { type: "string" },
      serve: { type: "boolean", default: false },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "0" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || values.directory === undefined) {
    console.log(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const { directory } = values;
  const started = performance.now();
  const port = wholeNumber("port", values.port, 0, 65_535);
  const { files, rows } = await generateDataDirectory({
    directory,
    seed: wholeNumber("seed", values.seed, 0, 2 ** 32),
    lastDay: values["last-day"] === undefined ? new Date() : moment("last-day", values["last-day"]),
    days: wholeNumber("days", values.days, 1, MOST_DAYS),
    meteorsPerDay: wholeNumber("per-day", values["per-day"], 0, MOST_PER_DAY),
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${rows} meteors in ${files.length} files under ${directory} (${seconds} s)`);
  if (!values.serve) return;

  const server = await serveDataDirectory({ directory, port, host: values.host });
  console.log(`serving ${server.url} (interrupt to stop)`);
  server.requests.listen(({ method, path, status, sent_bytes }) =>
    console.log(`${method} ${path} ${status} ${sent_bytes} bytes`)
  );
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await server.stop();
}

try {
  await main();
} catch (error) {
  console.error(explain(error));
  const hint = hintOf(error);
  if (hint !== undefined) console.error(`  ${hint}`);
  process.exit(1);
}
