/**
 * Which Kafka stands behind the log, decided once at boot, with the reason.
 *
 * `BROKER=auto` takes the first that is there:
 *
 *     KAFKA_BROKERS is set ──▶ external
 *     this DATA_DIR has a log already ──▶ the broker that it was made with, or a refusal when that one is not there
 *     Redpanda is installed ──▶ redpanda (a child process)
 *     a Docker engine answers ──▶ docker (Redpanda in a container)
 *     otherwise ──▶ embedded
 */
import { PACKAGED_PATH, type RedpandaProgram } from "@gmn/engines";
import { PermanentError } from "@gmn/failures";
import type { LocalKind } from "./log_home.ts";

/** What BROKER may say. */
export type BrokerSetting = "auto" | "external" | LocalKind;

/** What was chosen and why. */
export type BrokerChoice =
  | { readonly kind: "external" | "docker" | "embedded"; readonly reason: string }
  | { readonly kind: "redpanda"; readonly reason: string; readonly program: RedpandaProgram };

/** The questions that the choice asks of the machine, in this order and only while it needs to. */
export interface BrokerProbes {
  /** What this DATA_DIR's log was made with; null when there is none yet. */
  logHome(): Promise<LocalKind | null>;
  findRedpanda(): Promise<RedpandaProgram | null>;
  /** Version of the Docker engine, if one answers. */
  askDocker(): Promise<string | null>;
}

const NO_REDPANDA = `no Redpanda (REDPANDA_BIN, ${PACKAGED_PATH}, redpanda or rpk on the PATH)`;
const NO_DOCKER = "no Docker engine that answers (with docker compose)";

/**
 * The choice that the settings and the machine make.
 * @throws PermanentError when what must be used is not there
 */
export async function chooseBroker(
  settings: { readonly broker: BrokerSetting; readonly kafkaBrokers: readonly string[] | null },
  probes: BrokerProbes,
): Promise<BrokerChoice> {
  const { broker, kafkaBrokers } = settings;
  if (broker === "external") return { kind: "external", reason: "BROKER=external" };
  if (broker !== "auto") return await insist(broker, `BROKER=${broker}`, probes);
  if (kafkaBrokers !== null) return { kind: "external", reason: "KAFKA_BROKERS is set" };
  const home = await probes.logHome();
  if (home !== null) return await insist(home, `this DATA_DIR's log is kept by it`, probes, home);

  const program = await probes.findRedpanda();
  if (program !== null) return { kind: "redpanda", reason: `${program.path} is there`, program };
  const version = await probes.askDocker();
  if (version !== null) return { kind: "docker", reason: `Docker ${version} answers` };
  return { kind: "embedded", reason: `no KAFKA_BROKERS, ${NO_REDPANDA}, ${NO_DOCKER}` };
}

/** This one and no other. `home` is set when not a person asked for it but the folder's log. */
async function insist(
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
