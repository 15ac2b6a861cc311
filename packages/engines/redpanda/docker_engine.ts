/**
 * Docker, as far as Redpanda needs it: whether an engine is there, and `docker compose` on a compose.yaml.
 */
import { execFile, spawn } from "node:child_process";
import { Lines, Tail } from "./program_output.ts";

/** A client that waits longer waits for an engine that is not there (a remote host, a desktop that is starting). */
const ANSWER_TIMEOUT_MS = 3_000;

/**
 * The engine's version, or null when none answers or there is no `docker compose` to use it with. The client alone, without an
 * engine behind it, is on many machines. Never throws.
 */
export async function askDockerEngine(
  docker = "docker",
): Promise<string | null> {
  // Without an engine the client prints an empty version, and says so by its exit code.
  const version = await ask(docker, ["info", "--format", "{{.ServerVersion}}"]);
  return version !== null &&
      await ask(docker, ["compose", "version", "--short"]) !== null
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
  /** What compose.yaml's `${…}` stand for. */
  readonly variables: Readonly<Record<string, string>>;
  /** Gets each line that is said meanwhile, such as the progress of a pull. */
  readonly onLine?: (line: string) => void;
  /** Aborting ends the command. */
  readonly signal?: AbortSignal;
}

/** Runs `docker compose …` on the compose.yaml and waits for its end. Never throws. */
export function compose(
  args: readonly string[],
  options: ComposeOptions,
): Promise<ComposeResult> {
  const { docker, composeFile, project, variables, onLine = () => {}, signal } = options;
  const all = [
    "compose",
    "--file",
    composeFile,
    "--project-name",
    project,
    ...args,
  ];
  return new Promise((resolve) => {
    const child = spawn(docker, all, {
      // In a session of its own a Ctrl-C does not reach it: the container is stopped in its turn.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...dockerEnvironment(), ...variables },
    });
    const tail = new Tail();
    let stdout = "";
    const stream = (
      source: typeof child.stdout,
      keep: (line: string) => void,
    ) => {
      const lines = new Lines((line) => {
        tail.add(line);
        keep(line);
        onLine(line);
      });
      source.on("data", (chunk: Uint8Array) => lines.push(chunk)).on(
        "end",
        () => lines.end(),
      );
    };
    stream(child.stdout, (line) => stdout += `${line}\n`);
    stream(child.stderr, () => {});
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

/** What the client needs to find its engine; none of this process's settings, of which compose.yaml would take some by name. */
function dockerEnvironment(): Record<string, string> {
  const passed = /^(PATH|HOME|TMPDIR|LANG|XDG_.*|DOCKER_.*|.*_PROXY|.*_proxy|SSH_AUTH_SOCK)$/;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && passed.test(name) ? [[name, value]] : []
    ),
  );
}
