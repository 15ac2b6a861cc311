/** The log: a listener that writes every event of the vocabulary as one line, for people or as JSON. */
import process from "node:process";
import { configure, getConsoleSink, getLogger, reset, type TextFormatter } from "@logtape/logtape";
import type { Listener } from "./observe.ts";
import { levelOf, plainDetail, sentenceOf } from "./event_text.ts";
import type { Level } from "./vocabulary.ts";

/** The format of the log, and the lowest level that it shows. */
export interface LogOptions {
  readonly level: Level;
  readonly format: "human" | "json";
}

const MARKS: Record<string, string> = { debug: "·", info: " ", warning: "!", error: "✗" };

/** Terminal control characters and line ends, which sentences may quote from files and other programs. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\0-\x1f\x7f-\x9f]/g;

/** `01:02:03 ! sentence`. On a terminal the time of day (UTC) is enough. */
const humanFormatter: TextFormatter = (record) => {
  const time = new Date(record.timestamp).toISOString().slice(11, 19);
  const sentence = String(record.properties.sentence).replaceAll(CONTROL, "\ufffd");
  return `${time} ${MARKS[record.level] ?? "?"} ${sentence}\n`;
};

/** One JSON object per line: the event's time, level, name, sentence and detail. */
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
 * Creates a listener that logs. Call it once per process: it replaces LogTape's configuration, which is global.
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
