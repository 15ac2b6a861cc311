/** The log: every event of the vocabulary as one line, human on a terminal and JSON otherwise. A listener, nothing more. */
import process from "node:process";
import { configure, getConsoleSink, getLogger, reset, type TextFormatter } from "@logtape/logtape";
import type { Listener } from "./observe.ts";
import { levelOf, plainDetail, sentenceOf } from "./event_text.ts";
import type { Level } from "./vocabulary.ts";

/** How the log looks and how much of it there is. */
export interface LogOptions {
  readonly level: Level;
  readonly format: "human" | "json";
}

const MARKS: Record<string, string> = { debug: "·", info: " ", warning: "!", error: "✗" };

/** What a terminal would obey, and ends of lines: sentences quote files and other programs. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\0-\x1f\x7f-\x9f]/g;

/** `01:02:03 ! sentence`: the time of day (UTC) is enough beside a terminal. */
const humanFormatter: TextFormatter = (record) => {
  const time = new Date(record.timestamp).toISOString().slice(11, 19);
  const sentence = String(record.properties.sentence).replaceAll(CONTROL, "\ufffd");
  return `${time} ${MARKS[record.level] ?? "?"} ${sentence}\n`;
};

/** One JSON object a line: when, how bad, the name of the event, its sentence, and its detail under `detail`. */
const jsonFormatter: TextFormatter = (record) => {
  const { sentence, event, detail } = record.properties;
  return `${
    JSON.stringify({
      at: new Date(record.timestamp).toISOString(),
      level: record.level,
      event,
      message: sentence,
      detail,
    })
  }\n`;
};

/**
 * A listener that logs. Call once per process: LogTape's configuration is global, and replaced here.
 * Lines go to standard error, so that commands can print their results on standard output.
 */
export async function createLogListener(options: LogOptions): Promise<Listener> {
  await reset();
  const formatter = options.format === "human" ? humanFormatter : jsonFormatter;
  await configure({
    sinks: {
      stderr: (record) => void process.stderr.write(formatter(record)),
      meta: getConsoleSink(),
    },
    loggers: [
      { category: ["gmn"], lowestLevel: options.level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["meta"] },
    ],
  });
  return (event) => {
    const level = levelOf(event);
    const logger = getLogger(["gmn", event.name.split(".")[0]!]);
    logger[level === "warning" ? "warn" : level]("{sentence}", () => ({
      sentence: sentenceOf(event),
      event: event.name,
      detail: plainDetail(event.detail),
    }));
  };
}
