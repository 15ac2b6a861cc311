/**
 * Adapts Redpanda (`@gmn/engines`), as a process or in Docker, to this service: converts its events to ours.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import {
  type DockerOptions,
  type RedpandaEvent,
  type RedpandaOptions,
  startRedpanda,
  startRedpandaInDocker,
} from "@gmn/engines";
import type { Observe } from "../observe/observe.ts";
import { observeReady, type RunningBroker } from "./broker.ts";

const TEMPLATES = fileURLToPath(new URL("../../redpanda/", import.meta.url));
const COMPOSE_FILE = fileURLToPath(new URL("../../compose.yaml", import.meta.url));
/** The project name in compose.yaml, which `docker compose up` by hand uses too. */
const PROJECT = "gmn-data-store";
const DEFAULT_DATA_DIRECTORY = fileURLToPath(new URL("../../data", import.meta.url));

export interface RedpandaBrokerOptions extends Omit<RedpandaOptions, "onEvent" | "templates"> {
  readonly observe: Observe;
}

/**
 * Starts Redpanda as a process, and restarts it when it dies.
 * @throws PermanentError with a hint: a port or the folder is in use, too little memory, Redpanda exited or did not become ready
 */
export async function startRedpandaBroker(
  { observe, ...options }: RedpandaBrokerOptions,
): Promise<RunningBroker> {
  const kind = "redpanda";
  const onEvent = (event: RedpandaEvent) => report(kind, event, observe);
  const running = await startRedpanda({ ...options, templates: TEMPLATES, onEvent });
  return { kind, ...running };
}

export interface DockerBrokerOptions
  extends Omit<DockerOptions, "onEvent" | "composeFile" | "project"> {
  readonly dataDirectory: string;
  readonly observe: Observe;
}

/**
 * Starts the `redpanda` service of compose.yaml.
 * @throws PermanentError with a hint: a port is in use, the image can't be pulled, it did not become ready
 */
export async function startDockerBroker(
  { observe, dataDirectory, ...options }: DockerBrokerOptions,
): Promise<RunningBroker> {
  const kind = "docker";
  const running = await startRedpandaInDocker({
    ...options,
    composeFile: COMPOSE_FILE,
    project: projectOf(dataDirectory),
    onEvent: (event) => report(kind, event, observe),
  });
  return { kind, ...running };
}

/** The project owns the volume, so every DATA_DIR except the default one gets its own project, and with it its own log. */
export function projectOf(dataDirectory: string): string {
  if (dataDirectory === DEFAULT_DATA_DIRECTORY) return PROJECT;
  return `${PROJECT}-${createHash("sha256").update(dataDirectory).digest("hex").slice(0, 8)}`;
}

function report(kind: string, event: RedpandaEvent, observe: Observe): void {
  switch (event.kind) {
    case "ready":
      return observeReady(observe, { ...event, kind }, event.took_ms);
    case "line":
      return observe("broker.log", { kind, level: event.level, line: event.line });
    case "restarting": {
      const { reason, attempt, delay_ms } = event;
      return observe("broker.restarting", { kind, reason, attempt, delay_ms });
    }
    case "failed":
      return observe("broker.failed", { kind, reason: event.reason });
    case "stopped":
      return observe("broker.stopped", { kind });
  }
}
