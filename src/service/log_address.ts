/**
 * Addresses of logs on a command line: which broker keeps the log, and where.
 *
 *     embedded:DIR, redpanda:DIR, docker:DIR      the log that a broker of this kind keeps for the DATA_DIR DIR
 *     kafka://HOST:PORT[,HOST:PORT…]?registry=URL  any Kafka or Redpanda that runs, and its schema registry
 */
import { PermanentError } from "@gmn/failures";
import { LOCAL_KINDS, type LocalKind } from "../broker/log_home.ts";

/** Where a log is. */
export type LogAddress =
  | { readonly kind: LocalKind; readonly directory: string }
  | {
    readonly kind: "kafka";
    /** `host:port` each. */
    readonly brokers: readonly string[];
    readonly schemaRegistryUrl: string;
  };

const KAFKA = "kafka://";
const FORMS =
  "embedded:DIR, redpanda:DIR, docker:DIR or kafka://HOST:PORT[,HOST:PORT]?registry=URL";

/**
 * Reads an address.
 * @param resolve makes DIR absolute, as seen from the user's folder
 * @throws PermanentError saying what is wrong with it; it never shows a password
 */
export function parseLogAddress(text: string, resolve: (path: string) => string): LogAddress {
  if (text.startsWith(KAFKA)) return parseKafka(text.slice(KAFKA.length));
  const colon = text.indexOf(":");
  const kind = LOCAL_KINDS.find((one) => one === text.slice(0, colon));
  const directory = text.slice(colon + 1);
  if (kind === undefined) {
    throw new PermanentError(`${JSON.stringify(text)} is no address of a log`, {
      hint: `It must be ${FORMS}.`,
    });
  }
  if (directory === "") throw new PermanentError(`${kind}: names no folder`);
  return { kind, directory: resolve(directory) };
}

function parseKafka(rest: string): LogAddress {
  const [hosts = "", query = ""] = rest.split("?", 2);
  const registry = new URLSearchParams(query).get("registry");
  if (/@/.test(rest)) {
    throw new PermanentError("the address of a log has no user and no password in it", {
      hint:
        "They go into KAFKA_SASL_USER, KAFKA_SASL_PASSWORD, SCHEMA_REGISTRY_USER and SCHEMA_REGISTRY_PASSWORD.",
    });
  }
  const brokers = hosts.replace(/\/$/, "").split(",");
  const wrong = brokers.find((broker) => !/^[^\s,:/]+:\d{1,5}$/.test(broker));
  if (wrong !== undefined) {
    throw new PermanentError(`${JSON.stringify(wrong)} in ${KAFKA}${hosts} is not HOST:PORT`, {
      hint: `The address must be ${FORMS}.`,
    });
  }
  if (registry === null || !/^https?:\/\//.test(registry) || !URL.canParse(registry)) {
    throw new PermanentError(`${KAFKA}${hosts} names no schema registry`, {
      hint: `Add it: ${KAFKA}${hosts}?registry=http://HOST:8081`,
    });
  }
  return { kind: "kafka", brokers, schemaRegistryUrl: registry.replace(/\/+$/, "") };
}

/** The address in words, for messages. */
export function logAddressText(address: LogAddress): string {
  return address.kind === "kafka"
    ? `Kafka at ${address.brokers.join()}`
    : `the ${address.kind} log of ${address.directory}`;
}
