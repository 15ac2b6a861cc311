/** Finds the service that a command calls over HTTP: the one that `--server` names, or the one that runs on this machine. */
import { relative } from "node:path";
import process from "node:process";
import type { ParseArgsOptionsConfig } from "node:util";
import { PermanentError } from "@gmn/failures";
import { readEnvironment } from "../service/environment.ts";
import { findRunningService } from "../service/running_service.ts";
import { UsageError, type Values } from "./command.ts";
import { ServiceClient } from "./service_client.ts";

/** The option that names a service. */
export const SERVER_OPTION = {
  server: { type: "string" },
} as const satisfies ParseArgsOptionsConfig;

/** Help on the option, and on which service is used without it. */
export const SERVER_HELP =
  `  --server URL   the service to ask; without it the one that runs on DATA_DIR on this machine, or else the demo
  --help         this text

API_TOKEN, in the environment or in .env, is sent as the token.
`;

/**
 * Finds the service.
 * @throws PermanentError with a hint when no service runs, or it has no HTTP; UsageError when `--server` is not a URL
 */
export async function findService({ server }: Values): Promise<ServiceClient> {
  const environment = readEnvironment();
  const token = environment.API_TOKEN?.trim() || null;
  const onRetry = (reason: string) => process.stderr.write(`${reason}; asking again\n`);
  if (typeof server === "string") {
    if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
      throw new UsageError(`--server ${server} is not an http:// or https:// URL`);
    }
    return new ServiceClient(server, token, onRetry);
  }
  const found = await findRunningService(environment, { writes: false });
  const { dataDirectory, addresses } = found;
  if (addresses === null) {
    throw new PermanentError(`no service runs on ${dataDirectory}`, {
      hint: "start one with deno task start (or demo), set DATA_DIR to the folder of a running " +
        "one, or name one with --server URL",
    });
  }
  if (addresses.http === null) {
    throw new PermanentError(`the service that runs on ${dataDirectory} has no role http`, {
      hint: "name one that has, with --server URL",
    });
  }
  if (found.isDemoByDefault) tellDemo(dataDirectory);
  return new ServiceClient(addresses.http, token, onRetry);
}

/** Prints that the demo is used although no setting names it. */
export function tellDemo(dataDirectory: string): void {
  const shown = relative(process.cwd(), dataDirectory);
  process.stderr.write(`no service runs on ./data; using the demo on ./${shown}\n`);
}
