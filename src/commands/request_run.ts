/**
 * What `backfill` and `extract` have in common: find the service, ask it for a run, follow the run, say what became of it.
 */
import process from "node:process";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { readConfig } from "../config.ts";
import { explain, PermanentError } from "../failures/failures.ts";
import { readAddresses } from "../service/address_file.ts";
import { readEnvironment } from "../service/environment.ts";
import { printFailure } from "../service/run_until_stopped.ts";
import { followRun, reportRun } from "./follow_run.ts";
import { RefusedError, ServiceClient } from "./service_client.ts";

/** Exit codes; `INTERRUPTED` is the shell's for SIGINT. */
export const EXIT = { LOADED: 0, FAILED: 1, USAGE: 2, INTERRUPTED: 130 } as const;

/** One command: its help, its options and what they ask for. */
export interface RunCommand {
  readonly name: "backfill" | "extract";
  readonly help: string;
  readonly options: ParseArgsOptionsConfig;
  /** The body of the request. @throws PermanentError when the options say nothing or too much */
  selection(values: Readonly<Record<string, unknown>>): unknown;
}

/** The command line was wrong. */
export class UsageError extends PermanentError {
  override readonly name = "UsageError";
}

/** Options that both commands have. */
const COMMON_OPTIONS = {
  server: { type: "string" },
  help: { type: "boolean", short: "h" },
  "dry-run": { type: "boolean" },
} as const satisfies ParseArgsOptionsConfig;

/** Help on the options that both commands have, and on what the exit code says. */
export const COMMON_HELP =
  `  --server URL   the service to ask; without it, the one that runs on DATA_DIR on this machine
  --help         this text

API_TOKEN, in the environment or in .env, is sent as the token. Ctrl-C stops the watching; the run goes on.

exit code  0  every file is read or was unchanged, and every row is loaded
           1  the run failed or was cancelled, or the service does not answer
           2  usage
`;

/** Runs the command with these arguments; gives the exit code. */
export async function runCommand(command: RunCommand, args: readonly string[]): Promise<number> {
  let values: Record<string, unknown>;
  let selection: unknown;
  try {
    values = parse(command, args);
    if (values.help === true) {
      process.stdout.write(command.help);
      return EXIT.LOADED;
    }
    selection = command.selection(values);
  } catch (error) {
    process.stderr.write(`${command.name}: ${explain(error)}\n\n${command.help}`);
    return EXIT.USAGE;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => interrupted.abort(new Error(signal)));
  }
  try {
    const client = await findService(values.server);
    if (values["dry-run"] === true) return await preview(client, selection, interrupted.signal);
    return await requestAndFollow(command, client, selection, interrupted.signal);
  } catch (error) {
    if (interrupted.signal.aborted) return EXIT.INTERRUPTED;
    printFailure(error);
    return error instanceof RefusedError && error.status === 400 ? EXIT.USAGE : EXIT.FAILED;
  }
}

function parse(command: RunCommand, args: readonly string[]): Record<string, unknown> {
  try {
    const options = { ...COMMON_OPTIONS, ...command.options };
    // `deno task backfill -- --year 2024` hands the `--` on.
    const given = args[0] === "--" ? args.slice(1) : [...args];
    return parseArgs({ args: given, options, strict: true }).values;
  } catch (error) {
    throw new UsageError(explain(error), { cause: error });
  }
}

/** The service that `--server` names, or the one of `DATA_DIR`. */
async function findService(server: unknown): Promise<ServiceClient> {
  const environment = readEnvironment();
  const token = environment.API_TOKEN?.trim() || null;
  const onRetry = (reason: string) => process.stderr.write(`${reason}; asking again\n`);
  if (typeof server === "string") return new ServiceClient(server, token, onRetry);
  const { dataDirectory } = readConfig(environment);
  const addresses = await readAddresses(dataDirectory);
  if (addresses === null || addresses.http === null) {
    throw new PermanentError(
      addresses === null
        ? `no service runs on ${dataDirectory}`
        : `the service that runs on ${dataDirectory} has no role http`,
      {
        hint:
          "start one with deno task start, set DATA_DIR to that of a running one (the demo's is ./data/demo), or name one with --server URL",
      },
    );
  }
  return new ServiceClient(addresses.http, token, onRetry);
}

async function requestAndFollow(
  command: RunCommand,
  client: ServiceClient,
  selection: unknown,
  signal: AbortSignal,
): Promise<number> {
  const began = performance.now();
  const runId = await client.request(command.name, selection, signal);
  process.stderr.write(`run ${runId} at ${client.url}\n`);
  try {
    const run = await followRun(client, runId, signal);
    reportRun(run, (performance.now() - began) / 1000);
    return run.state === "completed" ? EXIT.LOADED : EXIT.FAILED;
  } catch (error) {
    process.stderr.write(
      `the run goes on: curl ${client.url}/runs/${runId}\n` +
        `to end it:       curl -X POST ${client.url}/runs/${runId}/cancel\n`,
    );
    throw error;
  }
}

async function preview(
  client: ServiceClient,
  selection: unknown,
  signal: AbortSignal,
): Promise<number> {
  const { files, nothing } = await client.preview(selection, signal);
  for (const { file, listed, skip } of files) {
    process.stdout.write(
      `${file}  ${listed ?? "-"}${skip === null ? "" : `  (skipped: ${skip})`}\n`,
    );
  }
  if (nothing === null) return EXIT.LOADED;
  process.stderr.write(`${nothing}\n`);
  return EXIT.FAILED;
}
