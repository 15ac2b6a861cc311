/**
 * Ends a program of ours when this process is gone without having ended it: `kill -9`, out of memory, a crash.
 *
 *     watching ──"dismiss" on the pipe──▶ gone, nothing done
 *        └──end of the pipe──▶ ends the program, gone
 *
 * The supervisor is a shell in a session of its own that reads from a pipe. This process holds the other end and never writes to
 * it until it has ended the program itself. However this process ends, the kernel closes the pipe, and the supervisor acts. One
 * that is only frozen (SIGSTOP) keeps its pipe, and its programs.
 *
 * Supervisors ignore SIGINT, SIGTERM and SIGHUP, because a signal for everybody must not take the ordered stop out of the
 * service's hands. One that is killed is replaced. On Windows there is none: what a killed process leaves behind there is found
 * by the next start.
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** Within this, whatever is supervised has ended after its owner was killed. Each script keeps to it. */
export const SUPERVISED_END_MS = 10_000;
/** A killed supervisor is replaced after this, so that a machine that kills every one of them is not kept busy with it. */
const REPLACE_AFTER_MS = 500;

/** Reads until the word or the end; the rest of the script is what to do at the end. */
const WATCH = `trap '' HUP INT TERM
while read -r word; do
  [ "$word" = dismiss ] && exit 0
done
`;

export interface SupervisedProgram {
  /** Shown as the supervisor's name in the list of processes. */
  readonly name: string;
  /** Ends the program, within `SUPERVISED_END_MS`; a POSIX shell's script. */
  readonly script: string;
  /** `$1`, `$2`, … of the script. */
  readonly args: readonly string[];
  /** The user to run as; null: this process's own. */
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  /** Gets each supervisor's process id, the first and those that replace it; awaited before `supervise` resolves. */
  readonly onStart?: (pid: number) => Promise<void>;
  /** Gets the process id of each that has gone. */
  readonly onEnd?: (pid: number) => Promise<void>;
}

/** A supervisor at work. */
export class Supervisor {
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #isDismissed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(private readonly program: SupervisedProgram) {}

  /** Starts one. Where there is no shell, or none can be started, the program goes without. */
  static async start(program: SupervisedProgram): Promise<Supervisor> {
    const supervisor = new Supervisor(program);
    if (process.platform !== "win32") await supervisor.#spawn();
    return supervisor;
  }

  /** The process id; undefined where there is none right now. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Sends it away: the program has been ended, or was never started. Resolves when it is gone. Calling it again is harmless. */
  async dismiss(): Promise<void> {
    this.#isDismissed = true;
    clearTimeout(this.#timer);
    // Until it is gone it is waited for, whatever else goes on.
    this.#child?.ref();
    this.#child?.stdin?.end("dismiss\n");
    await this.#ended;
  }

  async #spawn(): Promise<void> {
    const { name, script, args, runAs, onStart, onEnd } = this.program;
    const child = spawn("/bin/sh", ["-c", `${WATCH}${script}`, name, ...args], {
      cwd: "/",
      detached: true,
      // Its end must not be held up by a pipe that nobody reads any more.
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
    // A supervisor that was killed: its pipe is closed at the other end.
    child.stdin?.on("error", () => {});
    child.once("error", () => void ended());
    child.once("exit", () => {
      void ended();
      if (this.#isDismissed) return;
      // One that can't be replaced (a full disk) is no reason to stop what works.
      this.#timer = setTimeout(() => void this.#spawn().catch(() => {}), REPLACE_AFTER_MS);
      this.#timer.unref();
    });
    // It lives as long as this process, and is no reason for this process to live.
    child.unref();
    try {
      if (child.pid !== undefined) await onStart?.(child.pid);
    } catch (error) {
      // Nobody would know of it, so it must not act.
      this.#isDismissed = true;
      child.stdin?.end("dismiss\n");
      throw error;
    }
  }
}
