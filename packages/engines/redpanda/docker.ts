/**
 * Runs Redpanda in Docker: starts the service `redpanda` of compose.yaml, waits until it is ready, and stops it.
 *
 *     inspected ──▶ up (the image is pulled once, with its progress shown) ──▶ ready (ready.ts) ──▶ stop
 *
 * A container that was already running keeps running after the stop. Docker itself restarts one that dies (compose.yaml).
 */
import { explain, hintOf, PermanentError } from "@gmn/failures";
import { freePort } from "../processes/free_port.ts";
import { compose, type ComposeOptions, type ComposeResult } from "./docker_engine.ts";
import { type ListenerPorts, settleListeners } from "./listeners.ts";
import { type ProveLog, untilReady } from "./ready.ts";
import { type OnRedpandaEvent, reportReady, type RunningRedpanda } from "./running.ts";

const SERVICE = "redpanda";
/** Ports inside the container, as in compose.yaml; the admin port is the same outside unless it is in use. */
const INSIDE = { kafka: 9092, schemaRegistry: 8081, admin: 9644 } as const;

/** Time from the created container to ready. The pull is not counted: it depends on the network. */
const START_TIMEOUT_MS = 180_000;
/** Docker kills the container after this. It is below the limit of a release (service/releasers.ts). */
const STOP_TIMEOUT_S = 20;

export interface DockerOptions extends ListenerPorts {
  /** The compose.yaml whose service `redpanda` is started. */
  readonly composeFile: string;
  /** Name of the project. Each project has its own volume, and so its own log. */
  readonly project: string;
  readonly memory: string;
  readonly onEvent: OnRedpandaEvent;
  readonly signal: AbortSignal;
  readonly proveLog: ProveLog;
  /** The Docker client program; tests use another. */
  readonly docker?: string;
  readonly startTimeout_ms?: number;
}

interface Ports {
  readonly kafka: number;
  readonly schemaRegistry: number;
  readonly admin: number;
}

/**
 * Starts the container; resolves when it is ready.
 * @throws PermanentError with a hint: a port is in use, the image could not be pulled, it never became ready
 */
export async function startRedpandaInDocker(options: DockerOptions): Promise<RunningRedpanda> {
  const { onEvent, signal, memory } = options;
  const began = performance.now();
  const say = (line: string) => onEvent({ kind: "line", level: "info", line });
  const base = {
    docker: options.docker ?? "docker",
    composeFile: options.composeFile,
    project: options.project,
    variables: {},
  };
  const wasRunning = await isRunning(base);
  const ports = await settlePorts(options, base, wasRunning);
  const container: ComposeOptions = {
    ...base,
    variables: {
      KAFKA_PORT: String(ports.kafka),
      SCHEMA_REGISTRY_PORT: String(ports.schemaRegistry),
      REDPANDA_ADMIN_PORT: String(ports.admin),
      REDPANDA_MEMORY: memory,
    },
    onLine: say,
  };
  const stop = async () => {
    if (wasRunning) return;
    await compose(["stop", "--timeout", String(STOP_TIMEOUT_S), SERVICE], container);
  };

  const addresses = {
    brokers: [`127.0.0.1:${ports.kafka}`],
    schemaRegistryUrl: `http://127.0.0.1:${ports.schemaRegistry}`,
  };
  try {
    await up(container, signal);
    await untilReady(
      {
        ...addresses,
        adminUrl: `http://127.0.0.1:${ports.admin}`,
        proveLog: options.proveLog,
      },
      options.startTimeout_ms ?? START_TIMEOUT_MS,
      signal,
    );
  } catch (error) {
    const logs = signal.aborted ? "" : await lastLogs(container);
    await stop();
    signal.throwIfAborted();
    if (error instanceof PermanentError) throw error;
    throw new PermanentError(`Redpanda in Docker did not start: ${explain(error)}${logs}`, {
      cause: error,
      hint: hintOf(error) ??
        `docker compose --project-name ${base.project} logs ${SERVICE} shows its whole log.`,
    });
  }
  reportReady(onEvent, addresses, began);
  let stopping: Promise<void> | undefined;
  return {
    ...addresses,
    stop: () => stopping ??= stop().then(() => onEvent({ kind: "stopped" })),
  };
}

async function isRunning(options: ComposeOptions): Promise<boolean> {
  const { code, stdout } = await compose(
    ["ps", "--status", "running", "--quiet", SERVICE],
    options,
  );
  return code === 0 && stdout !== "";
}

async function settlePorts(
  settings: ListenerPorts,
  options: ComposeOptions,
  wasRunning: boolean,
): Promise<Ports> {
  if (wasRunning) {
    // It keeps its ports: other ports would create another container.
    return {
      kafka: await publishedPort(INSIDE.kafka, options),
      schemaRegistry: await publishedPort(INSIDE.schemaRegistry, options),
      admin: await publishedPort(INSIDE.admin, options),
    };
  }
  return { ...await settleListeners(settings), admin: await freePort(INSIDE.admin) };
}

async function publishedPort(inside: number, options: ComposeOptions): Promise<number> {
  const result = await compose(["port", SERVICE, String(inside)], options);
  const port = Number(/:(\d+)$/.exec(result.stdout)?.[1]);
  if (result.code === 0 && port > 0) return port;
  throw failure(`the running container's port ${inside} is not published`, result);
}

async function up(container: ComposeOptions, signal: AbortSignal): Promise<void> {
  const result = await compose(["--progress", "plain", "up", "--detach", SERVICE], {
    ...container,
    signal,
  });
  signal.throwIfAborted();
  if (result.code !== 0) throw failure("docker compose up failed", result);
}

function failure(what: string, { code, lines }: ComposeResult): PermanentError {
  const said = lines.slice(-3).join(" | ");
  return new PermanentError(`${what} (exit ${code})${said === "" ? "" : `: ${said}`}`, {
    hint: /port is already allocated|address already in use/.test(said)
      ? "Stop what uses the port, or set KAFKA_PORT and SCHEMA_REGISTRY_PORT to others (0 takes a free one)."
      : "See Docker's message; BROKER=embedded works without Docker.",
  });
}

async function lastLogs(container: ComposeOptions): Promise<string> {
  const { lines } = await compose(["logs", "--tail", "5", "--no-log-prefix", SERVICE], {
    ...container,
    onLine: () => {},
  });
  return lines.length === 0 ? "" : `: ${lines.join(" | ")}`;
}
