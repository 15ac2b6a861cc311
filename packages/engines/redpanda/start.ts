/**
 * Starts Redpanda as a child process, keeps it running, and stops it.
 *
 *     settle ports ─▶ write configuration ─▶ start (node.ts) ─▶ ready (ready.ts) ─▶ a RunningRedpanda
 *          ▲                                   │ another program was faster with a port
 *          └───────────────────────────────────┘
 */
import { freePort } from "../processes/free_port.ts";
import { configurationPath, type RedpandaPorts, writeConfiguration } from "./configuration.ts";
import { PortTakenError } from "./deaths.ts";
import { type ListenerPorts, settleListeners } from "./listeners.ts";
import { type NodeOptions, RedpandaNode, type RedpandaPatience } from "./node.ts";
import { endOrphan } from "./orphan.ts";
import { reportReady, type RunningRedpanda } from "./running.ts";

/** Redpanda's own ports for these listeners; another one is taken when they are in use. */
const ADMIN_PORT = 9644;
const RPC_PORT = 33_145;

/** How often a start is tried when another program takes one of its ports in between, as with PostgreSQL. */
const START_ATTEMPTS = 5;

const PATIENCE: RedpandaPatience = {
  start_ms: 180_000,
  stop_ms: 25_000,
  restarts: { base_ms: 500, cap_ms: 30_000, attempts: 5 },
  stable_ms: 10 * 60_000,
};

export interface RedpandaOptions extends NodeOptions, ListenerPorts {
  /** The folder of the templates that its configuration is written from (`configuration.ts`). */
  readonly templates: string;
  /** Aborting gives up a start; what was started is stopped again. */
  readonly signal?: AbortSignal;
  /** Tests are less patient. */
  readonly patience?: Partial<RedpandaPatience>;
}

/**
 * Starts the node; resolves when it is ready.
 * @throws PermanentError with a hint: a port is in use, no memory, another process has the folder, it ended or never got ready
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

/** A port that was free may be taken by another program before Redpanda listens on it: then all are chosen anew. */
async function startNode(
  options: RedpandaOptions,
  patience: RedpandaPatience,
): Promise<RedpandaNode> {
  for (let attempt = 1;; attempt++) {
    // A port of the settings that is in use ends the start here, naming the setting.
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

/** Frees what an orphan holds, then settles all ports. */
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
