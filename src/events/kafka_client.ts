/** The patched kafkajs client, whose log lines go to our log, and the classification of its errors. */
import type { Admin, AdminConfig, KafkaConfig } from "kafkajs";
import { explain, PermanentError, TransientError } from "@gmn/failures";
import type { Observe } from "../observe/observe.ts";
import { registerCodecs } from "./kafkajs/codecs.ts";
import { assertKafkajsIsPatched, Kafka, logLevel } from "./kafkajs/kafkajs.ts";
import { socketFactory } from "./kafkajs/socket_factory.ts";

export type { Kafka } from "kafkajs";

/** Where the log is and how to log in. */
export interface KafkaConnection {
  /** `host:port` of one or more brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: KafkaConfig["ssl"];
  readonly sasl?: KafkaConfig["sasl"];
}

/** A broker that takes longer to accept a connection is unavailable. */
const CONNECTION_TIMEOUT_MS = 5_000;
/** A broker that takes longer to answer is stuck. The longest normal wait is a produce with acks=-1 on a slow disk. */
const REQUEST_TIMEOUT_MS = 30_000;

registerCodecs();

/**
 * A kafkajs client for `connection`. Nothing is connected yet.
 * @throws PermanentError when the patches of kafkajs are not in place
 */
export function createKafka(connection: KafkaConnection, observe: Observe): Kafka {
  assertKafkajsIsPatched();
  return new Kafka({
    brokers: [...connection.brokers],
    clientId: connection.clientId,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    socketFactory,
    // Retries inside kafkajs are kept short: our own loops retry, show it in the status, and can be stopped while they wait.
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 4 },
    ...(connection.ssl === undefined ? {} : { ssl: connection.ssl }),
    ...(connection.sasl === undefined ? {} : { sasl: connection.sasl }),
    logLevel: logLevel.WARN,
    logCreator: () => ({ level, log }) => {
      const detail = typeof log.error === "string" ? `: ${log.error}` : "";
      // kafkajs logs ordinary events as errors (a rebalance, a broker that is restarting). What matters reaches us as
      // exceptions, which our loops report. Its own messages are therefore logged one level lower.
      observe("log.client", {
        level: level === logLevel.ERROR ? "warning" : "debug",
        message: `${log.message}${detail}`,
      });
    },
  });
}

/**
 * Runs `ask` with an admin client, which is closed afterwards.
 * @param doing the purpose, for error messages
 * @throws TransientError when the broker can't be reached, PermanentError when it refuses
 */
export async function withAdmin<Answer>(
  kafka: Kafka,
  doing: string,
  ask: (admin: Admin) => Promise<Answer>,
  config?: AdminConfig,
): Promise<Answer> {
  const admin = kafka.admin(config);
  try {
    await admin.connect();
    return await ask(admin);
  } catch (error) {
    throw classifyKafkaError(error, doing);
  } finally {
    await admin.disconnect();
  }
}

/** The broker can't be reached, or does not answer as it should. */
export class BrokerUnavailableError extends TransientError {}

/** The broker refuses a record batch of this size. */
export class RecordTooLargeError extends PermanentError {
  override readonly name = "RecordTooLargeError";
}

const TOO_LARGE_TYPES = ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"];

/** Names of kafkajs errors that say the request itself is wrong, whatever the state of the broker. */
const PERMANENT_TYPES = new Set([
  ...TOO_LARGE_TYPES,
  "INVALID_TOPIC_EXCEPTION",
  "TOPIC_AUTHORIZATION_FAILED",
  "GROUP_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "SASL_AUTHENTICATION_FAILED",
  "UNSUPPORTED_SASL_MECHANISM",
  "ILLEGAL_SASL_STATE",
  "INVALID_REQUIRED_ACKS",
  "UNSUPPORTED_VERSION",
  "INVALID_RECORD",
  "INVALID_CONFIG",
  "INVALID_PARTITIONS",
  "INVALID_REPLICATION_FACTOR",
  "POLICY_VIOLATION",
]);

/** Whether a kafkajs error, or what caused it, is of one of these types: the names of Kafka's error codes. */
export function isKafkaError(error: unknown, types: readonly string[]): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { type } = at as { type?: unknown };
    if (typeof type === "string" && types.includes(type)) return true;
  }
  return false;
}

/**
 * Classifies a kafkajs error: permanent when the broker refuses this request, transient otherwise
 * (unreachable, restarting, no leader, not acknowledged in time).
 */
export function classifyKafkaError(error: unknown, doing: string): TransientError | PermanentError {
  if (error instanceof TransientError || error instanceof PermanentError) return error;
  for (
    let at: unknown = error, depth = 0;
    at instanceof Error && depth < 5;
    at = at.cause, depth++
  ) {
    const type = (at as { type?: unknown }).type;
    const isAuthentication = at.name === "KafkaJSSASLAuthenticationError";
    if ((typeof type === "string" && PERMANENT_TYPES.has(type)) || isAuthentication) {
      const Kind = TOO_LARGE_TYPES.includes(String(type)) ? RecordTooLargeError : PermanentError;
      return new Kind(`${doing}: ${explain(error)}`, {
        cause: error,
        hint: isAuthentication
          ? "Check the SASL settings."
          : "The broker refuses this request; see the reason.",
      });
    }
  }
  return new BrokerUnavailableError(`${doing}: ${explain(error)}`, {
    cause: error,
    hint: "Check that the broker is running and that KAFKA_BROKERS names it.",
  });
}
