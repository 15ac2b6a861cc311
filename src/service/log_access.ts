/**
 * How to log in to an external Kafka and its registry: the settings, with the contents of the files they name.
 *
 * Secrets are passed only to the clients.
 */
import { readFile } from "node:fs/promises";
import { explain, PermanentError } from "@gmn/failures";
import type { Config } from "../config.ts";
import type { KafkaConnection } from "../events/kafka_client.ts";
import type { RegistryConnection } from "../events/schema_registry.ts";

/** What the clients need in addition to addresses. */
export interface LogAccess {
  readonly kafka: Pick<KafkaConnection, "ssl" | "sasl">;
  readonly registry: Pick<RegistryConnection, "authorization" | "ca">;
}

/**
 * Reads the files that the settings name.
 * @throws PermanentError naming the setting whose file can't be read
 */
export async function readLogAccess(
  { kafkaSecurity, schemaRegistrySecurity }: Pick<
    Config,
    "kafkaSecurity" | "schemaRegistrySecurity"
  >,
): Promise<LogAccess> {
  const { tls, caFile, certFile, keyFile, sasl } = kafkaSecurity;
  const { login, token } = schemaRegistrySecurity;
  const ca = await readPem("KAFKA_CA_FILE", caFile);
  const cert = await readPem("KAFKA_CERT_FILE", certFile);
  const key = await readPem("KAFKA_KEY_FILE", keyFile);
  const registryCa = await readPem("SCHEMA_REGISTRY_CA_FILE", schemaRegistrySecurity.caFile);
  const authorization = login ?? (token === null ? null : { token });
  return {
    kafka: {
      ...tls &&
        {
          ssl: {
            ...ca !== null && { ca: [ca] },
            ...cert !== null && { cert },
            ...key !== null && { key },
          },
        },
      ...sasl !== null && { sasl: saslOf(sasl) },
    },
    registry: {
      ...authorization !== null && { authorization },
      ...registryCa !== null && { ca: registryCa },
    },
  };
}

/** The login in the form that kafkajs expects. */
function saslOf(
  { mechanism, user: username, password }: NonNullable<Config["kafkaSecurity"]["sasl"]>,
): NonNullable<KafkaConnection["sasl"]> {
  switch (mechanism) {
    case "PLAIN":
      return { mechanism: "plain", username, password };
    case "SCRAM-SHA-256":
      return { mechanism: "scram-sha-256", username, password };
    case "SCRAM-SHA-512":
      return { mechanism: "scram-sha-512", username, password };
  }
}

async function readPem(setting: string, file: string | null): Promise<string | null> {
  if (file === null) return null;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new PermanentError(`${setting}=${file} can't be read: ${explain(error)}`, {
      cause: error,
    });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new PermanentError(`${setting}=${file} is not a PEM file`, {
    hint: "It must be text with -----BEGIN CERTIFICATE----- or -----BEGIN PRIVATE KEY----- in it.",
  });
}
