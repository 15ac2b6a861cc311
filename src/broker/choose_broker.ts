/**
 * Chooses the Kafka broker behind the log once, at boot, and gives the reason.
 *
 * `BROKER=auto` takes the first one available:
 *
 *     KAFKA_BROKERS is set ──▶ external
 *     this DATA_DIR has a log already ──▶ the broker that created it, or a refusal when that broker is unavailable
 *     Redpanda is installed ──▶ redpanda (a child process)
 *     a Docker engine answers ──▶ docker (Redpanda in a container)
 *     otherwise ──▶ embedded
 */
import { PACKAGED_PATH, type RedpandaProgram } from "@gmn/engines";
import { PermanentError } from "@gmn/failures";
import type { LocalKind } from "./log_home.ts";

/** The values of BROKER. */
export type BrokerSetting = "auto" | "external" | LocalKind;

/** The chosen broker and the reason. */
export type BrokerChoice =
  | { readonly kind: "external" | "docker" | "embedded"; readonly reason: string }
  | { readonly kind: "redpanda"; readonly reason: string; readonly program: RedpandaProgram };

/** Probes of the machine. They run in this order, and only as far as the choice needs them. */
export interface BrokerProbes {
  /** The kind of broker that created this DATA_DIR's log; null when there is no log yet. */
  logHome(): Promise<LocalKind | null>;
  findRedpanda(): Promise<RedpandaProgram | null>;
  /** Version of the Docker engine, if one answers. */
  askDocker(): Promise<string | null>;
}

const NO_REDPANDA = `no Redpanda (REDPANDA_BIN, ${PACKAGED_PATH}, redpanda or rpk on the PATH)`;
const NO_DOCKER = "no Docker engine that answers (with docker compose)";

/**
 * Chooses the broker from the settings and the machine.
 * @throws PermanentError when the broker that must be used is unavailable
 */
export async function chooseBroker(
  settings: { readonly broker: BrokerSetting; readonly kafkaBrokers: readonly string[] | null },
  probes: BrokerProbes,
): Promise<BrokerChoice> {
  const { broker, kafkaBrokers } = settings;
  if (broker === "external") return { kind: "external", reason: "BROKER=external" };
  if (broker !== "auto") return await demand(broker, `BROKER=${broker}`, probes);
  if (kafkaBrokers !== null) return { kind: "external", reason: "KAFKA_BROKERS is set" };
  const home = await probes.logHome();
  if (home !== null) return await demand(home, `this DATA_DIR's log is kept by it`, probes, home);

  const program = await probes.findRedpanda();
  if (program !== null) return { kind: "redpanda", reason: `${program.path} is there`, program };
  const version = await probes.askDocker();
  if (version !== null) return { kind: "docker", reason: `Docker ${version} answers` };
  return { kind: "embedded", reason: `no KAFKA_BROKERS, ${NO_REDPANDA}, ${NO_DOCKER}` };
}

/** Requires a broker of this kind. `home` is set when the folder's log requires it, not the BROKER setting. */
async function demand(
  kind: LocalKind,
  reason: string,
  probes: BrokerProbes,
  home?: LocalKind,
): Promise<BrokerChoice> {
  const refusal = (missing: string, hint: string) =>
    new PermanentError(
      `${home === undefined ? reason : `BROKER=auto: ${reason} (${kind})`}: ${missing}`,
      {
        hint: home === undefined
          ? hint
          : `${hint} Or begin an empty log with BROKER=embedded; this one stays where it is.`,
      },
    );
  switch (kind) {
    case "redpanda": {
      const program = await probes.findRedpanda();
      if (program !== null) return { kind, reason: `${reason}; ${program.path}`, program };
      throw refusal(NO_REDPANDA, "Install Redpanda, or name its program in REDPANDA_BIN.");
    }
    case "docker": {
      const version = await probes.askDocker();
      if (version !== null) return { kind, reason: `${reason}; Docker ${version}` };
      throw refusal(
        NO_DOCKER,
        "Start Docker: `docker info` and `docker compose version` must answer.",
      );
    }
    case "embedded":
      return { kind, reason };
  }
}
