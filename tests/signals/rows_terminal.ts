/**
 * The rows of the terminal: a real pseudo-terminal, whose other end is `script` of util-linux.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { expect, test as anyTest } from "vitest";
import { until } from "../support/poll.ts";
import type { Row } from "./rows.ts";
import type { Started } from "./started.ts";

/** Debian has it in `bsdutils`, which is always installed; slim systems may not. */
const hasScript = spawnSync("script", ["--version"]).status === 0;
const test = anyTest.skipIf(!hasScript);

/** The letter that a terminal turns into SIGINT for its foreground group. */
const CTRL_C = "\x03";

const onTerminal = (redirect: string) => (words: readonly string[]): string[] => [
  "script",
  "--quiet",
  "--return",
  "--flush",
  "--command",
  `exec ${words.join(" ")}${redirect}`,
  "/dev/null",
];

/** See rows.ts. */
export function terminalRows(row: Row): void {
  const withLog = () => {
    const logFile = join(row.copy().base, `terminal-${performance.now()}.jsonl`);
    return row.start({ wrap: onTerminal(` 2>${logFile}`), logFile });
  };
  const press = (keys: string) => (started: Started) => {
    started.child.stdin?.write(keys);
  };

  test("Ctrl-C on a terminal is a stop", () =>
    row.ends(withLog(), press(CTRL_C), { reason: "SIGINT", code: 130 }));

  test("Ctrl-C three times at once is one", async () => {
    const started = withLog();
    await row.ends(started, press(CTRL_C.repeat(3)), { reason: "SIGINT", code: 130 });
    expect(await started.events("service.hurrying")).toEqual([]);
  });

  test("Ctrl-C with the log on the terminal is told there", async () => {
    const started = row.start({ wrap: onTerminal(""), settings: { LOG_FORMAT: "human" } });
    await row.ends(started, press(CTRL_C), { code: 130 });
    await until("the last line", () => /stopping: SIGINT[\s\S]*stopped \(/.test(started.out));
  });

  test("a terminal that is closed is a stop", async () => {
    const started = withLog();
    await row.ends(started, async () => {
      // A banner that finds the terminal closed is a stop, too, for that reason.
      await until("the banner", () => started.out.includes("dashboard"));
      process.kill(started.child.pid!, "SIGKILL");
    }, { reason: "SIGHUP", code: 137 });
  });

  test("a terminal that is closed with the log on it is a stop, too", async () => {
    const started = row.start({ wrap: onTerminal("") });
    await row.ends(started, () => {
      process.kill(started.child.pid!, "SIGKILL");
    }, { code: 137 });
  });
}
