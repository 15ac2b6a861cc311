/**
 * Ends one of our programs when this process dies without having ended it: `kill -9`, out of memory, a crash.
 *
 *     watching ──"dismiss" on the pipe──▶ exits, does nothing
 *        └──end of the pipe──▶ ends the program, exits
 *
 * The supervisor is a shell in its own session that reads from a pipe. This process holds the other end and does not write to
 * it until it has ended the program itself. However this process ends, the kernel closes the pipe, and the supervisor acts. A
 * process that is only frozen (SIGSTOP) keeps its pipe and its programs.
 *
 * Supervisors ignore SIGINT, SIGTERM and SIGHUP, because a signal to the whole process group must not pre-empt the service's
 * own orderly stop. A supervisor that is killed is replaced. Windows has no supervisors: there the next start finds what a
 * killed process left behind.
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** A supervised program ends within this time after its owner was killed. Each script must respect this limit. */
export const SUPERVISED_END_MS = 10_000;
/** Delay before a killed supervisor is replaced, so that a machine that kills every supervisor does not spin. */
const REPLACE_AFTER_MS = 500;

/** Reads until the word or the end of the pipe; the code that follows runs at the end of the pipe. */
const WATCH = `trap '' HUP INT TERM
while read -r word; do
  [ "$word" = dismiss ] && exit 0
done
`;

export interface SupervisedProgram {
  /** The supervisor's name in the process list. */
  readonly name: string;
  /** A POSIX shell script that ends the program within `SUPERVISED_END_MS`. */
  readonly script: string;
  /** `$1`, `$2`, … of the script. */
  readonly args: readonly string[];
  /** The user to run as; null means this process's own. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  /** Gets the process id of the first supervisor and of each replacement; awaited before `supervise` resolves. */
  readonly onStart?: (pid: number) => Promise<void>;
  /** Gets the process id of each supervisor that has exited. */
  readonly onEnd?: (pid: number) => Promise<void>;
}

/** A running supervisor. */
export class Supervisor {
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #isDismissed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(private readonly program: SupervisedProgram) {}

  /** Starts a supervisor. Where no shell exists or can be started, the program runs without one. */
  static async start(program: SupervisedProgram): Promise<Supervisor> {
    const supervisor = new Supervisor(program);
    if (process.platform !== "win32") await supervisor.#spawn();
    return supervisor;
  }

  /** The process id; undefined while no supervisor runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Dismisses it: the program has ended or was never started. Resolves when it has exited. Calling it again is harmless. */
  async dismiss(): Promise<void> {
    this.#isDismissed = true;
    clearTimeout(this.#timer);
    // Keeps this process alive until the supervisor has exited.
    this.#child?.ref();
    this.#child?.stdin?.end("dismiss\n");
    await this.#ended;
  }

  async #spawn(): Promise<void> {
    const { name, script, args, runAs, onStart, onEnd } = this.program;
    const child = spawn("/bin/sh", ["-c", `${WATCH}${script}`, name, ...args], {
      cwd: "/",
      detached: true,
      // A pipe that nobody reads any longer must not delay its exit.
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" },
      ...(runAs ?? {}),
    });
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    const ended = async () => {
      this.#child = null;
      if (child.pid !== undefined) await onEnd?.(child.pid).catch(() => {});
      resolve();
    };
    // A supervisor that was killed has closed its end of the pipe.
    child.stdin?.on("error", () => {});
    child.once("error", () => void ended());
    child.once("exit", () => {
      void ended();
      if (this.#isDismissed) return;
      // Failing to replace it (a full disk) is no reason to stop a working program.
      this.#timer = setTimeout(() => void this.#spawn().catch(() => {}), REPLACE_AFTER_MS);
      this.#timer.unref();
    });
    // It lives as long as this process but does not keep this process alive.
    child.unref();
    try {
      if (child.pid !== undefined) await onStart?.(child.pid);
    } catch (error) {
      // It was not recorded, so it must not act.
      this.#isDismissed = true;
      child.stdin?.end("dismiss\n");
      throw error;
    }
  }
}
