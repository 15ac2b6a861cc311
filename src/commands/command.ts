/**
 * The frame of all commands: arguments, help, signals, errors and exit codes.
 *
 *     arguments ──wrong──▶ one line: what, and where the options are listed; exit 2
 *         │ --help ──▶ the help; exit 0
 *         ▼
 *     running ──SIGINT, SIGTERM, SIGHUP; output without a reader──▶ what was opened is closed ──▶ exit 130
 *         │ fails ──▶ message and hint; exit 1
 *         ▼
 *     the command's own exit code
 *
 * Two programs have no frame: `install.ts`, which runs before packages exist, and `health_check.ts`, which takes no arguments.
 *
 * `deno task NAME -- --option` passes the `--` on, `deno task NAME --option` has none: both mean the same.
 */
import { resolve } from "node:path";
import process from "node:process";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { explain, PermanentError } from "@gmn/failures";
import { STOP_SIGNALS } from "../service/signals.ts";
import { printFailure, tell } from "../service/print_failure.ts";

/**
 * Exit codes of all commands; docs/commands.md has them for users. `USAGE` means that another command line is needed, and that nothing
 * was changed: a script must not try the same one again. `INTERRUPTED` is the one a shell uses for SIGINT.
 */
export const EXIT = { DONE: 0, FAILED: 1, USAGE: 2, INTERRUPTED: 130 } as const;

/** The options of a command line, as `util.parseArgs` returns them. */
export type Values = Readonly<Record<string, unknown>>;

/** A parsed command line. */
export interface Asked {
  readonly values: Values;
  /** The arguments that are not options: files. */
  readonly operands: readonly string[];
  /** Aborts with `InterruptedError` at the first signal. */
  readonly signal: AbortSignal;
}

/** The name and arguments of a command. */
export interface CommandLine {
  /** The task's name. */
  readonly name: string;
  readonly help: string;
  /** Options in addition to `--help`, which every command has. */
  readonly options: ParseArgsOptionsConfig;
  /** Name of the operands, such as `FILE`; null when the command takes none. */
  readonly operand: string | null;
}

/** One command that does its work and ends. */
export interface Command extends CommandLine {
  /** Printed when a signal ends the command: which part of its work remains. */
  readonly interrupted: string;
  /** Whether the error only means that the reader needs no more output: exit code 0. Never, by default. */
  readonly isEnough?: (error: unknown) => boolean;
  /**
   * Does the work.
   * @returns the exit code
   * @throws UsageError when the options are incomplete or contradict each other; anything else is a failure
   */
  run(asked: Asked): Promise<number>;
}

/** The command line was wrong. */
export class UsageError extends PermanentError {
  override readonly name = "UsageError";
}

/** A signal asked the command to end. */
export class InterruptedError extends PermanentError {
  override readonly name = "InterruptedError";
}

/** Runs the command with these arguments; returns the exit code. */
export function runCommand(command: Command, args: readonly string[]): Promise<number> {
  return runLongCommand(command, args, (asked) => runUntilInterrupted(command, asked));
}

async function runUntilInterrupted(
  command: Command,
  asked: Omit<Asked, "signal">,
): Promise<number> {
  const interrupted = new AbortController();
  const onSignal = (signal: string) =>
    interrupted.abort(new InterruptedError(`${signal}: ${command.interrupted}`));
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  // Without a listener, the first line without a reader (`| head -1`) would end the process wherever it is.
  const onUnread = () =>
    interrupted.abort(new InterruptedError(`the output is no longer read: ${command.interrupted}`));
  for (const stream of [process.stdout, process.stderr]) stream.on("error", onUnread);
  try {
    return await command.run({ ...asked, signal: interrupted.signal });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (interrupted.signal.aborted) {
      tell(process.stderr, `${explain(interrupted.signal.reason)}\n`);
      return EXIT.INTERRUPTED;
    }
    if (command.isEnough?.(error) === true) return EXIT.DONE;
    throw error;
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  }
}

/**
 * Runs a command that goes on until it is stopped: same command line, but with its own signal handling (service/signals.ts).
 * @returns the exit code: that of `work`, or the frame's for help, wrong options and failures
 */
export async function runLongCommand(
  command: CommandLine,
  args: readonly string[],
  work: (asked: Omit<Asked, "signal">) => Promise<number>,
): Promise<number> {
  try {
    const asked = parse(command, args);
    if (asked.values.help !== true) return await work(asked);
    return tell(process.stdout, command.help) ? EXIT.DONE : EXIT.FAILED;
  } catch (error) {
    if (!(error instanceof UsageError)) {
      printFailure(error);
      return EXIT.FAILED;
    }
    const { name } = command;
    tell(process.stderr, `${name}: ${explain(error)}; see deno task ${name} --help\n`);
    return EXIT.USAGE;
  }
}

/** @throws UsageError naming the mistake */
function parse(
  command: CommandLine,
  args: readonly string[],
): Omit<Asked, "signal"> {
  const given = args[0] === "--" ? args.slice(1) : [...args];
  const options: ParseArgsOptionsConfig = {
    ...command.options,
    help: { type: "boolean", short: "h" },
  };
  let parsed: { values: Values; positionals: string[] };
  try {
    parsed = parseArgs({ args: given, options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(inShort(explain(error)));
  }
  const { values, positionals: operands } = parsed;
  if (values.help === true) return { values, operands };
  if (command.operand === null && operands.length > 0) {
    throw new UsageError(`unexpected argument ${JSON.stringify(operands[0])}`);
  }
  if (command.operand !== null && operands.length === 0) {
    throw new UsageError(`no ${command.operand} is given`);
  }
  return { values, operands };
}

/** The message of `util.parseArgs`, shortened: it explains at length how to write a file named `--x`. */
function inShort(message: string): string {
  const unknown = /^Unknown option '([^']+)'/.exec(message);
  return unknown === null
    ? message.split("\n")[0]!.replace(/\.$/, "")
    : `there is no option ${unknown[1]}`;
}

/** A path as seen from the user's folder: `deno task` runs everything in the project's folder, and passes on the user's. */
export function namedFile(path: string): string {
  return resolve(process.env.INIT_CWD ?? ".", path);
}

/**
 * The last lines of the help: the exit codes. `done` and `failed` are the command's own descriptions (`failed` includes errors),
 * `usage` is what makes a command line wrong.
 */
export function exitCodesHelp(done: string, failed: string, usage = "wrong options"): string {
  return `exit code  0  ${done}
           1  ${failed}
           2  ${usage}
         130  interrupted by a signal, or its output is no longer read
`;
}

/** The same for commands that run until they are stopped. */
export const STOPPED_HELP = `exit code  0  stopped cleanly by a signal
           1  could not start, or failed while running; or a second signal hurried the stop
           2  wrong options
`;
