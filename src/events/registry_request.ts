/** Requests to a schema registry, with its login and its certificates. */
import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";

/** Where the registry is and how to log in. */
export interface RegistryConnection {
  readonly url: string;
  readonly clientId: string;
  readonly authorization?: { readonly user: string; readonly password: string } | {
    readonly token: string;
  };
  /** Certificates (PEM) to trust, if the system does not already trust the registry's. */
  readonly ca?: string;
}

export interface RegistryRequest {
  /** GET by default. */
  readonly method?: "GET" | "POST" | "PUT";
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The whole request may take so long. */
  readonly timeout_ms: number;
}

/** The header that logs in; none when the registry asks for no login. */
export function authorizationHeader({ authorization }: RegistryConnection): Record<string, string> {
  if (authorization === undefined) return {};
  if ("token" in authorization) return { authorization: `Bearer ${authorization.token}` };
  const { user, password } = authorization;
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

export const isHttps = ({ url }: RegistryConnection): boolean => url.startsWith("https:");

/** The TLS options that trust `ca`, if it is set. */
export const trustOf = ({ ca }: RegistryConnection) => ca === undefined ? {} : { ca };

/** An answer of more bytes is none of a registry: schemas have some kilobytes. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** Sends a request; gives the status and the body as text. @throws the socket's error, or the timeout's */
export function requestRegistry(
  connection: RegistryConnection,
  path: string,
  { method = "GET", body, timeout_ms }: RegistryRequest,
): Promise<{ readonly status: number; readonly text: string }> {
  const url = `${connection.url.replace(/\/+$/, "")}${path}`;
  const json = "application/vnd.schemaregistry.v1+json";
  const options = {
    method,
    headers: {
      ...authorizationHeader(connection),
      accept: json,
      ...body === undefined ? {} : { "content-type": json },
    },
    signal: AbortSignal.timeout(timeout_ms),
    ...trustOf(connection),
  };
  return new Promise((resolve, reject) => {
    const send = isHttps(connection) ? https.request : http.request;
    const request = send(url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) request.destroy(new Error(`more than ${bytes} bytes came`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on(
        "end",
        () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    }).on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
