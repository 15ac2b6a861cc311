/** `deno task log reread`: accepts the log, and has the files whose records it lacks read from the source again. */
import type { Command } from "../command.ts";
import { decisionCommand } from "./decide.ts";

export const COMMAND: Command = decisionCommand({
  name: "reread",
  about: `Accepts the log, and has the files whose records it lacks read from the source again.

As deno task log adopt; in addition, files whose records are not in this log count as not ingested. The next daily run reads the
newest of them; deno task backfill -- --all reads all.`,
  question: "Accept this log and read the source again?",
  next:
    "the next daily run reads the newest files again; deno task backfill -- --all reads the whole source",
});
