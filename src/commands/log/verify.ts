/** `deno task log verify`: checks the whole log, by itself and against the data store. Writes nothing. */
import process from "node:process";
import type { parseArgs } from "node:util";
import { type Topic, TOPICS } from "../../events/topics.ts";
import { isVerified, verifyLog } from "../../recovery/verify.ts";
import { type Command, EXIT, exitCodesHelp, UsageError } from "../command.ts";
import { count, ProgressBar } from "../progress_bar.ts";
import { withWorkbench, WORKBENCH_HELP } from "../with_workbench.ts";
import { describeVerification, plainVerification } from "./verification_text.ts";

const HELP =
  `Checks the whole log: every batch's checksum, offsets without gaps, known schemas, values that can be decoded. And against the data
store: the record of each row, dead letter and run event is there and says the same. Writes nothing; a service may go on meanwhile.

usage: deno task log verify [--topic NAME …] [--json]

  --topic NAME   only this topic; may be repeated (${TOPICS.map(({ name }) => name).join(", ")})
  --json         what was found as JSON, with every damaged range and up to 100,000 rows of each kind

${WORKBENCH_HELP}

${
    exitCodesHelp(
      "nothing is wrong",
      "something is wrong: the numbers and offsets say what; deno task log repair repairs it; or it could not be checked",
    )
  }`;

const OPTIONS = {
  topic: { type: "string", multiple: true },
  json: { type: "boolean", default: false },
} as const;

type VerifyValues = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

/** @throws UsageError for a topic that is not ours */
function topicsOf(names: readonly string[] | undefined): readonly Topic[] {
  return names === undefined ? TOPICS : names.map((name) => {
    const topic = TOPICS.find((known) => known.name === name);
    if (topic !== undefined) return topic;
    const known = TOPICS.map((each) => each.name).join(", ");
    throw new UsageError(`there is no topic ${JSON.stringify(name)}: the log has ${known}`);
  });
}

export const COMMAND: Command = {
  name: "log verify",
  help: HELP,
  options: OPTIONS,
  operand: null,
  interrupted: "nothing was changed",
  async run({ values, signal }) {
    const { topic, json } = values as VerifyValues;
    const topics = topicsOf(topic);
    return await withWorkbench(signal, async ({ log, store, describe }) => {
      process.stderr.write(`checking the log of ${describe}\n`);
      const bar = new ProgressBar();
      const found = await verifyLog({
        kafka: log.kafka,
        registry: log.registry,
        sql: store.sql,
        topics,
        signal,
        onProgress: ({ done, total }) =>
          bar.update({
            label: "verify",
            done,
            total,
            detail: `${count(done)} of ${count(total)} records`,
          }),
      });
      bar.clear();
      process.stdout.write(
        json === true
          ? `${JSON.stringify(plainVerification(found), null, 2)}\n`
          : describeVerification(found),
      );
      process.stderr.write(`checked in ${bar.elapsed_s.toFixed(1)} s\n`);
      if (isVerified(found)) return EXIT.DONE;
      process.stderr.write(
        "hint: deno task log repair publishes again what the data store has of it; see docs/runbook/log-damaged.md\n",
      );
      return EXIT.FAILED;
    });
  },
};
