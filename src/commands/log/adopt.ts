/** `deno task log adopt`: accepts the log as it is. */
import type { Command } from "../command.ts";
import { decisionCommand } from "./decide.ts";

export const COMMAND: Command = decisionCommand({
  name: "adopt",
  about: `Accepts the log as it is, and says in numbers what only the data store has.

The data store keeps all its rows. Everything in the log is loaded; rows whose record the log lacks are marked (topic_offset -1), and
their files count as ingested, except those that were still being published when the log lost its end.`,
  question: "Adopt this log?",
  next: "deno task log repair publishes what only the data store has, now or later",
});
