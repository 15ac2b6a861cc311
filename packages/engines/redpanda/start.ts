/**
 * Starts Redpanda as a child process, keeps it running, and stops it.
 *
 *     settle ports ─▶ write configuration ─▶ start (node.ts) ─▶ ready (ready.ts) ─▶ a RunningRedpanda
 *          ▲                                   │ another program took a port first
 *          └───────────────────────────────────┘
 */
import { freePort } from "../processes/free_port.ts";
import { configurationPath, type RedpandaPorts, writeConfiguration } from "./configuration.ts";
import { PortTakenError } from "./deaths.ts";
import { type ListenerPorts, settleListeners } from "./listeners.ts";
import { type NodeOptions, RedpandaNode, type RedpandaPatience } from "./node.ts";
import { endOrphan } from "./orphan.ts";
import { reportReady, type RunningRedpanda } from "./running.ts";

/** Redpanda's default ports for these listeners; another port is chosen when one is in use. */
const ADMIN_PORT = 9644;
const RPC_PORT = 33_145;

/** How often a start is tried when another program takes one of its ports in the meantime, as with PostgreSQL. */
const START_ATTEMPTS = 5;

const PATIENCE: RedpandaPatience = {
  start_ms: 180_000,
  stop_ms: 25_000,
  restarts: { base_ms: 500, cap_ms: 30_000, attempts: 5 },
  stable_ms: 10 * 60_000,
};

export interface RedpandaOptions extends NodeOptions, ListenerPorts {
  /** Folder of the templates for its configuration (`configuration.ts`). */
  readonly templates: string;
  /** Aborting cancels a start; a node that was started is stopped again. */
  readonly signal?: AbortSignal;
  /** Tests are less patient. */
  readonly patience?: Partial<RedpandaPatience>;
}

/**
 * Starts the node; resolves when it is ready.
 * @throws PermanentError with a hint: a port is in use, no memory, another process uses the folder, it ended or never became ready
 */
export async function startRedpanda(options: RedpandaOptions): Promise<RunningRedpanda> {
  const began = performance.now();
  const node = await startNode(options, { ...PATIENCE, ...options.patience });
  reportReady(options.onEvent, node.addresses, began);
  let stopping: Promise<void> | undefined;
  return {
    ...node.addresses,
    failed: node.failed,
    stop: () => stopping ??= node.stop(),
  };
}

/** Another program may take a free port before Redpanda listens on it. Then all ports are chosen again. */
async function startNode(
  options: RedpandaOptions,
  patience: RedpandaPatience,
): Promise<RedpandaNode> {
  for (let attempt = 1;; attempt++) {
    // If a port from the settings is in use, the start fails here and names the setting.
    const ports = await choosePorts(options, patience);
    const configurationFile = await writeConfiguration(options.templates, options.directory, ports);
    const node = new RedpandaNode(options, patience, ports, configurationFile);
    try {
      await node.start(options.signal);
      return node;
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt >= START_ATTEMPTS) throw error;
      const line = `${error.message}; trying other ports`;
      options.onEvent({ kind: "line", level: "warning", line });
    }
  }
}

/** Stops an orphan to free its ports, then chooses all ports. */
async function choosePorts(
  options: RedpandaOptions,
  { stop_ms }: RedpandaPatience,
): Promise<RedpandaPorts> {
  const { directory, onEvent } = options;
  const orphan = await endOrphan(directory, configurationPath(directory), stop_ms);
  if (orphan !== null) {
    onEvent({
      kind: "line",
      level: "warning",
      line: `process ${orphan}, left behind by an earlier start, was stopped`,
    });
  }
  return {
    ...await settleListeners(options),
    admin: await freePort(ADMIN_PORT),
    rpc: await freePort(RPC_PORT),
  };
}
