/** The common part of `backfill` and `extract`: find the service, request a run, follow the run, report how it ended. */
import process from "node:process";
import type { ParseArgsOptionsConfig } from "node:util";
import {
  type Asked,
  type Command,
  EXIT,
  exitCodesHelp,
  UsageError,
  type Values,
} from "./command.ts";
import { runPage } from "../service/banner.ts";
import { findService, SERVER_HELP, SERVER_OPTION } from "./find_service.ts";
import { followRun, reportRun } from "./follow_run.ts";
import { RefusedError, type ServiceClient } from "./service_client.ts";

/** A command that requests a run. */
export interface RunRequest {
  readonly name: "backfill" | "extract";
  readonly help: string;
  readonly options: ParseArgsOptionsConfig;
  /** The body of the request. @throws UsageError when the options are incomplete or contradict each other */
  selection(values: Values): unknown;
}

/** Help that both commands share, with the exit codes. */
export const RUN_HELP = `${SERVER_HELP}
Ctrl-C stops watching; the run continues.

${
  exitCodesHelp(
    "every file is read or was unchanged, and every row is loaded",
    "the run failed or was cancelled; the service does not answer, or refuses the token",
  )
}`;

/** Creates the command for such a request. */
export function runRequestCommand(request: RunRequest): Command {
  return {
    name: request.name,
    help: request.help,
    options: { ...SERVER_OPTION, ...request.options },
    operand: null,
    interrupted: "no longer watching",
    run: (asked) => run(request, asked),
  };
}

async function run(request: RunRequest, { values, signal }: Asked): Promise<number> {
  const selection = request.selection(values);
  const client = await findService(values);
  try {
    return values["dry-run"] === true
      ? await preview(client, selection, signal)
      : await requestAndFollow(request, client, selection, signal);
  } catch (error) {
    // The service validates the request: a refusal means a mistake in the options.
    const isUsage = error instanceof RefusedError && error.status === 400;
    throw isUsage ? new UsageError(error.message) : error;
  }
}

async function requestAndFollow(
  request: RunRequest,
  client: ServiceClient,
  selection: unknown,
  signal: AbortSignal,
): Promise<number> {
  const began = performance.now();
  const runId = await client.request(request.name, selection, signal);
  process.stderr.write(`run ${runId}: ${runPage(client.url, runId)}\n`);
  try {
    const run = await followRun(client, runId, signal);
    reportRun(run, (performance.now() - began) / 1000);
    return run.state === "completed" ? EXIT.DONE : EXIT.FAILED;
  } catch (error) {
    process.stderr.write(
      `the run continues: curl ${client.url}/runs/${runId}\n` +
        `to end it:         curl -X POST ${client.url}/runs/${runId}/cancel\n`,
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
  if (nothing === null) return EXIT.DONE;
  process.stderr.write(`${nothing}\n`);
  return EXIT.FAILED;
}
