/** `deno task status`: prints the state of the running service; its exit code is for scripts. */
import process from "node:process";
import type { ServiceStatus } from "../http/status_schemas.ts";
import { type Command, EXIT, exitCodesHelp, runCommand } from "./command.ts";
import { findService, SERVER_HELP, SERVER_OPTION } from "./find_service.ts";
import { describeStatus, isReady } from "./status_text.ts";

const HELP =
  `Shows the state of the running service: its parts, the schedule, how far the data store is behind the log.

usage: deno task status [-- --json]

  --json         the answer of GET /status, unchanged
${SERVER_HELP}
${
    exitCodesHelp(
      "everything is ready",
      "something is not ready; no service runs, or it does not answer",
    )
  }`;

const COMMAND: Command = {
  name: "status",
  help: HELP,
  options: { ...SERVER_OPTION, json: { type: "boolean" } },
  operand: null,
  interrupted: "the service did not answer yet",
  async run({ values, signal }) {
    const client = await findService(values);
    const status: ServiceStatus = await client.status(signal);
    process.stdout.write(
      values.json === true
        ? `${JSON.stringify(status, null, 2)}\n`
        : describeStatus(status, { url: client.url, now: new Date() }),
    );
    return isReady(status) ? EXIT.DONE : EXIT.FAILED;
  },
};

if (import.meta.main) process.exit(await runCommand(COMMAND, process.argv.slice(2)));
