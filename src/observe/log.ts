/**
 * The log: every happening of the vocabulary as one line, human on a terminal and JSON otherwise. A listener, nothing more.
 */
import process from "node:process";
import {
  configure,
  getConsoleSink,
  getLogger,
  jsonLinesFormatter,
  reset,
  type TextFormatter,
} from "@logtape/logtape";
import type { Listener } from "./observe.ts";
import { type Level, type Telling, VOCABULARY } from "./vocabulary.ts";

/** How the log looks and how much of it there is. */
export interface LogOptions {
  readonly level: Level;
  readonly format: "human" | "json";
}

const MARKS: Record<string, string> = { debug: "·", info: " ", warning: "!", error: "✗" };

/** `01:02:03 ! sentence` in local plainness: the time of day is enough beside a terminal. */
const humanFormatter: TextFormatter = (record) => {
  const time = new Date(record.timestamp).toISOString().slice(11, 19);
  return `${time} ${MARKS[record.level] ?? "?"} ${record.message.join("")}\n`;
};

/**
 * A listener that logs. Call once per process: LogTape's configuration is global, and replaced here.
 * Lines go to standard error, so that commands can print their results on standard output.
 */
export async function createLogListener(options: LogOptions): Promise<Listener> {
  await reset();
  const formatter = options.format === "human" ? humanFormatter : jsonLinesFormatter;
  const write = (text: string) =>
    void process.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
  await configure({
    sinks: { stderr: (record) => write(formatter(record)), meta: getConsoleSink() },
    loggers: [
      { category: ["gmn"], lowestLevel: options.level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["meta"] },
    ],
  });
  return ({ name, detail }) => {
    const telling = VOCABULARY[name] as Telling<typeof detail>;
    const level = typeof telling.level === "function" ? telling.level(detail) : telling.level;
    const logger = getLogger(["gmn", name.split(".")[0]!]);
    logger[level === "warning" ? "warn" : level]("{sentence}", () => ({
      sentence: telling.say(detail),
      event: name,
      ...plain(detail),
    }));
  };
}

/** JSON knows no bigint: offsets become text. */
function plain(detail: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(detail).map((
      [key, value],
    ) => [key, typeof value === "bigint" ? value.toString() : value]),
  );
}
