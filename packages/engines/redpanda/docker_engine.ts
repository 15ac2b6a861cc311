/**
 * The parts of Docker that Redpanda needs: checks whether an engine answers, and runs `docker compose` on a compose.yaml.
 */
import { execFile, spawn } from "node:child_process";
import { eachLine, Tail } from "./program_output.ts";

/** A client that takes longer is waiting for an engine that does not answer (a remote host, a desktop that is starting). */
const ANSWER_TIMEOUT_MS = 3_000;

/**
 * The engine's version, or null when none answers or `docker compose` is missing. Many machines have
 * only the client, without an engine. Never throws.
 */
export async function askDockerEngine(docker = "docker"): Promise<string | null> {
  // Without an engine the client prints an empty version and fails.
  const version = await ask(docker, ["info", "--format", "{{.ServerVersion}}"]);
  return version !== null && await ask(docker, ["compose", "version", "--short"]) !== null
    ? version
    : null;
}

function ask(docker: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(
      docker,
      args,
      { timeout: ANSWER_TIMEOUT_MS, killSignal: "SIGKILL" },
      (error, stdout) => resolve(error === null ? stdout.trim() || null : null),
    );
  });
}

/** How a `docker compose` command ended. */
export interface ComposeResult {
  readonly code: number | null;
  readonly stdout: string;
  /** The last lines of both streams. */
  readonly lines: readonly string[];
}

export interface ComposeOptions {
  readonly docker: string;
  readonly composeFile: string;
  readonly project: string;
  /** Values for the `${…}` in compose.yaml. */
  readonly variables: Readonly<Record<string, string>>;
  /** Called with each line that the command prints, such as the progress of a pull. */
  readonly onLine?: (line: string) => void;
  /** Aborting ends the command. */
  readonly signal?: AbortSignal;
}

/** Runs `docker compose …` on the compose.yaml and waits for its end. Never throws. */
export function compose(args: readonly string[], options: ComposeOptions): Promise<ComposeResult> {
  const { docker, composeFile, project, variables, onLine = () => {}, signal } = options;
  const all = ["compose", "--file", composeFile, "--project-name", project, ...args];
  return new Promise((resolve) => {
    const child = spawn(docker, all, {
      // In its own session, a Ctrl-C does not reach it: we stop the container in order.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...dockerEnvironment(), ...variables },
    });
    const tail = new Tail();
    let stdout = "";
    const take = (line: string) => {
      tail.add(line);
      onLine(line);
    };
    eachLine(child.stdout, (line) => {
      stdout += `${line}\n`;
      take(line);
    });
    eachLine(child.stderr, take);
    const end = () => child.kill("SIGTERM");
    signal?.addEventListener("abort", end, { once: true });
    const settle = (code: number | null) => {
      signal?.removeEventListener("abort", end);
      resolve({ code, stdout: stdout.trim(), lines: tail.lines });
    };
    child.once("error", (error) => {
      tail.add(error.message);
      settle(null);
    });
    child.once("close", settle);
    if (signal?.aborted) end();
  });
}

/** The variables that the client needs to find its engine; not our settings, because compose.yaml reads some of their names. */
function dockerEnvironment(): Record<string, string> {
  const passed = /^(PATH|HOME|TMPDIR|LANG|XDG_.*|DOCKER_.*|.*_PROXY|.*_proxy|SSH_AUTH_SOCK)$/;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && passed.test(name) ? [[name, value]] : []
    ),
  );
}
